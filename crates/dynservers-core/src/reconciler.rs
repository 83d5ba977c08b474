//! The machine.

use crate::{Config, ConfigError, FleetView, Input, Output, ServerRecord, Stored, Time};
use alloc::vec::Vec;

/// The ledger in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger;

impl Ledger {
    /// Takes what a store gave.
    #[must_use]
    pub fn restore(_stored: Stored) -> Self {
        unimplemented!()
    }
    /// Finds what the configuration leaves unowned.
    #[must_use]
    pub fn contradictions(&self, _config: &Config) -> Vec<ConfigError> {
        unimplemented!()
    }
    /// Servers by id.
    pub fn servers(&self) -> impl Iterator<Item = &ServerRecord> {
        core::iter::empty()
    }
}

/// When and why to call back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wakeup {
    /// When.
    pub at: Time,
}

/// The machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciler;

impl Reconciler {
    /// Makes it.
    #[must_use]
    pub fn new(_config: Config, _ledger: Ledger, _seed: u64, _now: Time) -> Self {
        unimplemented!()
    }
    /// Tells it.
    pub fn handle_input(&mut self, _input: Input, _now: Time) {
        unimplemented!()
    }
    /// Time passed.
    pub fn handle_timeout(&mut self, _now: Time) {
        unimplemented!()
    }
    /// What to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        unimplemented!()
    }
    /// When to call [`Reconciler::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Wakeup> {
        unimplemented!()
    }
    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        unimplemented!()
    }
    /// The fleet as plain data.
    #[must_use]
    pub fn view(&self, _now: Time) -> FleetView {
        unimplemented!()
    }
}
