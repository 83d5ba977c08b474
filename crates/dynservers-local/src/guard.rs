//! The guard: the first program of a server, which becomes the worker.

use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use thiserror::Error;

use crate::files::FileError;
use crate::intent::Intent;
use crate::lock::{Lock, is_at};
use crate::place::Place;
use crate::process::Process;
use crate::wish::Wish;

/// How often a program that somebody has open for writing is tried again: a process that the daemon is just starting for
/// another server has for a moment all that the daemon has open, the copy of this very program perhaps included.
const BUSY_TRIES: u32 = 50;
/// How long to wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Why a server's program did not become the worker. The server is stopped then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The directory is not that of a server.
    #[error("{} is not the directory of a server: only the daemon starts this", path.display())]
    NoServer {
        /// The directory.
        path: PathBuf,
    },
    /// The standard input is not the server's lock, or nobody holds it.
    #[error(
        "the lock of {} was not handed over as standard input: only the daemon starts this",
        path.display()
    )]
    NoLock {
        /// The server's directory.
        path: PathBuf,
    },
    /// It is to run no more.
    #[error("the server is to be stopped: its program is not started")]
    Unwanted,
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system did not tell who we are.
    #[error("the process cannot be described: {0}")]
    Process(io::Error),
    /// The program could not be started.
    #[error("cannot start {program:?} in {}: {source}; check command and the snapshot", directory.display())]
    Start {
        /// The program.
        program: String,
        /// The directory.
        directory: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// Becomes the worker of the server in `directory`; returns only if it cannot.
///
/// To be called by the program that [`Settings::guard`](crate::Settings::guard) names, with the last of its arguments,
/// before it starts a thread or opens anything. Its standard input is the server's locked file, which every process
/// of the server inherits: so the lock is held without a gap until the last of them is gone. Its environment is
/// already the worker's. Whoever calls this prints the error, which goes to the server's log, and exits.
pub fn run(directory: &Path) -> Result<Infallible, GuardError> {
    let place = Place::at(directory).ok_or_else(|| GuardError::NoServer { path: directory.to_owned() })?;
    let intent = Intent::read(&place)?.ok_or_else(|| GuardError::NoServer { path: directory.to_owned() })?;
    keep_lock(&place)?;
    let mut worker = Command::new(&intent.command[0]);
    worker.args(&intent.command[1..]).current_dir(place.root()).stdin(Stdio::null());
    let process = Process::current(place.token()).map_err(GuardError::Process)?;
    // A stop that is wished after this finds this process by its token, and signals it.
    if Wish::read(&place)?.is_some_and(|wish| !wish.allows_start()) {
        return Err(GuardError::Unwanted);
    }
    process.write(&place)?;
    let mut source = worker.exec();
    for _ in 0..BUSY_TRIES {
        if source.kind() != io::ErrorKind::ExecutableFileBusy {
            break;
        }
        thread::sleep(BETWEEN_TRIES);
        source = worker.exec();
    }
    Err(GuardError::Start { program: intent.command[0].clone(), directory: place.root(), source })
}

/// Makes this process and all that come of it hold the lock that was handed over.
fn keep_lock(place: &Place) -> Result<(), GuardError> {
    let no_lock = || GuardError::NoLock { path: place.path().to_owned() };
    // Unlike the standard library's, this copy stays open in the program that we become.
    let copy = rustix::io::dup(std::io::stdin().as_fd()).map_err(|_| no_lock())?;
    let file = std::fs::File::from(copy);
    if !is_at(&file, &place.lock()) || !Lock::is_held(&place.lock())? {
        return Err(no_lock());
    }
    // Never closed: that is its purpose.
    std::mem::forget(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_server_whose_lock_was_handed_over_is_started() {
        let directory = tempfile::tempdir().unwrap();
        let error = run(directory.path()).unwrap_err();
        assert!(matches!(error, GuardError::NoServer { .. }), "{error}");
        let server = directory.path().join("0".repeat(32));
        std::fs::create_dir(&server).unwrap();
        let error = run(&server).unwrap_err();
        assert!(matches!(error, GuardError::NoServer { .. }), "{error}");
        let intent = serde_json::json!({
            "name": "a", "labels": {"dynservers-token": "0".repeat(32)}, "snapshot": "/", "command": ["true"],
            "env": {}, "log_limit": 4096,
        });
        std::fs::write(server.join("intent.json"), intent.to_string()).unwrap();
        std::fs::write(server.join("lock"), "").unwrap();
        let error = run(&server).unwrap_err();
        assert!(matches!(error, GuardError::NoLock { .. }), "{error}");
    }
}
