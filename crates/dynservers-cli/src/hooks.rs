//! Hooks: the fleet's events carried to the user's programs and addresses, as the configuration says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use dynservers_core::{Event, EventId, Failure};
use dynservers_hooks::delivery::{
    Bell, Courier, CourierError, Filter, Hook, InvalidHook, Limits, Log, Target, Told, What,
};
use dynservers_hooks::{InvalidWeb, Program, Web};
use dynservers_tokio::{Handle, Receiver, RecvError};
use thiserror::Error;
use tokio::runtime;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::config::{Configuration, HookSettings, HookTarget, StoreUrl};
use crate::workers;

/// How long a delivery that is under way is waited for when the hooks end; else it is made again later.
const GRACE: Duration = Duration::from_secs(5);

/// Why nobody can be told of events.
#[derive(Debug, Error)]
pub(crate) enum HooksError {
    /// An address cannot be called.
    #[error("error: hook {name}: {source}")]
    Web {
        /// The hook.
        name: String,
        /// What is wrong with it.
        source: InvalidWeb,
    },
    /// A hook cannot be one.
    #[error("error: hook {name}: {source}")]
    Hook {
        /// The hook.
        name: String,
        /// What is wrong with it.
        source: InvalidHook,
    },
    /// The courier did not start.
    #[error("error: {0}")]
    Courier(#[from] CourierError),
    /// The courier panicked.
    #[error("error: the hooks broke down while they were started")]
    Broken,
}

/// The hooks of a fleet. Dropping it ends them, and leaves what is under way to be made again.
#[derive(Debug)]
pub(crate) struct Hooks {
    courier: Option<Courier>,
    ringing: Option<JoinHandle<()>>,
}

impl Hooks {
    /// Begins to tell of events: of each since the last that was told, whichever process that was. The loop must run.
    pub(crate) async fn start(
        hooks: Vec<Hook>,
        configuration: &Configuration,
        handle: &Handle,
    ) -> Result<Self, HooksError> {
        if hooks.is_empty() {
            return Ok(Self { courier: None, ringing: None });
        }
        let (fleet, directory) = (configuration.fleet.clone(), cursors(configuration));
        let events = handle.subscribe();
        let log = HandleLog { handle: handle.clone(), runtime: runtime::Handle::current() };
        let started = spawn_blocking(move || {
            Courier::start(&fleet, hooks, Limits::default(), &directory, log, |told| tell(&told))
        });
        let courier = started.await.map_err(|_| HooksError::Broken)??;
        let ringing = tokio::spawn(ring(events, courier.bell()));
        Ok(Self { courier: Some(courier), ringing: Some(ringing) })
    }

    /// Tells of what has happened by now, and waits a while for that. The loop must run.
    pub(crate) async fn finish(mut self) {
        if let Some(courier) = self.courier.take() {
            // It waits for its threads; if one of them panicked, that has been told.
            let _ = spawn_blocking(move || courier.finish(GRACE)).await;
        }
    }

    /// Begins nothing more, and waits a while for what is under way.
    pub(crate) async fn stop(mut self) {
        if let Some(courier) = self.courier.take() {
            // It waits for its threads; if one of them panicked, that has been told.
            let _ = spawn_blocking(move || courier.stop(GRACE)).await;
        }
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        if let Some(ringing) = &self.ringing {
            ringing.abort();
        }
    }
}

/// Makes the hooks of a configuration. Tells nobody of anything.
pub(crate) fn plan(configuration: &Configuration) -> Result<Vec<Hook>, HooksError> {
    configuration.hooks.iter().map(|settings| hook(settings, configuration)).collect()
}

/// Where it is remembered what was told: beside the ledger, since it is of no use with another.
fn cursors(configuration: &Configuration) -> PathBuf {
    let StoreUrl::Sqlite(store) = &configuration.store;
    store.with_extension("hooks")
}

fn hook(settings: &HookSettings, configuration: &Configuration) -> Result<Hook, HooksError> {
    let name = settings.name.clone();
    let target = match &settings.target {
        HookTarget::Web { url, plain, secret } => {
            let headers = workers::headers(&BTreeMap::new());
            let web = if *plain {
                Web::over_plain_http(url, headers, settings.timeout)
            } else {
                Web::new(url, headers, settings.timeout)
            };
            let web = web.map_err(|source| HooksError::Web { name: name.clone(), source })?;
            Target::Webhook { web, secret: secret.clone().into() }
        }
        HookTarget::Command(argv) => Target::Command(Program {
            argv: argv.clone(),
            timeout: settings.timeout,
            directory: Some(configuration.directory.clone()),
        }),
    };
    let events = Filter::new(settings.events.iter().map(|event| (*event).to_owned()).collect());
    Hook::new(&settings.name, events, target).map_err(|source| HooksError::Hook { name, source })
}

/// Rings for every event, and once for many that were missed: the courier reads the log itself.
async fn ring(mut events: Receiver, bell: Bell) {
    while !matches!(events.recv().await, Err(RecvError::Closed)) {
        bell.ring();
    }
}

/// The fleet's log, read through its loop.
struct HandleLog {
    handle: Handle,
    runtime: runtime::Handle,
}

impl HandleLog {
    fn read(&self, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        let read = self.handle.events(EventId(after), limit);
        self.runtime.block_on(read).map_err(|error| Failure::new(error.to_string()))
    }
}

impl Log for HandleLog {
    /// The numbers have no gaps, so that the last one is found by halves.
    fn end(&mut self) -> Result<EventId, Failure> {
        let is_later = |number: u64| Ok::<_, Failure>(!self.read(number, 1)?.is_empty());
        let (mut least, mut most) = (0_u64, 1_u64);
        while is_later(most)? {
            (least, most) = (most, most.saturating_mul(2));
        }
        // It is at least `least`, and not later than `most`.
        while least < most {
            let middle = least + (most - least) / 2;
            if is_later(middle)? {
                least = middle + 1;
            } else {
                most = middle;
            }
        }
        Ok(EventId(most))
    }

    fn events(&mut self, after: EventId, limit: usize) -> Result<Vec<Event>, Failure> {
        self.read(after.0, limit)
    }
}

fn tell(told: &Told) {
    let hook = told.hook.as_str();
    match &told.what {
        What::Delivered { event, attempts } => tracing::debug!(hook, event = event.0, attempts, "delivered"),
        What::Failed { event, attempt, failure } => {
            tracing::warn!(hook, event = event.0, attempt, %failure, "not delivered yet");
        }
        What::GaveUp { event, attempts, failure } => {
            tracing::error!(hook, event = event.0, attempts, %failure, "never delivered");
        }
        What::Reset { end, reason } => tracing::warn!(hook, end = end.0, reason, "begins at the end"),
        What::Unread { failure } => tracing::warn!(hook, %failure, "the events cannot be read"),
        What::Unsaved { failure } => tracing::warn!(hook, %failure, "the cursor cannot be written"),
        other => tracing::warn!(hook, ?other, "hook"),
    }
}
