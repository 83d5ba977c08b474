//! This machine: servers as groups of processes, each in a copy of a directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dynservers_core::{FleetName, ProviderConfig};
use dynservers_host::{FleetClock, Hands};
use dynservers_http::SystemSecrets;

pub use dynservers_local::{LocalError, Template, TemplateError};

use crate::errors::BoxError;
use crate::provider::Provider;

/// The word by which this program knows that it was started to become a worker.
const GUARD: &str = "dynservers-local-guard";
/// How many bytes a server's log may have before it is set aside, unless told otherwise.
const LOG_LIMIT: u64 = 10 << 20;
/// A restart shows at once, or never.
const RESTART_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// Becomes a worker if this program was started for that, and returns at once otherwise.
///
/// To be called first thing in `main` by every program that has a provider [`Local`]: a server's first process is this
/// very program, started again, which then becomes the worker.
pub fn guard() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == GUARD) {
        let place = arguments.next().unwrap_or_default();
        let error = match dynservers_local::guard::run(Path::new(&place)) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        // Standard error is the server's log here.
        eprintln!("{error}");
        std::process::exit(127);
    }
}

/// Servers on this machine, in one directory.
#[derive(Clone, Debug)]
#[must_use = "a place does nothing until a builder has it"]
pub struct Local {
    directory: PathBuf,
    guard: Option<Vec<OsString>>,
    log_limit: u64,
}

impl Local {
    /// Says in which directory everything is kept. `main` must call [`guard`] first thing.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), guard: None, log_limit: LOG_LIMIT }
    }

    /// Says which program becomes the workers, where that is not this one: its path and arguments. It must call
    /// [`dynservers_local::guard::run`] with the argument that is added to them.
    pub fn guarded_by(mut self, command: Vec<OsString>) -> Self {
        self.guard = Some(command);
        self
    }

    /// Says how many bytes the log of a server may have before it is set aside. 10 MiB unless told otherwise.
    pub fn log_limit(mut self, bytes: u64) -> Self {
        self.log_limit = bytes;
        self
    }

    fn hands(self, fleet: &FleetName, clock: &FleetClock) -> Result<Hands, BoxError> {
        let guard = match self.guard {
            Some(guard) => guard,
            None => vec![std::env::current_exe()?.into(), GUARD.into()],
        };
        let clock = clock.clone();
        let settings = dynservers_local::Settings {
            fleet: fleet.clone(),
            directory: std::path::absolute(self.directory)?,
            guard,
            log_limit: self.log_limit,
            clock: Arc::new(move || clock.now()),
        };
        let local = dynservers_local::Local::new(settings, Arc::new(SystemSecrets))?;
        Ok(Hands::Blocking(Arc::new(local)))
    }
}

impl From<Local> for Provider {
    fn from(place: Local) -> Self {
        let default =
            ProviderConfig { restart_time: RESTART_TIME, ..dynservers_local::Local::provider_config() };
        Self::hands(default, move |fleet, clock| place.hands(fleet, clock))
    }
}
