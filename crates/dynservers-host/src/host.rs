//! The host: everything that a fleet needs to run, and its opening.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dynservers_core::{
    Asker, Config, ConfigError, EventId, Failure, Ledger, Prepare, Prepared, ProviderName, Reconciler, Store,
    StoreError,
};
use thiserror::Error;

use crate::clock::FleetClock;
use crate::counting::Counter;
use crate::driver::Driver;
use crate::feed::Feed;
use crate::handle::Handle;
use crate::hands::Hands;
use crate::machine::Machine;
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;

/// Renders the name and the specification of a new server; its second argument is the name it has by default.
pub type PrepareFn = dyn Fn(&Prepare, &str) -> Result<Prepared, Failure> + Send + Sync;

/// What a configuration makes: given to a [`Host`], and again to [`Handle::reload`](crate::Handle::reload).
pub struct Parts {
    /// What the machine must know.
    pub config: Config,
    /// Who does the effects: one for each configured provider.
    pub executors: BTreeMap<ProviderName, Hands>,
    /// Renders the name and the specification of a new server; the second argument is the name it has by default,
    /// `dynamic-server-{type}-{id}`. Called by the loop itself: it must not block for long. If it panics, the server
    /// is not made, and it is asked again later.
    pub prepare: Arc<PrepareFn>,
    /// Asks workers; [`NoAsker`](dynservers_core::NoAsker) where no type has drain or scores. Called where blocking is
    /// allowed.
    pub asker: Arc<dyn Asker>,
    /// Determines the number of servers now and then, if it is the host's to say.
    pub counter: Option<Counter>,
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

/// Everything that a fleet needs to run.
pub struct Host {
    /// What the machine must know, and whom it works with.
    pub parts: Parts,
    /// Where the ledger is durable. It is called where blocking is allowed only.
    pub store: Box<dyn Store>,
    /// The fleet's time. Executors that compare times need a clone of the same clock.
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

impl Host {
    /// Reads the ledger, checks that everything fits, and gives the handle and the driver, which does nothing until a
    /// loop carries it. Blocks while the store is read.
    pub fn open(mut self) -> Result<(Handle, Driver), StartError> {
        self.parts.check()?;
        let load = catch_unwind(AssertUnwindSafe(|| self.store.load()));
        let stored = load.map_err(|_| StartError::StorePanicked)??;
        self.clock.raise(stored.fleet.time);
        let ledger = Ledger::restore(stored);
        refuse(ledger.contradictions(&self.parts.config))?;
        let last = EventId(ledger.fleet().next_event.saturating_sub(1));
        let machine = Reconciler::new(self.parts.config.clone(), ledger, self.seed, self.clock.now());
        let (handle, driver) = self.around(machine);
        handle.feed.continue_after(last);
        Ok((handle, driver))
    }

    /// Joins the parts around a machine, without reading the ledger.
    pub fn around<M: Machine>(self, machine: M) -> (Handle, Driver<M>) {
        let metrics = Arc::new(Metrics::default());
        let mailbox = Arc::new(Mailbox::default());
        let handle = Handle::new(mailbox, Feed::new(self.max_events), metrics);
        let driver = Driver::new(machine, self.parts, self.store, self.clock, handle.clone());
        (handle, driver)
    }
}

fn refuse(errors: Vec<ConfigError>) -> Result<(), StartError> {
    if errors.is_empty() { Ok(()) } else { Err(StartError::Config(errors)) }
}
