//! What a configuration makes: the same for the daemon's start, its reload and a run without a daemon.

use std::future::Future;
use std::io;

use dynservers_hooks::delivery::Hook;
use dynservers_store::Sqlite;
use dynservers_tokio::{FleetClock, Handle, Host, Parts, RunError};
use thiserror::Error;

use crate::config::Configuration;
use crate::daemon::DaemonError;
use crate::exit::Exit;
use crate::hooks::{self, Hooks, HooksError};
use crate::measuring::{Gauges, Measuring, MeasuringError};
use crate::providers::{self, ProviderError};
use crate::site::Site;
use crate::workers::{self, CallError};

/// How many events the log may fall behind before it skips some.
const MAX_EVENTS: usize = 4096;

/// Why a configuration makes nothing. Nothing was done, and nobody was asked.
#[derive(Debug, Error)]
pub(crate) enum MakeError {
    /// A provider cannot be used.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A worker cannot be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A source cannot be asked.
    #[error(transparent)]
    Measuring(#[from] MeasuringError),
    /// A hook cannot be told of events.
    #[error(transparent)]
    Hooks(#[from] HooksError),
}

impl MakeError {
    /// Gives the code that the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Provider(error) => error.exit(),
            Self::Call(_) | Self::Measuring(_) | Self::Hooks(_) => Exit::Usage,
        }
    }
}

/// All of it, checked, and nothing of it begun.
#[derive(Debug)]
pub(crate) struct Made {
    /// What the loop needs.
    pub(crate) parts: Parts,
    /// What works beside the loop.
    pub(crate) company: Company,
}

/// What works beside a loop: those who measure, and those who are told.
#[derive(Debug)]
pub(crate) struct Company {
    gauges: Gauges,
    hooks: Vec<Hook>,
}

/// A company at work. Dropping it ends it at once.
#[derive(Debug)]
pub(crate) struct Present {
    measuring: Measuring,
    hooks: Hooks,
}

/// Makes everything that a reload replaces.
pub(crate) fn make(configuration: &Configuration, clock: &FleetClock) -> Result<Made, MakeError> {
    let parts = Parts {
        config: configuration.core.clone(),
        executors: providers::executors(configuration, clock)?,
        prepare: providers::prepare(configuration),
        asker: workers::asker(configuration)?,
        counter: None,
    };
    let company = Company { gauges: Gauges::new(configuration)?, hooks: hooks::plan(configuration)? };
    Ok(Made { parts, company })
}

impl Company {
    /// Begins to measure and to tell. The loop must run.
    pub(crate) async fn begin(
        self,
        configuration: &Configuration,
        handle: &Handle,
    ) -> Result<Present, HooksError> {
        let hooks = Hooks::start(self.hooks, configuration, handle).await?;
        Ok(Present { measuring: self.gauges.start(handle), hooks })
    }
}

impl Present {
    /// Waits until every type with sources was measured once, whatever came of it.
    pub(crate) async fn measured(&mut self) {
        self.measuring.begun().await;
    }

    /// Measures nothing more, and waits a while until everything that happened by now was told. The loop must run.
    pub(crate) async fn finish(self) {
        self.hooks.finish().await;
    }

    /// Measures nothing more, tells of nothing more, and waits a while for what is being told.
    pub(crate) async fn end(self) {
        self.hooks.stop().await;
    }
}

/// Opens the ledger and makes the machine, which does nothing until the loop is polled.
///
/// What is refused is refused before anything is written or asked.
pub(crate) async fn start(
    parts: Parts,
    configuration: &Configuration,
    clock: FleetClock,
) -> Result<(Handle, impl Future<Output = Result<(), RunError>> + Send + use<>), DaemonError> {
    let site = Site::from(configuration);
    let store = tokio::task::spawn_blocking(move || Sqlite::open(&site.store, &site.fleet))
        .await
        .map_err(|_| DaemonError::Broken { part: "the store" })??;
    let host = Host {
        parts,
        store: Box::new(store),
        clock,
        seed: getrandom::u64().map_err(io::Error::other)?,
        max_events: MAX_EVENTS,
    };
    #[cfg(feature = "other-loops")]
    let started = crate::other_loops::start(host).await;
    #[cfg(not(feature = "other-loops"))]
    let started = dynservers_tokio::start(host).await;
    Ok(started?)
}
