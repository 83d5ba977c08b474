//! What of the user's is called from outside: programs and web addresses, each within bounds.
//!
//! Everything here blocks, and takes no longer than its timeout; an async host calls it on its blocking pool.
//!
//! # Workers
//!
//! [`Workers`](ask::Workers) asks the worker on a server by a program or a web address, as its type says. Each question
//! may come again and again, also after a restart of the daemon: the same answer must be given.
//!
//! | question | means |
//! |---|---|
//! | `drain` | take no new work, and say when there is none left |
//! | `undrain` | take work again: the server stays |
//! | `busy` | how much would be lost if the server went now? |
//!
//! A program is told by its environment: `DYNSERVERS_QUESTION`, `DYNSERVERS_SERVER_ID`, `DYNSERVERS_SERVER_NAME`,
//! `DYNSERVERS_SERVER_TYPE`, where known `DYNSERVERS_SERVER_ADDRESS` and `DYNSERVERS_SERVER_PROVIDER_ID`, and for `drain`
//! `DYNSERVERS_DEADLINE` in Unix seconds. A web address is called with `POST` for `drain` (the header
//! `dynservers-deadline` tells the deadline), `DELETE` for `undrain` and `GET` for `busy`.
//!
//! | a program ends with | a web address answers | means |
//! |---|---|---|
//! | 0 | 200, 204 | done: drained, at work again, or nothing to lose |
//! | 75 (`EX_TEMPFAIL`) | 202, 409, 503 | it has work in hand |
//! | 69 (`EX_UNAVAILABLE`) | 410, but not 404, which a mistyped path says too | nobody works there any more |
//! | anything else, or not in time | anything else, or not in time | no answer, which is never taken for any of these |
//!
//! The number of jobs is what is printed, or the answer's body: a whole number or `{"busy": 3}`. To `busy` it is expected
//! with 0 and 200, where nothing stands for 0; with "it has work in hand" it is welcome.

pub mod ask;
pub mod delivery;
mod fill;
mod program;
pub mod signature;
mod web;
pub mod words;

pub use fill::{FillError, Place, Subject, check, fill};
pub use program::{End, KEPT_STDERR, MOST_STDOUT, Output, Program, ProgramError};
pub use web::{Header, InvalidWeb, MOST_ANSWER, Web, WebAnswer, WebError, is_this_machine};
