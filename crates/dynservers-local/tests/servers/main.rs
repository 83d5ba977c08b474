//! Servers as real processes: begun, stopped, rebooted and deleted, by daemons that come and go.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails as the test does")]

mod crash;
mod environment;
mod harm;
mod junk;
mod life;
mod logs;
mod reboot;
mod stop;
mod support;
