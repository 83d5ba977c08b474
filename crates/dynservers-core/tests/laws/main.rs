//! The laws, as far as one process can break them: scenarios and properties over the real machine in virtual time.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap has failed")]

mod accounts;
mod cloud;
mod commands;
mod crashes;
mod damage;
mod decisions;
mod demands;
mod disk;
mod draining;
mod embedded;
mod failing;
mod faults;
mod hosts;
mod life;
mod missing;
mod owners;
mod ownership;
mod random;
mod reloading;
mod room;
mod sameness;
mod scores;
mod short_lives;
mod steps;
mod types;
mod undoing;
mod workers;
mod world;
