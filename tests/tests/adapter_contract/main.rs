//! The contract of the HTTP transports: one table of cases, which every transport meets on real sockets.
//!
//! A case that a transport does not meet is an error of that transport, or of the table.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint excuses only the functions marked so"
)]

mod answers;
mod broken;
mod certificates;
mod connections;
mod elsewhere;
mod plain;
mod requests;
mod server;
mod stalls;
mod table;
mod timely;
mod transports;
