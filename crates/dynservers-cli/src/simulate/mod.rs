//! `simulate`: what the policy of a configuration makes of a day of jobs, before it is trusted with servers.

mod args;
mod tell;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynservers_core::{Status, TypeName};
use dynservers_sim::Durations;
use dynservers_sim::forecast::{Bound, Figures, GenerateError, Report, Setup, Trace, TraceError, UNIT, plot};
use dynservers_store::Sqlite;
use thiserror::Error;

use crate::commands::{CommandError, emit};
use crate::config::{Configuration, NoConfiguration, Problems, find};
use crate::exit::Exit;
use crate::site::Site;
use crate::terminal::Style;

pub(crate) use args::SimulateArgs;

/// Why nothing was simulated, or not told.
#[derive(Debug, Error)]
pub(crate) enum SimulateError {
    /// There is no configuration.
    #[error(transparent)]
    Missing(#[from] NoConfiguration),
    /// It is wrong.
    #[error(transparent)]
    Wrong(#[from] Problems),
    /// There are several types, or none.
    #[error("error: {}: {source}", path.display())]
    Type {
        /// Of which configuration.
        path: PathBuf,
        /// Which.
        source: Box<CommandError>,
    },
    /// There is no such type.
    #[error("error: {} has no server type {server_type}; it has: {known}", path.display())]
    UnknownType {
        /// The configuration.
        path: PathBuf,
        /// The type asked for.
        server_type: TypeName,
        /// The types there are.
        known: String,
    },
    /// Nothing decides for a number.
    #[error(
        "error: nothing in {} says how many {server_type} servers there should be\n\
         help: add [[server_types.{server_type}.sources]] and [server_types.{server_type}.policy]", path.display()
    )]
    NoPolicy {
        /// The configuration.
        path: PathBuf,
        /// The type.
        server_type: TypeName,
    },
    /// A file cannot be read.
    #[error("error: {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A file is no trace.
    #[error("error: {}: {source}", path.display())]
    Trace {
        /// The file.
        path: PathBuf,
        /// Where, and why not.
        source: TraceError,
    },
    /// No jobs can be made up so.
    #[error("error: --generate: {0}")]
    Generate(#[from] GenerateError),
    /// A file cannot be written.
    #[error("error: {} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// What was found out could not be told.
    #[error("error: {0}")]
    Output(Box<CommandError>),
}

impl SimulateError {
    /// Gives the code that the process ends with.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Missing(_)
            | Self::Wrong(_)
            | Self::Type { .. }
            | Self::UnknownType { .. }
            | Self::NoPolicy { .. }
            | Self::Trace { .. }
            | Self::Generate(_) => Exit::Usage,
            Self::Read { .. } | Self::Write { .. } | Self::Output(_) => Exit::Failed,
        }
    }
}

/// Where a duration is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Given,
    Learned,
    Assumed,
}

/// Simulates what was said, and tells what came of it. The configuration of the other commands stands in where none is named.
pub(crate) fn simulate(args: &SimulateArgs, usual: Option<&Path>) -> Result<(), SimulateError> {
    let paths = if args.configs.is_empty() { vec![find(usual)?] } else { args.configs.clone() };
    let mut setups = Vec::new();
    let mut times = Vec::new();
    for path in &paths {
        let (setup, origins) = setup(path, args)?;
        times.push(tell::durations(&setup, origins));
        setups.push(setup);
    }
    let trace = trace(args)?;
    let reports: Vec<Report> = setups.iter().map(|setup| setup.forecast(&trace)).collect();
    let bounds: Vec<Bound> = setups.iter().map(|setup| bound(setup, &trace)).collect();
    let title = format!("{} jobs: {}", trace.jobs().len(), trace.name);
    let notes = tell::notes(&trace, &bounds, &reports, &times);
    if let Some(path) = &args.svg {
        write(path, &plot::svg(&title, &reports))?;
    }
    if let Some(path) = &args.html {
        write(path, &plot::html(&title, &notes.join(" "), &reports))?;
    }
    let text = if args.json {
        tell::json(&trace, &bounds, &reports)
    } else {
        format!(
            "{title}\n{}\n\n{}",
            notes.join("\n"),
            tell::table(&Figures::of(&reports), Style::of_stdout())
        )
    };
    emit(&text).map_err(|error| SimulateError::Output(Box::new(error)))
}

