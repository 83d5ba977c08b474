//! The spool: a queue of job files in a directory, which workers in any language can take part in.
//!
//! ```text
//! spool/new/JOB              a job that waits; the oldest name goes first
//! spool/claimed/WORKER/JOB   a job that WORKER has in hand
//! spool/done/JOB             the result of a job
//! spool/failed/JOB           a job that cannot be done, with JOB.reason beside it
//! ```
//!
//! - A name that begins with `.` or ends in `.tmp` is being written, and passed over. A job is at most 200 bytes of name.
//! - **Submit**: write `new/.JOB.tmp`, sync it, and link or rename it to `new/JOB`. Names are never used twice.
//! - **Claim**: rename `new/JOB` to `claimed/WORKER/JOB`. Whoever's rename succeeds has it; who finds it gone takes another.
//!   Everything is on one file system, where a rename is atomic.
//! - **Finish**: write the result to `done/.JOB.tmp`, sync, rename to `done/JOB`, and only then remove the claim. A worker
//!   that dies in between is found out by `recover`, and the job is done once more or counts as done: its result is there once.
//! - **Give back**: rename the claim to `new/JOB`.
//!
//! A worker that is only thought to be dead may finish a job that another does too: a job must bear being done twice, and the
//! later result replaces the earlier one as a whole.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, DirEntry, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::signal::{Signal, Source, Unknown};

/// The most job files that are counted: more are as good as this many.
pub const MOST_COUNTED: u64 = 1_000_000;
/// The longest name of a job or a worker, in bytes.
pub const LONGEST_NAME: usize = 200;
/// Of how many waiting jobs the age is looked at.
const MOST_DATED: u64 = 10_000;
/// How many names a claim tries of one listing.
const CANDIDATES: usize = 64;
/// How often a claim lists anew, when others were faster each time.
const LISTINGS: usize = 16;
/// What stands beside a failed job.
const REASON: &str = ".reason";

/// A spool: see the [module's documentation](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    root: PathBuf,
}

/// What [`Spool::recover`] found of dead workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Jobs that wait again.
    pub given_back: u64,
    /// Jobs that had ended already but for their claim.
    pub ended: u64,
}

impl Spool {
    /// Names a spool that exists, or that somebody else makes. Nothing is touched: until it exists, its work is unknown.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes a spool, with directories of mode 0700, or opens the one that is there.
    pub fn create(root: impl Into<PathBuf>) -> io::Result<Self> {
        let spool = Self::open(root);
        for directory in [spool.new_jobs(), spool.claimed(), spool.done(), spool.failed()] {
            make(&directory)?;
        }
        Ok(spool)
    }

    /// Adds a job, durably. A name that is in use, also by a job that is done, is refused with `AlreadyExists`.
    ///
    /// Two that use one name at the same moment while the job is being claimed may not notice: names are best unique by
    /// how they are made.
    pub fn submit(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        check(name, "a job")?;
        if name.ends_with(REASON) {
            return Err(wrong(format!(
                "{name:?} cannot be the name of a job: {REASON} is kept for failed ones"
            )));
        }
        let taken =
            || io::Error::new(io::ErrorKind::AlreadyExists, format!("there is a job {name:?} already"));
        if self.done().join(name).exists() || self.failed().join(name).exists() || self.is_claimed(name)? {
            return Err(taken());
        }
        let temporary = write_temporary(&self.new_jobs(), name, bytes)?;
        // A link, unlike a rename, replaces nothing.
        let linked = fs::hard_link(&temporary, self.new_jobs().join(name));
        let _ = fs::remove_file(&temporary);
        linked.map_err(|error| if error.kind() == io::ErrorKind::AlreadyExists { taken() } else { error })?;
        sync(&self.new_jobs())
    }

