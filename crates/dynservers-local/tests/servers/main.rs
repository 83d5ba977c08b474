//! Servers as real processes: begun, stopped, rebooted and deleted, by daemons that come and go.

mod crash;
mod environment;
mod harm;
mod junk;
mod life;
mod logs;
mod reboot;
mod stop;
mod support;
