//! The crew: which workers live, known by locks that nothing but their end can free.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// A worker's badge: a file with its name, locked while it lives.
#[derive(Debug)]
pub(super) struct Badge {
    /// The worker's name, which is also that in the spool.
    pub(super) worker: String,
    _file: File,
}

impl Badge {
    /// Puts this process on the list in `directory`, which must be there, as the worker of a server.
    pub(super) fn take(directory: &Path, server: &str) -> io::Result<Self> {
        // The worker of a server that was restarted is another: the one before may have had a job in hand.
        let worker = format!("{server}-{}", std::process::id());
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).open(directory.join(&worker))?;
        file.lock()?;
        Ok(Self { worker, _file: file })
    }
}

/// A worker that lived when it was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    badge: PathBuf,
    pid: i32,
    /// The name of its server.
    pub(super) server: String,
    /// Its own.
    pub(super) worker: String,
}

impl Member {
    /// Sends it a signal, if it lives still. Gives whether it did.
    ///
    /// The number of a process whose badge is locked belongs to nobody else.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(false) };
        Ok(is_locked(&self.badge)? && kill_process(pid, signal).map(|()| true)?)
    }
}

/// Gives the workers that live, in the order of their names.
pub(super) fn alive(directory: &Path) -> io::Result<Vec<Member>> {
    let mut members = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (badge, worker) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let named =
            worker.rsplit_once('-').and_then(|(server, pid)| Some((server.to_owned(), pid.parse().ok()?)));
        if let Some((server, pid)) = named
            && is_locked(&badge)?
        {
            members.push(Member { badge, pid, server, worker });
        }
    }
    members.sort_by(|one, two| one.worker.cmp(&two.worker));
    Ok(members)
}

/// Whether a worker of this name lives. One that never took a badge does not.
pub(super) fn is_alive(directory: &Path, worker: &str) -> bool {
    // What cannot be told is left alone, as the living are.
    is_locked(&directory.join(worker)).unwrap_or_else(|error| error.kind() != io::ErrorKind::NotFound)
}

fn is_locked(badge: &Path) -> io::Result<bool> {
    // In common, so that two who only look do not see each other.
    match File::open(badge)?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lives_is_on_the_list_and_who_does_not_gets_no_signal() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(alive(directory.path()).unwrap(), []);
        let badge = Badge::take(directory.path(), "worker-1").unwrap();
        // The badge of somebody who is dead, and whose number somebody else may have by now: us.
        fs::write(directory.path().join("worker-0-1"), "").unwrap();
        let members = alive(directory.path()).unwrap();
        let [member] = members.as_slice() else { panic!("one lives: {members:?}") };
        assert_eq!((&member.server[..], &member.worker), ("worker-1", &badge.worker));
        assert!(is_alive(directory.path(), &badge.worker));
        assert!(!is_alive(directory.path(), "worker-0-1") && !is_alive(directory.path(), "worker-2-2"));
        drop(badge);
        assert_eq!(alive(directory.path()).unwrap(), []);
        // It would end this test.
        assert!(!member.signal(Signal::KILL).unwrap());
    }
}