    /// Takes the waiting job with the lowest name. None means that there is none, or that others were faster every time.
    pub fn claim(&self, worker: &str) -> io::Result<Option<Claim>> {
        check(worker, "a worker")?;
        let ours = self.claimed().join(worker);
        make(&ours)?;
        for _ in 0..LISTINGS {
            let mut names = BTreeSet::new();
            for entry in jobs(&self.new_jobs())? {
                // Names that are no Unicode are counted, and left to whoever made them.
                if let Ok(name) = entry?.file_name().into_string() {
                    names.insert(name);
                    if names.len() > CANDIDATES {
                        names.pop_last();
                    }
                }
            }
            if names.is_empty() {
                return Ok(None);
            }
            for name in names {
                let path = ours.join(&name);
                match fs::rename(self.new_jobs().join(&name), &path) {
                    Ok(()) => return Ok(Some(Claim { spool: self.clone(), name, path })),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => make(&ours)?,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(None)
    }

    /// Ends the claims of workers that are not alive: a job with a result counts as done, every other one waits again.
    ///
    /// A worker that comes back under its old name recovers what it had before its first claim: to everybody else it lives.
    pub fn recover(&self, worker_is_alive: impl Fn(&str) -> bool) -> io::Result<Recovered> {
        let mut recovered = Recovered::default();
        for entry in fs::read_dir(self.claimed())? {
            let entry = entry?;
            let alive = entry.file_name().to_str().is_none_or(&worker_is_alive);
            if alive || !entry.file_type()?.is_dir() {
                continue;
            }
            for job in jobs(&entry.path())? {
                let job = job?;
                let name = job.file_name();
                let ended = self.done().join(&name).exists() || self.failed().join(&name).exists();
                let moved = if ended {
                    fs::remove_file(job.path())
                } else {
                    fs::rename(job.path(), self.new_jobs().join(&name))
                };
                match moved {
                    Ok(()) if ended => recovered.ended += 1,
                    Ok(()) => recovered.given_back += 1,
                    // Somebody else was faster, perhaps the worker itself.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            // Only an empty one goes; another keeps what its worker left there.
            let _ = fs::remove_dir(entry.path());
        }
        Ok(recovered)
    }

    /// Gives where the result of a job is, once it is done.
    #[must_use]
    pub fn result_path(&self, name: &str) -> PathBuf {
        self.done().join(name)
    }

    /// Gives where the spool is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn new_jobs(&self) -> PathBuf {
        self.root.join("new")
    }

    fn claimed(&self) -> PathBuf {
        self.root.join("claimed")
    }

    fn done(&self) -> PathBuf {
        self.root.join("done")
    }

    fn failed(&self) -> PathBuf {
        self.root.join("failed")
    }

    fn is_claimed(&self, name: &str) -> io::Result<bool> {
        for worker in fs::read_dir(self.claimed())? {
            if worker?.path().join(name).exists() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn count(&self) -> io::Result<Signal> {
        let now = SystemTime::now();
        let mut signal = Signal::default();
        // First what waits: a job that is claimed meanwhile is counted twice rather than not at all.
        for entry in jobs(&self.new_jobs())?.take(MOST_COUNTED as usize) {
            let entry = entry?;
            signal.waiting += 1;
            if signal.waiting <= MOST_DATED {
                let waited = entry
                    .metadata()
                    .and_then(|data| data.modified())
                    .map_or(Duration::ZERO, |at| now.duration_since(at).unwrap_or(Duration::ZERO));
                signal.oldest_wait = signal.oldest_wait.max(Some(waited));
            }
        }
        for worker in fs::read_dir(self.claimed())? {
            let worker = worker?;
            if !worker.file_type()?.is_dir() {
                continue;
            }
            let left = MOST_COUNTED - signal.in_flight;
            match jobs(&worker.path()) {
                Ok(claims) => signal.in_flight += claims.take(left as usize).count() as u64,
                // It was recovered just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(signal)
    }
}

impl Source for Spool {
    fn measure(&self) -> Result<Signal, Unknown> {
        self.count().map_err(|error| {
            let root = self.root.display();
            Unknown::new(format!(
                "the spool {root} cannot be read: {error}; it needs the directories new and claimed"
            ))
        })
    }
}

/// A job in hand. Dropping it leaves it claimed, until it is recovered.
#[derive(Debug)]
#[must_use = "a claim that is dropped is nobody's until it is recovered"]
pub struct Claim {
    spool: Spool,
    name: String,
    path: PathBuf,
}

impl Claim {
    /// Gives the job's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives where the job's file is while it is claimed.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the result durably, and ends the claim. Whenever a worker dies in here, there is one whole result or none.
    pub fn finish(self, result: &[u8]) -> io::Result<()> {
        write_durably(&self.spool.done(), &self.name, result)?;
        gone(fs::remove_file(&self.path))
    }

    /// Puts the job aside as one that cannot be done, with the reason in a file beside it.
    pub fn fail(self, reason: &str) -> io::Result<()> {
        let failed = self.spool.failed();
        write_durably(&failed, &format!("{}{REASON}", self.name), reason.as_bytes())?;
        gone(fs::rename(&self.path, failed.join(&self.name)))?;
        sync(&failed)
    }

    /// Lets the job wait again.
    pub fn give_back(self) -> io::Result<()> {
        gone(fs::rename(&self.path, self.spool.new_jobs().join(&self.name)))
    }
}

/// A claim that was recovered meanwhile is no longer ours to end.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Lists the jobs of a directory: what is being written is none.
fn jobs(directory: &Path) -> io::Result<impl Iterator<Item = io::Result<DirEntry>>> {
    Ok(fs::read_dir(directory)?.filter(|entry| {
        entry.as_ref().map_or(true, |entry| {
            let name = entry.file_name();
            let name = name.as_encoded_bytes();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            !(name.starts_with(b".") || name.ends_with(b".tmp") || is_directory)
        })
    }))
}

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn check(name: &str, what: &str) -> io::Result<()> {
    let unfit = name.is_empty()
        || name.len() > LONGEST_NAME
        || name.starts_with('.')
        || name.to_ascii_lowercase().ends_with(".tmp")
        || name.contains(|character: char| character == '/' || character.is_control());
    if !unfit {
        return Ok(());
    }
    Err(wrong(format!(
        "{name:?} cannot be the name of {what}: 1 to {LONGEST_NAME} bytes, no '/', no '.' first, no .tmp last"
    )))
}

fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn write_durably(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(directory, name, bytes)?;
    fs::rename(temporary, directory.join(name))?;
    sync(directory)
}

/// Writes a file that nobody counts, and syncs it.
fn write_temporary(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let path = directory.join(format!(".{name}.{}-{number}.tmp", std::process::id()));
    // What is there is left of a dead process that had our number.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(path)
}

#[cfg(test)]
mod tests;
