//! The fleet as the control API needs it: a handle on the running loop, or a double in tests.

use std::future::Future;

use dynservers_core::{Command, Decision, DecisionQuery, Event, EventId, FleetView, Reply, ServerRecord};
use dynservers_tokio::{EventsError, Handle, Receiver, Snapshot};

/// The loop has ended: nobody answers any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

/// A running fleet.
pub(crate) trait Fleet: Clone + Send + Sync + 'static {
    /// Says a command, and gives the answer once it is durable.
    fn command(&self, command: Command) -> impl Future<Output = Result<Reply, Stopped>> + Send;

    /// Gives the fleet as it is known now.
    fn view(&self) -> impl Future<Output = Result<FleetView, Stopped>> + Send;

    /// Gives every record.
    fn servers(&self) -> impl Future<Output = Result<Vec<ServerRecord>, Stopped>> + Send;

    /// Reads the log.
    fn events(
        &self,
        after: EventId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Event>, EventsError>> + Send;

    /// Reads what was decided.
    fn decisions(
        &self,
        wish: DecisionQuery,
    ) -> impl Future<Output = Result<Vec<Decision>, EventsError>> + Send;

    /// Listens to the log from now on.
    fn subscribe(&self) -> Receiver;

    /// Gives what the loop has counted.
    fn metrics(&self) -> Snapshot;
}

impl Fleet for Handle {
    async fn command(&self, command: Command) -> Result<Reply, Stopped> {
        Self::command(self, command).await.map_err(|_| Stopped)
    }

    async fn view(&self) -> Result<FleetView, Stopped> {
        Self::view(self).await.map_err(|_| Stopped)
    }

    async fn servers(&self) -> Result<Vec<ServerRecord>, Stopped> {
        Self::servers(self).await.map_err(|_| Stopped)
    }

    async fn events(&self, after: EventId, limit: usize) -> Result<Vec<Event>, EventsError> {
        Self::events(self, after, limit).await
    }

    async fn decisions(&self, wish: DecisionQuery) -> Result<Vec<Decision>, EventsError> {
        Self::decisions(self, wish).await
    }

    fn subscribe(&self) -> Receiver {
        Self::subscribe(self)
    }

    fn metrics(&self) -> Snapshot {
        Self::metrics(self)
    }
}
