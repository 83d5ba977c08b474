//! UpCloud through its public face: requests out, answers in, no socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod answers;
mod defects;
mod errors;
mod garbage;
mod requests;
mod secrecy;
mod templates;
mod world;
