//! The ledger in SQLite, as a daemon, a bystander and a person at the shell meet it.
#![cfg(feature = "sqlite")]
// The lint knows tests by their attribute, and not what they call.
#![allow(clippy::unwrap_used)]

mod broken;
mod common;
mod crash;
mod handover;
mod queries;
mod reader;
mod refusals;
mod round_trip;
