//! Bad providers, each with one fault that the kit must name; and a good one in which it finds none.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails as the test does")]

mod cloud;
mod defects;
mod errors;
mod good;
mod identity;
mod looks;
mod requests;
mod secrecy;
mod states;
mod trial;
