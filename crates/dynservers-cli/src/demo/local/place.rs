//! The place: where the demo keeps what, within its one directory.

use std::path::{Path, PathBuf};

/// The demo's directory.
#[derive(Clone, Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What the daemon works by.
    pub(super) fn configuration(&self) -> PathBuf {
        self.0.join("dynservers.toml")
    }

    /// What the daemon says.
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("daemon.log")
    }

    /// What each server is a copy of.
    pub(super) fn snapshot(&self) -> PathBuf {
        self.0.join("snapshot")
    }

    /// Where the provider keeps its servers.
    pub(super) fn home(&self) -> PathBuf {
        self.0.join("local")
    }

    /// The jobs, and what came of them.
    pub(super) fn spool(&self) -> PathBuf {
        self.0.join("jobs")
    }

    /// A file for each job that was done: where a spool keeps them.
    pub(super) fn results(&self) -> PathBuf {
        self.spool().join("done")
    }

    /// The jobs that a worker has in hand: where a spool keeps them.
    pub(super) fn in_hand(&self, worker: &str) -> PathBuf {
        self.spool().join("claimed").join(worker)
    }

    /// A badge for each worker that has ever lived.
    pub(super) fn crew(&self) -> PathBuf {
        self.0.join("crew")
    }

    /// A line for each job that was taken from the hands of the dead.
    pub(super) fn given_back(&self) -> PathBuf {
        self.0.join("given-back")
    }
}
