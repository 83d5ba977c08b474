//! The machine as the loop sees it, so that the loop can be tested against a double.

use dynservers_core::{Config, ConfigError, FleetView, Input, Output, Reconciler, ServerRecord, Time};

/// What a loop needs of a machine; see [`Reconciler`] for the contract of each.
pub(crate) trait Machine: Send + 'static {
    fn handle_input(&mut self, input: Input, now: Time);
    fn handle_timeout(&mut self, now: Time);
    fn poll_output(&mut self) -> Option<Output>;
    fn poll_timeout(&self) -> Option<Time>;
    fn view(&self, now: Time) -> FleetView;
    fn servers(&self) -> Vec<ServerRecord>;
    /// Finds what a configuration contradicts in the ledger.
    fn contradictions(&self, config: &Config) -> Vec<ConfigError>;
}

impl Machine for Reconciler {
    fn handle_input(&mut self, input: Input, now: Time) {
        Self::handle_input(self, input, now);
    }

    fn handle_timeout(&mut self, now: Time) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Time> {
        Self::poll_timeout(self).map(|wakeup| wakeup.at)
    }

    fn view(&self, now: Time) -> FleetView {
        Self::view(self, now)
    }

    fn servers(&self) -> Vec<ServerRecord> {
        self.ledger().servers().cloned().collect()
    }

    fn contradictions(&self, config: &Config) -> Vec<ConfigError> {
        self.ledger().contradictions(config)
    }
}
