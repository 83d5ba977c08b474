//! The handle: how the rest of a program speaks with a running loop.

use std::sync::Arc;

use async_lock::{Semaphore, SemaphoreGuardArc};
use dynservers_core::{
    Command, Decision, DecisionQuery, Demand, Event, EventId, FleetView, Reply, ServerId, ServerRecord,
    StoreError, Time, TypeName,
};
use thiserror::Error;

use crate::desk::Read;
use crate::feed::{Feed, Receiver};
use crate::host::{Parts, StartError};
use crate::latch::Latch;
use crate::mailbox::{Kind, Mailbox};
use crate::metrics::{Metrics, Snapshot};

/// How many may wait for an answer of one loop at once. Whoever comes on top of that waits for a seat.
pub(crate) const SEATS: usize = 1024;

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

/// Whoever waits for an answer, and the seat that is free again once there is one.
#[derive(Debug)]
pub(crate) struct Caller<T> {
    answer: async_channel::Sender<T>,
    _seat: SemaphoreGuardArc,
}

impl<T> Caller<T> {
    /// Whether nobody waits any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    pub(crate) fn answer(self, answer: T) {
        // Whoever asked may have gone.
        let _ = self.answer.try_send(answer);
    }
}

/// What a handle says to its loop.
#[derive(Debug)]
pub(crate) enum Message {
    Command(Command, Caller<Reply>),
    /// The seat is held until the demand is heard.
    Demand(Demand, SemaphoreGuardArc),
    Reload(Box<Parts>, Caller<Result<(), StartError>>),
    View(Caller<FleetView>),
    Servers(Caller<Vec<ServerRecord>>),
    Server(ServerId, Caller<Option<ServerRecord>>),
    Settle(Settling),
    Read(Read),
}

/// Somebody who waits until a type, or every type, is settled.
#[derive(Debug)]
pub(crate) struct Settling {
    pub(crate) server_type: Option<TypeName>,
    pub(crate) timeout: std::time::Duration,
    pub(crate) caller: Caller<Settled>,
}

/// How the wait for a settled fleet ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Whether it is settled: every desired server runs, and nothing is on its way.
    pub settled: bool,
    /// The moment of the answer.
    pub at: Time,
    /// The fleet at that moment.
    pub view: FleetView,
}

/// Speaks with a running loop. Clones speak with the same one; dropping them all does not end it.
///
/// Every future may be awaited on any executor, or by a thread with [`wait`](crate::wait). It waits while the loop has
/// too much to do, and may be given up by dropping it; a command that reached the loop is carried out all the same.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) seats: Arc<Semaphore>,
    pub(crate) ended: Arc<Latch>,
    pub(crate) feed: Feed,
    pub(crate) metrics: Arc<Metrics>,
}

impl Handle {
    pub(crate) fn new(mailbox: Arc<Mailbox>, feed: Feed, metrics: Arc<Metrics>) -> Self {
        Self { mailbox, seats: Arc::new(Semaphore::new(SEATS)), ended: Arc::default(), feed, metrics }
    }

    /// Gives a command, and returns its answer once what it asked for is durable.
    pub async fn command(&self, command: Command) -> Result<Reply, Stopped> {
        self.ask(|caller| Message::Command(command, caller)).await
    }

    /// Tells how much work there is for a type.
    pub async fn demand(&self, demand: Demand) -> Result<(), Stopped> {
        let seat = self.seats.acquire_arc().await;
        self.mailbox.push(Kind::Message(Message::Demand(demand, seat)))
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

    /// Gives one record of the ledger.
    pub async fn server(&self, server: ServerId) -> Result<Option<ServerRecord>, Stopped> {
        self.ask(|caller| Message::Server(server, caller)).await
    }

    /// Waits until a type, or every type, is settled, for as long as `timeout`.
    pub async fn settled(
        &self,
        server_type: Option<TypeName>,
        timeout: std::time::Duration,
    ) -> Result<Settled, Stopped> {
        self.ask(|caller| Message::Settle(Settling { server_type, timeout, caller })).await
    }

    /// Reads at most `limit` events later than `after` from the store, oldest first.
    pub async fn events(&self, after: EventId, limit: usize) -> Result<Vec<Event>, EventsError> {
        Ok(self.ask(|caller| Message::Read(Read::Events { after, limit, caller })).await??)
    }

    /// Reads the last decisions about numbers of servers from the store, oldest first.
    pub async fn decisions(&self, wish: DecisionQuery) -> Result<Vec<Decision>, EventsError> {
        Ok(self.ask(|caller| Message::Read(Read::Decisions { wish, caller })).await??)
    }

    /// Listens to the events from now on.
    ///
    /// A receiver that falls behind by more than [`max_events`](crate::Host::max_events) is told so by
    /// [`RecvError::Lagged`](crate::RecvError::Lagged), and finds what it missed by [`Handle::events`]; one of a loop
    /// that has ended is told so by [`RecvError::Closed`](crate::RecvError::Closed).
    #[must_use]
    pub fn subscribe(&self) -> Receiver {
        self.feed.subscribe()
    }

    /// Gives what the loop has counted so far. The loop is not asked: it is neither waited for nor held up.
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.metrics.snapshot()
    }

    /// Asks the loop to end, and returns once it has: no new effects, those in flight awaited and recorded, each
    /// bounded by its own deadline. Servers stay. The loop must still run meanwhile.
    ///
    /// Dropping the future does not take the wish back.
    pub async fn shutdown(&self) {
        // A loop that has ended needs no asking.
        let _ = self.mailbox.push(Kind::Stop);
        self.ended.wait().await;
    }

    /// Makes a loop that waits for news look up.
    pub fn nudge(&self) {
        self.mailbox.nudge();
    }

    async fn ask<T>(&self, message: impl FnOnce(Caller<T>) -> Message) -> Result<T, Stopped> {
        let seat = self.seats.acquire_arc().await;
        let (answer, answered) = async_channel::bounded(1);
        self.mailbox.push(Kind::Message(message(Caller { answer, _seat: seat })))?;
        let mut leaving = Leaving { mailbox: &self.mailbox, answered: false };
        let answer = answered.recv().await;
        leaving.answered = true;
        answer.map_err(|_| Stopped)
    }
}

/// Makes the loop look up when somebody leaves without an answer, so that the seat is free again.
struct Leaving<'a> {
    mailbox: &'a Mailbox,
    answered: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.mailbox.nudge();
        }
    }
}
