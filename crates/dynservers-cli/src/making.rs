//! What a configuration makes: the parts of a fleet, the same for its start, its reload and a run without a daemon.

use std::io;
use std::sync::Arc;

use dynservers_core::NoAsker;
use dynservers_store::Sqlite;
use dynservers_tokio::{FleetClock, Handle, Host, Parts, Running};

use crate::config::Configuration;
use crate::daemon::DaemonError;
use crate::providers::{self, ProviderError};
use crate::site::Site;

/// How many events the log may fall behind before it skips some.
const MAX_EVENTS: usize = 4096;

/// Makes what the loop needs. Everything that a reload replaces is made here, and nothing of it does anything yet.
pub(crate) fn parts(configuration: &Configuration, clock: &FleetClock) -> Result<Parts, ProviderError> {
    Ok(Parts {
        config: configuration.core.clone(),
        executors: providers::executors(configuration, clock)?,
        prepare: providers::prepare(configuration),
        asker: Arc::new(NoAsker),
    })
}

/// Opens the ledger and makes the machine, which does nothing until the loop is polled.
///
/// What is refused is refused before anything is written or asked.
pub(crate) async fn start(
    configuration: &Configuration,
    clock: FleetClock,
) -> Result<(Handle, Running), DaemonError> {
    let parts = parts(configuration, &clock)?;
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
    Ok(host.start().await?)
}