/// Reads what a configuration says of a type.
fn setup(path: &Path, args: &SimulateArgs) -> Result<(Setup, [Origin; 2]), SimulateError> {
    let configuration = Configuration::load_to_speak(path)?;
    let site = Site::from(&configuration);
    let named = site.server_type(args.server_type.clone());
    let name =
        named.map_err(|source| SimulateError::Type { path: path.to_owned(), source: Box::new(source) })?;
    let unknown = || {
        let known: Vec<&str> = site.types.iter().map(TypeName::as_str).collect();
        SimulateError::UnknownType {
            path: path.to_owned(),
            server_type: name.clone(),
            known: known.join(", "),
        }
    };
    let server_type = configuration.core.server_types.get(&name).ok_or_else(unknown)?;
    let settings = configuration.server_types.get(&name).ok_or_else(unknown)?;
    let nothing = || SimulateError::NoPolicy { path: path.to_owned(), server_type: name.clone() };
    let demand = settings.demand.as_ref().filter(|_| server_type.policy.is_some()).ok_or_else(nothing)?;
    let (durations, origins) = durations(args, &site, &name);
    let setup = Setup {
        name: path.display().to_string(),
        timing: configuration.core.timing.clone(),
        provider: configuration.core.providers.get(&settings.provider).cloned().ok_or_else(unknown)?,
        server_type: server_type.clone(),
        interval: demand.interval,
        durations,
        unit: UNIT,
        price: settings.price.map(crate::config::Price::in_millionths),
    };
    Ok((setup, origins))
}

/// Gives how long things take: as was said, else as the fleet has seen, else as in a small and healthy cloud.
fn durations(args: &SimulateArgs, site: &Site, name: &TypeName) -> (Durations, [Origin; 2]) {
    // Without a ledger nothing was learned, which is no error: a policy is simulated before there is a fleet.
    let ledger = Sqlite::open_read_only(&site.store, Some(&site.fleet)).and_then(|ledger| ledger.load());
    let learned = ledger.ok().and_then(|mut stored| Some(stored.fleet.types.remove(name)?.learned));
    let known = |status| learned.as_ref().and_then(|learned| learned.get(&status)).copied();
    let one = |given: Option<Duration>, status, assumed| match (given, known(status)) {
        (Some(given), _) => (given, Origin::Given),
        (None, Some(learned)) => (learned, Origin::Learned),
        (None, None) => (assumed, Origin::Assumed),
    };
    let default = Durations::default();
    let (create, boots) = one(args.boot, Status::Starting, default.create);
    let (stop, stops) = one(args.stop, Status::Stopping, default.stop);
    (Durations { create, stop, ..default }, [boots, stops])
}

fn trace(args: &SimulateArgs) -> Result<Trace, SimulateError> {
    match (&args.trace, &args.generate) {
        (Some(path), _) => {
            let text = fs::read_to_string(path)
                .map_err(|source| SimulateError::Read { path: path.clone(), source })?;
            Trace::read_csv(&path.display().to_string(), &text)
                .map_err(|source| SimulateError::Trace { path: path.clone(), source })
        }
        (None, generator) => {
            let generator = generator.as_ref().expect("one of both is required");
            Ok(generator.trace(args.seed)?)
        }
    }
}

fn bound(setup: &Setup, trace: &Trace) -> Bound {
    let unit = u64::try_from(setup.billing_unit().as_millis()).unwrap_or(u64::MAX);
    let jobs_at_once = setup.server_type.policy.as_ref().map_or(1, |policy| policy.jobs_at_once);
    Bound::of(trace, unit, jobs_at_once)
}

fn write(path: &Path, text: &str) -> Result<(), SimulateError> {
    fs::write(path, text).map_err(|source| SimulateError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
