//! The binary `dynservers`: the daemon, its control API, and the commands that operate it.
#![allow(dead_code)]

mod api;
mod args;
mod commands;
mod exit;
mod logging;
#[cfg(test)]
mod samples;
mod terminal;
mod time;

fn main() {}
