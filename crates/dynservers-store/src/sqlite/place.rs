//! The place of a ledger: its file, the lock beside it, and connections to it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use dynservers_core::StoreError;
use rusqlite::{Connection, OpenFlags};

use super::error::{broken, invalid, unusable};

/// Nobody but the owner reads or writes a ledger.
const PRIVATE: u32 = 0o600;

/// How long a write waits for somebody who writes by hand.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Finds the one true path of a ledger, so that two names of one file share a lock.
///
/// The file itself may be missing; its directory may not.
pub(super) fn find(path: &Path) -> Result<PathBuf, StoreError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return find_missing(path),
        Err(error) => return Err(unusable(path, error)),
    };
    if metadata.is_dir() {
        return Err(invalid(path, "it is a directory, and a ledger is a file".to_owned()));
    }
    if !metadata.is_file() {
        return Err(invalid(path, "it is not a regular file".to_owned()));
    }
    path.canonicalize().map_err(|error| unusable(path, error))
}

fn find_missing(path: &Path) -> Result<PathBuf, StoreError> {
    let Some(name) = path.file_name() else {
        return Err(unusable(path, "the path has no file name"));
    };
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(unusable(path, "the path has no directory")),
    };
    match parent.canonicalize() {
        Ok(parent) if parent.is_dir() => Ok(parent.join(name)),
        Ok(parent) => Err(unusable(path, format_args!("{} is not a directory", parent.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unusable(
            path,
            format_args!("the directory {} does not exist: make it first", parent.display()),
        )),
        Err(error) => Err(unusable(path, error)),
    }
}

/// Whether there is anything that could be a database.
///
/// The file is only ever opened through SQLite: a second descriptor of our own would, when it is closed, end the
/// locks that any connection of this process holds on it.
pub(super) fn has_content(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// The lock beside a ledger, held until it is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Lets go in so many words: closing the file is not enough while a child process that was forked just now has
    /// not yet closed its own copy.
    fn drop(&mut self) {
        // Should that fail, the lock ends with the file all the same.
        let _ = self.0.unlock();
    }
}

/// Takes the lock beside the ledger.
pub(super) fn lock(path: &Path) -> Result<Lock, StoreError> {
    let beside = with_suffix(path, ".lock");
    let failed = |error: io::Error| {
        unusable(path, format_args!("the lock {} cannot be taken: {error}", beside.display()))
    };
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(PRIVATE)
        .open(&beside)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { place: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Makes the file if it is missing, private from its first moment: SQLite gives its companions the same mode.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().create_new(true).write(true).mode(PRIVATE).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unusable(path, error)),
    }
}

/// Takes back what a copy or a restore may have opened to others.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        match fs::set_permissions(with_suffix(path, suffix), Permissions::from_mode(PRIVATE)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(path, error)),
        }
    }
    Ok(())
}

/// Opens an existing file for writing.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(broken(path))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(broken(path))?;
    // SQLite falls back to reading without a word.
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(broken(path))? {
        return Err(unusable(path, "it cannot be written to: its mode or its file system forbids it"));
    }
    Ok(connection)
}

/// A connection that cannot write, and what it may rely on.
#[derive(Debug)]
pub(super) struct Glance {
    /// The connection.
    pub(super) connection: Connection,
    quiet: Option<Quiet>,
}

/// What a file looked like that nobody was writing to.
#[derive(Debug, PartialEq, Eq)]
struct Quiet {
    length: u64,
    modified: Option<SystemTime>,
}

impl Quiet {
    /// Looks at a file; none if somebody has it open for writing, or left it so.
    fn of(path: &Path) -> Result<Option<Self>, StoreError> {
        if with_suffix(path, "-wal").exists() {
            return Ok(None);
        }
        let metadata = fs::metadata(path).map_err(|error| unusable(path, error))?;
        Ok(Some(Self { length: metadata.len(), modified: metadata.modified().ok() }))
    }
}

impl Glance {
    /// Opens a file for reading.
    ///
    /// Where nobody writes, the file is taken for unchanging: SQLite would otherwise make companions beside it.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let quiet = Quiet::of(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match quiet {
            Some(_) => Connection::open_with_flags(unchanging(path), flags | OpenFlags::SQLITE_OPEN_URI),
            None => Connection::open_with_flags(path, flags),
        }
        .map_err(broken(path))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(broken(path))?;
        Ok(Self { connection, quiet })
    }

    /// Whether what was read holds: nobody began to write to a file that was taken for unchanging.
    pub(super) fn holds(&self, path: &Path) -> Result<bool, StoreError> {
        Ok(self.quiet.is_none() || self.quiet == Quiet::of(path)?)
    }
}

/// Writes a path as a URI that tells SQLite to trust the file.
fn unchanging(path: &Path) -> String {
    use std::fmt::Write as _;

    let mut uri = String::from("file://");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
