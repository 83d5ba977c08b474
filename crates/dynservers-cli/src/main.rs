//! placeholder
#[allow(dead_code, unused_imports, reason = "the commands that read it are still to come")]
mod config;

fn main() {}
