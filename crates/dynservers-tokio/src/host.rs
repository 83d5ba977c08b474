//! The host: everything that a fleet needs to run, and its start.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use dynservers_core::{
    Asker, AsyncExecutor, Config, ConfigError, Ledger, ProviderName, Reconciler, Store, StoreError, Stored,
};
use thiserror::Error;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::spawn_blocking;

use crate::asks::Asks;
use crate::callers::Callers;
use crate::clock::FleetClock;
use crate::desk::Desk;
use crate::engine::{Engine, INBOX, PrepareFn, RunError};
use crate::handle::Handle;
use crate::in_flight::InFlight;
use crate::machine::Machine;
use crate::metrics::Metrics;

/// The most that the subscribers' channel may hold, since its memory is taken at once.
const MOST_EVENTS: usize = 1 << 16;

/// What a configuration makes: given to a [`Host`], and again to [`Handle::reload`](crate::Handle::reload).
pub struct Parts {
    /// What the machine must know.
    pub config: Config,
    /// Who does the effects: one for each configured provider.
    pub executors: BTreeMap<ProviderName, Arc<dyn AsyncExecutor>>,
    /// Renders the name and the specification of a new server; the second argument is the name it has by default,
    /// `dynamic-server-{type}-{id}`. Called by the loop itself: it must neither block for long nor panic.
    pub prepare: Arc<PrepareFn>,
    /// Asks workers; [`NoAsker`](dynservers_core::NoAsker) where no type has drain or scores. Called on tokio's
    /// blocking pool.
    pub asker: Arc<dyn Asker>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Parts").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Parts {
    /// Refuses what does not fit together.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        refuse(self.config.contradictions())?;
        let lacks = |name: &&ProviderName| !self.executors.contains_key(*name);
        match self.config.providers.keys().find(lacks) {
            Some(provider) => Err(StartError::NoExecutor { provider: provider.clone() }),
            None => Ok(()),
        }
    }
}

/// Everything that a fleet needs to run; consumed by [`Host::start`].
pub struct Host {
    /// What the machine must know, and whom it works with.
    pub parts: Parts,
    /// Where the ledger is durable. It is called on tokio's blocking pool only.
    pub store: Box<dyn Store>,
    /// The fleet's time. Executors that compare times, such as [`HttpExecutor`](crate::HttpExecutor), need a clone of
    /// the same clock.
    pub clock: FleetClock,
    /// Where the machine's random numbers begin. Tokens come of it: fresh entropy, unless a run is to be repeated.
    pub seed: u64,
    /// How many events a subscriber may fall behind, within 1 and 65,536.
    pub max_events: usize,
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Host").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// Why a fleet did not start. Nothing was done and nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The ledger could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store panicked.
    #[error("the store panicked while the ledger was read")]
    StorePanicked,
    /// The configuration contradicts itself, or the ledger.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Config(Vec<ConfigError>),
    /// A configured provider has nobody to do its effects.
    #[error("provider {provider} is configured and has no executor")]
    NoExecutor {
        /// The provider.
        provider: ProviderName,
    },
}

/// A loop that is ready to run: nothing happens but while it is polled.
///
/// It ends with `Ok` after [`Handle::shutdown`], and with an error when the ledger cannot be written. Dropping it is
/// a crash: lawful, and made up for by the next start.
#[must_use = "a fleet runs only while this is polled"]
pub struct Running(Pin<Box<dyn Future<Output = Result<(), RunError>> + Send>>);

impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Future for Running {
    type Output = Result<(), RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl Host {
    /// Reads the ledger, checks that everything fits, and gives the handle and the loop, to be spawned or awaited.
    ///
    /// To be called within a tokio runtime that has its time driver enabled.
    pub async fn start(mut self) -> Result<(Handle, Running), StartError> {
        self.parts.check()?;
        let stored = self.load().await?;
        self.clock.raise(stored.fleet.time);
        let ledger = Ledger::restore(stored);
        refuse(ledger.contradictions(&self.parts.config))?;
        let machine = Reconciler::new(self.parts.config.clone(), ledger, self.seed, self.clock.now());
        let (handle, engine) = self.engine(machine);
        Ok((handle, Running(Box::pin(engine.run()))))
    }

    async fn load(&mut self) -> Result<Stored, StartError> {
        let nothing = Box::new(dynservers_core::NoStore::new(self.parts.config.fleet.clone()));
        let mut store: Box<dyn Store> = std::mem::replace(&mut self.store, nothing);
        let (store, stored) = spawn_blocking(move || {
            let stored = store.load();
            (store, stored)
        })
        .await
        .map_err(|_| StartError::StorePanicked)?;
        self.store = store;
        Ok(stored?)
    }

    /// Joins the parts around a machine.
    pub(crate) fn engine<M: Machine>(self, machine: M) -> (Handle, Engine<M>) {
        let (inbox, inbox_receiver) = mpsc::channel(INBOX);
        let (reads, reads_receiver) = mpsc::channel(INBOX);
        let events = broadcast::Sender::new(self.max_events.clamp(1, MOST_EVENTS));
        let stop = Arc::new(Notify::new());
        let metrics = Arc::new(Metrics::default());
        let handle = Handle {
            inbox,
            reads,
            stop: Arc::clone(&stop),
            events: events.downgrade(),
            metrics: Arc::clone(&metrics),
        };
        let engine = Engine {
            machine,
            config: self.parts.config,
            clock: self.clock,
            desk: Desk::new(self.store, Arc::clone(&metrics)),
            executors: self.parts.executors,
            prepare: self.parts.prepare,
            asker: self.parts.asker,
            asks: Asks::default(),
            inbox: inbox_receiver,
            reads: reads_receiver,
            stop,
            events,
            callers: Callers::default(),
            in_flight: InFlight::new(Arc::clone(&metrics)),
            metrics,
            stopping: false,
        };
        (handle, engine)
    }
}

fn refuse(errors: Vec<ConfigError>) -> Result<(), StartError> {
    if errors.is_empty() { Ok(()) } else { Err(StartError::Config(errors)) }
}
