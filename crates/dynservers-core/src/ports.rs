//! Ports: what a host plugs in. The machine itself calls none of them; its loops do.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;

use thiserror::Error;

use crate::ask::{Answer, Ask};
use crate::decision::{Decision, DecisionQuery};
use crate::effect::{Completion, Effect, Failure};
use crate::event::Event;
use crate::ids::{EventId, FleetName, OwnerId};
use crate::record::{Batch, Stored};

/// Where a ledger is durable. Blocking: an async loop calls it on its blocking pool.
///
/// Whoever holds a store holds the ledger's lock; a second one is refused with [`StoreError::Locked`].
pub trait Store: Send {
    /// Reads the whole ledger.
    fn load(&mut self) -> Result<Stored, StoreError>;

    /// Makes a batch durable, all of it or nothing.
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// Reads at most `limit` events that are later than `after`, oldest first.
    fn events(&mut self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// Reads the last decisions about numbers of servers, oldest first. A store that keeps none gives none.
    fn decisions(&mut self, wish: &DecisionQuery) -> Result<Vec<Decision>, StoreError> {
        let DecisionQuery { .. } = wish;
        Ok(Vec::new())
    }
}

/// Why a store did not do what it was asked. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else has the ledger.
    #[error("the ledger at {place} is in use by another process")]
    Locked {
        /// Where it is.
        place: String,
    },
    /// Somebody else took the ledger over: this process must stop.
    #[error("the ledger was taken over by another process (term {found}, ours is {term})")]
    Fenced {
        /// Our term.
        term: u64,
        /// The term found.
        found: u64,
    },
    /// The ledger belongs to another fleet.
    #[error("the ledger at {place} belongs to fleet {found}, not to {wanted}")]
    OtherFleet {
        /// Where it is.
        place: String,
        /// The fleet it belongs to.
        found: FleetName,
        /// The fleet wanted.
        wanted: FleetName,
    },
    /// The ledger was written by a newer version.
    #[error(
        "the ledger at {place} has schema {found}, and this version knows up to {known}: use a newer dynservers"
    )]
    Newer {
        /// Where it is.
        place: String,
        /// Its schema.
        found: u32,
        /// The newest schema that this version knows.
        known: u32,
    },
    /// What is there is no ledger, or a broken one.
    #[error("{place} is not a usable ledger: {message}")]
    Invalid {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// Reading or writing failed.
    #[error("the ledger at {place} cannot be used: {message}")]
    Io {
        /// Where it is.
        place: String,
        /// The system's words.
        message: String,
    },
}

/// Does effects, one after the other; for providers that are no HTTP API, and for threads.
pub trait Executor: Send + Sync {
    /// Does the effect at most once, not after its `not_after`, and tells what became of it.
    fn execute(&self, effect: &Effect) -> Completion;
}

/// The future of a completion.
pub type Completing<'a> = Pin<Box<dyn Future<Output = Completion> + Send + 'a>>;

/// Does effects concurrently.
pub trait AsyncExecutor: Send + Sync {
    /// Does the effect at most once, not after its `not_after`, and tells what became of it.
    ///
    /// Dropping the future is a lost answer: the effect may have happened.
    fn execute<'a>(&'a self, effect: &'a Effect) -> Completing<'a>;
}

impl<E: Executor + ?Sized> Executor for Arc<E> {
    fn execute(&self, effect: &Effect) -> Completion {
        (**self).execute(effect)
    }
}

impl<E: AsyncExecutor + ?Sized> AsyncExecutor for Arc<E> {
    fn execute<'a>(&'a self, effect: &'a Effect) -> Completing<'a> {
        (**self).execute(effect)
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn load(&mut self) -> Result<Stored, StoreError> {
        (**self).load()
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        (**self).append(batch)
    }

    fn events(&mut self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        (**self).events(after, limit)
    }

    fn decisions(&mut self, wish: &DecisionQuery) -> Result<Vec<Decision>, StoreError> {
        (**self).decisions(wish)
    }
}

/// Asks workers. Blocking: an async loop calls it on its blocking pool.
pub trait Asker: Send + Sync {
    /// Asks once, within a bound of its own, and gives the answer.
    fn ask(&self, ask: &Ask) -> Answer;
}

/// Asks nobody: for fleets whose types have neither drain nor scores.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAsker;

impl Asker for NoAsker {
    fn ask(&self, _ask: &Ask) -> Answer {
        Answer::Silent(Failure::new("nothing says how its worker is to be asked"))
    }
}

/// Keeps nothing: the ledger lives in memory and is rebuilt from labels after a restart.
#[derive(Clone, Debug)]
pub struct NoStore {
    fleet: FleetName,
}

impl NoStore {
    /// Makes a store that keeps nothing. Its owner is the fleet's name, so that a restart knows its own servers.
    #[must_use]
    pub const fn new(fleet: FleetName) -> Self {
        Self { fleet }
    }
}

impl Store for NoStore {
    fn load(&mut self) -> Result<Stored, StoreError> {
        Ok(Stored::empty(self.fleet.clone(), OwnerId::of_fleet(&self.fleet)))
    }

    fn append(&mut self, _batch: &Batch) -> Result<(), StoreError> {
        Ok(())
    }

    fn events(&mut self, _after: EventId, _limit: usize) -> Result<Vec<Event>, StoreError> {
        Ok(Vec::new())
    }
}
