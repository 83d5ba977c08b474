//! `demo`: real files as jobs, worked off by servers on this machine, some of which are killed; and not one job is lost.

mod audit;
mod crew;
mod job;
mod place;
mod sources;
mod stage;
mod story;
mod verdict;
pub(crate) mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use dynservers_demand::Unknown;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::client::ClientError;
use crate::config::Problems;
use crate::exit::Exit;
use crate::terminal::{Style, complain};
use audit::{Audit, Expected};
use sources::{FILES_LEAST, Source};
use stage::Stage;

/// How long one worker would take for all of it: long enough to watch, short enough to wait for.
const WORK: Duration = Duration::from_secs(100);
/// How long a job may take at most, however few there are.
const SLOWEST: Duration = Duration::from_millis(800);

/// Why the demo could not be shown.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// What was named holds no jobs.
    #[error("{} cannot be read: {source}; --jobs must name a directory", path.display())]
    NoDirectory {
        /// What was named.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// There is too little to do.
    #[error(
        "{} has {found} files that can be jobs, and {FILES_LEAST} are the least (hidden, built, linked and large ones \
         are left out): name a larger directory",
        path.display()
    )]
    TooFew {
        /// What was named.
        path: PathBuf,
        /// How many there are.
        found: usize,
    },
    /// The system refuses a file or a process.
    #[error("the demo cannot be staged: {0}")]
    System(#[from] io::Error),
    /// The configuration that it writes is not one.
    #[error("the demo's own configuration is wrong:\n{0}")]
    Configuration(#[from] Problems),
    /// The spool could not be read.
    #[error(transparent)]
    Spool(#[from] Unknown),
    /// The daemon could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon ended by itself.
    #[error("the daemon ended by itself: {status}")]
    DaemonEnded {
        /// How.
        status: ExitStatus,
    },
    /// Nothing happened any more.
    #[error("nothing happened any more, while the demo waited for this: {what}")]
    TooLong {
        /// What was waited for.
        what: String,
    },
    /// Somebody wants out.
    #[error("interrupted by {0}; its servers are ended and its directory is removed")]
    Interrupted(&'static str),
}

/// Shows it. Succeeds only if every job was done once and nothing is left behind.
pub(crate) async fn run(jobs: Option<&Path>) -> Result<Exit, DemoError> {
    let sources = choose(jobs)?;
    let expected = Expected::of(&sources);
    let mut stage = Stage::prepare(sources.len(), job_time(sources.len()))?;
    let told = tokio::select! {
        told = story::tell(&mut stage, &sources) => told,
        name = interruption() => Err(DemoError::Interrupted(name?)),
    };
    let audited = told.and_then(|verdict| Ok((verdict, Audit::of(&expected, &stage.place.results())?)));
    let (mut verdict, audit) = match audited {
        Ok(both) => both,
        Err(error) => {
            if !matches!(error, DemoError::Interrupted(_)) {
                complain(stage.logs());
            }
            return Err(error);
        }
    };
    verdict.audit = audit;
    verdict.left = stage.strike()?;
    println!("\n{}", verdict.for_people(Style::of_stdout()));
    Ok(if verdict.broken().is_empty() { Exit::Done } else { Exit::Failed })
}

/// Chooses the files that become jobs, and says which.
fn choose(jobs: Option<&Path>) -> Result<Vec<Source>, DemoError> {
    let directory = jobs.unwrap_or(Path::new("."));
    let below = sources::below(directory);
    let (sources, which) = match (below, jobs) {
        (Ok(sources), _) if sources.len() >= FILES_LEAST => {
            let place = jobs.map_or("the current directory".to_owned(), |jobs| jobs.display().to_string());
            (sources, format!("files below {place}"))
        }
        (Ok(sources), Some(jobs)) => {
            return Err(DemoError::TooFew { path: jobs.to_owned(), found: sources.len() });
        }
        (Err(source), Some(jobs)) => return Err(DemoError::NoDirectory { path: jobs.to_owned(), source }),
        (_, None) => {
            println!("The current directory has too few files to make jobs of (--jobs DIR names another).");
            (sources::pieces_of(&std::env::current_exe()?)?, "pieces of this program".to_owned())
        }
    };
    let bytes: usize = sources.iter().map(|source| source.bytes.len()).sum();
    println!(
        "Jobs: {} {which}, {:.1} MB, to hash and to compress.\n\
         Workers: servers on this machine, each in its own copy of a snapshot directory.\n\
         The jobs in the spool decide how many there are: from none to {} and to none.\n",
        sources.len(),
        bytes as f64 / 1e6,
        stage::SERVERS_MOST,
    );
    Ok(sources)
}

fn job_time(jobs: usize) -> Duration {
    let job_time = WORK / u32::try_from(jobs.max(1)).unwrap_or(u32::MAX);
    Duration::from_millis(job_time.min(SLOWEST).as_millis() as u64)
}

/// Waits for a signal that wants the demo to end, and gives its name.
async fn interruption() -> io::Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
        _ = hangup.recv() => "SIGHUP",
    })
}
