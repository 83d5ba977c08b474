//! Locks: held by an open file and by whoever inherits it, and so free when the last of these is gone.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::files::{During as _, FileError};

/// How often a lock is tried for before it counts as held: another's glance at it lasts for microseconds.
const TRIES: u32 = 5;
/// How long to wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(4);

/// A lock that is held alone.
///
/// It belongs to the open file and not to a process (`flock`): dropping this frees it unless somebody inherited it.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Makes the file of a lock and takes it; the file must not be there.
    pub(crate) fn make(path: &Path) -> Result<Self, FileError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(path);
        let file = file.during("make", path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).during("lock", path)?;
        Ok(Self(file))
    }

    /// Takes a lock, or gives nothing if somebody holds it or its file is no longer there.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>, FileError> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).during("open", path),
        };
        for attempt in 0..TRIES {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(is_at(&file, path).then_some(Self(file))),
                Err(Errno::WOULDBLOCK) if attempt + 1 < TRIES => thread::sleep(BETWEEN_TRIES),
                Err(Errno::WOULDBLOCK) => break,
                Err(error) => return Err(error).during("lock", path),
            }
        }
        Ok(None)
    }

    /// Whether somebody holds a lock alone. A file that is not there is held by nobody.
    pub(crate) fn is_held(path: &Path) -> Result<bool, FileError> {
        // Without waiting: what a worker put in its place may be a pipe.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).during("open", path),
        };
        // In common, so that two who only look do not see each other.
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error).during("lock", path),
        }
    }

    /// Gives the locked file to a process that is about to be started; this process holds it no longer then.
    pub(crate) fn into_stdio(self) -> Stdio {
        Stdio::from(self.0)
    }
}

/// A lock that several hold in common, or one alone; its file stays.
#[derive(Debug)]
pub(crate) struct Gate {
    _file: File,
}

impl Gate {
    /// Waits until nobody holds it alone, and holds it in common.
    pub(crate) fn share(path: &Path) -> Result<Self, FileError> {
        let file = Self::open(path)?;
        flock(&file, FlockOperation::LockShared).during("lock", path)?;
        Ok(Self { _file: file })
    }

    /// Holds it alone if nobody holds it at all.
    pub(crate) fn try_close(path: &Path) -> Result<Option<Self>, FileError> {
        let file = Self::open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error).during("lock", path),
        }
    }

    fn open(path: &Path) -> Result<File, FileError> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .during("open", path)
    }
}

/// Whether an open file is the one that a path leads to now.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Waits for what is so as soon as nobody else has it open: a process that another test is just starting has for a
    /// moment all that this one has.
    fn soon<T>(mut ask: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_lock_is_held_by_one_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        assert!(!Lock::is_held(&path).unwrap());
        assert!(Lock::try_take(&path).unwrap().is_none(), "there is no such lock");
        let lock = Lock::make(&path).unwrap();
        assert!(Lock::make(&path).is_err());
        assert!(Lock::is_held(&path).unwrap());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(lock);
        soon(|| (!Lock::is_held(&path).unwrap()).then_some(()));
        drop(soon(|| Lock::try_take(&path).unwrap()));
    }

    #[test]
    fn a_pipe_in_place_of_a_lock_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(!Lock::is_held(&path).unwrap());
    }

    #[test]
    fn a_gate_is_closed_while_anybody_is_within() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gate");
        let within = (Gate::share(&path).unwrap(), Gate::share(&path).unwrap());
        assert!(Gate::try_close(&path).unwrap().is_none());
        drop(within);
        let closed = soon(|| Gate::try_close(&path).unwrap());
        assert!(Gate::try_close(&path).unwrap().is_none());
        drop(closed);
    }
}
