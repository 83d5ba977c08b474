//! The machine as a loop sees it, so that loops can be tested against a double.

use dynservers_core::{
    Config, ConfigError, FleetView, Input, Output, Reconciler, ServerId, ServerRecord, Time,
};

/// What a loop needs of a machine; see [`Reconciler`] for the contract of each.
pub trait Machine: Send + 'static {
    /// Hands in a piece of news.
    fn handle_input(&mut self, input: Input, now: Time);
    /// Tells that a moment has come.
    fn handle_timeout(&mut self, now: Time);
    /// Gives the next thing to do.
    fn poll_output(&mut self) -> Option<Output>;
    /// Gives the moment at which it wants to be called again.
    fn poll_timeout(&self) -> Option<Time>;
    /// Gives the fleet as it is known now.
    fn view(&self, now: Time) -> FleetView;
    /// Gives every record.
    fn servers(&self) -> Vec<ServerRecord>;
    /// Gives one record.
    fn server(&self, server: ServerId) -> Option<ServerRecord>;
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

    fn server(&self, server: ServerId) -> Option<ServerRecord> {
        self.ledger().server(server).cloned()
    }

    fn contradictions(&self, config: &Config) -> Vec<ConfigError> {
        self.ledger().contradictions(config)
    }
}
