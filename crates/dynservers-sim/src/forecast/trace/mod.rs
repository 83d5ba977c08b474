//! Traces: which jobs came when, and how long each takes, from a file or made up by a rule.

mod csv;
mod generate;
mod units;

pub use self::csv::TraceError;
pub use generate::{GenerateError, Generator, Kind};
pub use units::{duration, duration_as_text};

/// One job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// When it comes, in milliseconds since the trace begins.
    pub arrival: u64,
    /// How long a server takes for it, in milliseconds.
    pub service: u64,
}

/// The jobs of some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its name, for people.
    pub name: String,
    /// The jobs, in the order in which they come.
    jobs: Vec<Job>,
    /// How long it is, in milliseconds: it may end with a time in which no job comes.
    length: u64,
}

/// No trace has more jobs than this: more is a typing error, and would fill the memory.
pub const JOBS_MOST: usize = 10_000_000;

/// No trace is longer than this, and no job takes longer, in milliseconds: 400 days, a year with room at both ends.
const LONGEST: u64 = 400 * 86_400_000;

impl Trace {
    /// Makes a trace of jobs in any order; it is at least as long as the last of them is late.
    #[must_use]
    pub fn new(name: impl Into<String>, mut jobs: Vec<Job>, length: u64) -> Self {
        jobs.sort_unstable();
        let length = length.max(jobs.last().map_or(0, |job| job.arrival));
        Self { name: name.into(), jobs, length }
    }

    /// Gives the jobs, in the order in which they come.
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// Gives its length in milliseconds.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Gives how long one server would work on all of it, in milliseconds.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.jobs.iter().fold(0, |sum, job| sum.saturating_add(job.service))
    }

    /// Gives how long a job takes on average, in milliseconds, and never nothing.
    #[must_use]
    pub fn mean_service(&self) -> u64 {
        (self.work() / (self.jobs.len() as u64).max(1)).max(1)
    }
}
