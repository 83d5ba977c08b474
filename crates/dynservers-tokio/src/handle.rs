//! The handle: how the rest of a program speaks with a running loop.

use std::sync::Arc;

use dynservers_core::{Command, Demand, Event, EventId, FleetView, Reply, ServerRecord, StoreError};
use thiserror::Error;
use tokio::sync::{Notify, broadcast, mpsc, oneshot};

use crate::desk::Read;
use crate::host::{Parts, StartError};
use crate::metrics::{Metrics, Snapshot};

/// The loop has ended, or ended before it answered.
///
/// A command that was under way then may have been recorded or not: said again under the same id to the next loop,
/// it is done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the fleet's loop has ended")]
pub struct Stopped;

/// Why the log could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// The loop has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The store could not read it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a loop stays with the configuration that it has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The loop has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The new configuration contradicts itself, or the ledger.
    #[error(transparent)]
    Refused(#[from] StartError),
}

/// What a handle says to its loop.
#[derive(Debug)]
pub(crate) enum Message {
    Command(Command, oneshot::Sender<Reply>),
    Demand(Demand),
    Reload(Box<Parts>, oneshot::Sender<Result<(), StartError>>),
    View(oneshot::Sender<FleetView>),
    Servers(oneshot::Sender<Vec<ServerRecord>>),
}

/// Speaks with a running loop. Clones speak with the same one; dropping them all does not end it.
///
/// Every call waits while the loop has too much to do, and may be given up by dropping its future; a command that
/// reached the loop is carried out all the same.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) inbox: mpsc::Sender<Message>,
    pub(crate) reads: mpsc::Sender<Read>,
    pub(crate) stop: Arc<Notify>,
    /// Weak, so that receivers see the end of the stream when the loop has ended.
    pub(crate) events: broadcast::WeakSender<Event>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Handle {
    /// Gives a command, and returns its answer once what it asked for is durable.
    pub async fn command(&self, command: Command) -> Result<Reply, Stopped> {
        self.ask(|caller| Message::Command(command, caller)).await
    }

    /// Tells how much work there is for a type.
    pub async fn demand(&self, demand: Demand) -> Result<(), Stopped> {
        self.inbox.send(Message::Demand(demand)).await.map_err(|_| Stopped)
    }

    /// Goes by another configuration from now on. If that is refused, nothing has changed.
    ///
    /// The fleet's name, its store and its clock stay; executors that compare times need a clone of the same clock.
    pub async fn reload(&self, parts: Parts) -> Result<(), ReloadError> {
        Ok(self.ask(|caller| Message::Reload(Box::new(parts), caller)).await??)
    }

    /// Gives the fleet as it is known now.
    pub async fn view(&self) -> Result<FleetView, Stopped> {
        self.ask(Message::View).await
    }

    /// Gives every record of the ledger, by id.
    pub async fn servers(&self) -> Result<Vec<ServerRecord>, Stopped> {
        self.ask(Message::Servers).await
    }

    /// Reads at most `limit` events later than `after` from the store, oldest first.
    pub async fn events(&self, after: EventId, limit: usize) -> Result<Vec<Event>, EventsError> {
        let (answer, answered) = oneshot::channel();
        self.reads.send(Read { after, limit, answer }).await.map_err(|_| Stopped)?;
        Ok(answered.await.map_err(|_| Stopped)??)
    }

    /// Listens to the events from now on.
    ///
    /// A receiver that falls behind by more than [`max_events`](crate::Host::max_events) is told so by
    /// [`RecvError::Lagged`](broadcast::error::RecvError::Lagged), and finds what it missed by [`Handle::events`];
    /// one of a loop that has ended is told so by [`RecvError::Closed`](broadcast::error::RecvError::Closed).
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        // Without a loop there is nobody to send: a channel whose sender is gone already says just that.
        self.events.upgrade().map_or_else(|| broadcast::channel(1).1, |events| events.subscribe())
    }

    /// Gives what the loop has counted so far. The loop is not asked: it is neither waited for nor held up.
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.metrics.snapshot()
    }

    /// Asks the loop to end, and returns once it has: no new effects, those in flight awaited and recorded, each
    /// bounded by its own deadline. Servers stay. The [`Running`](crate::Running) must still be polled meanwhile.
    ///
    /// Dropping the future does not take the wish back.
    pub async fn shutdown(&self) {
        self.stop.notify_one();
        self.inbox.closed().await;
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.inbox.send(message(answer)).await.map_err(|_| Stopped)?;
        answered.await.map_err(|_| Stopped)
    }
}
