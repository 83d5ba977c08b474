//! Files: small ones written durably and read with a bound, and trees removed whatever their modes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The most bytes of a file that is read as a whole; ours are far smaller, and what is larger is none of ours.
pub(crate) const READ_MOST: u64 = 1024 * 1024;

/// Why something could not be done with a file.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// What was to be done, for example `write`.
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's word.
    pub source: io::Error,
}

impl FileError {
    /// Whether the file, or a directory on the way to it, is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Says what was to be done when it failed.
pub(crate) trait During<T> {
    /// Names the action and the file that an error came of.
    fn during(self, action: &'static str, path: &Path) -> Result<T, FileError>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, FileError> {
        self.map_err(|error| FileError { action, path: path.to_owned(), source: error.into() })
    }
}

/// Makes a directory that is its owner's alone.
pub(crate) fn make_directory(path: &Path) -> Result<(), FileError> {
    fs::DirBuilder::new().mode(0o700).create(path).during("make directory", path)
}

/// Makes a directory that is its owner's alone, and what is missing above it; one that is there stays as it is.
pub(crate) fn ensure_directory(path: &Path) -> Result<(), FileError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).during("make directory", path)
}

/// Makes what happened to the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|directory| directory.sync_all()).during("sync", path)
}

/// Writes a file as a whole: whoever reads it, even after a crash, finds what was there before or all of this.
///
/// It is durable when this returns.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.{}", random_hex().during("write", path)?));
    let written = serde_json::to_vec_pretty(value).map_err(io::Error::from).and_then(|mut bytes| {
        bytes.push(b'\n');
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        // What is left of a write that failed is in nobody's way; the error that counts is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written.during("write", path)?;
    sync_directory(directory)
}

/// Reads a file as a whole; none if there is no such file.
///
/// Neither follows a link nor waits for a pipe: only a regular file of at most [`READ_MOST`] bytes is read.
pub(crate) fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = match OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A link, or a file where a directory should be, is no file of ours.
        Err(error) if rustix::io::Errno::from_io_error(&error).is_some_and(is_other_kind) => {
            return Ok(Some(Vec::new()));
        }
        Err(error) => return Err(error).during("read", path),
    };
    if !file.metadata().during("read", path)?.is_file() {
        return Ok(Some(Vec::new()));
    }
    let mut bytes = Vec::new();
    file.take(READ_MOST + 1).read_to_end(&mut bytes).during("read", path)?;
    if bytes.len() as u64 > READ_MOST {
        bytes.clear();
    }
    Ok(Some(bytes))
}

fn is_other_kind(errno: rustix::io::Errno) -> bool {
    matches!(errno, rustix::io::Errno::LOOP | rustix::io::Errno::NXIO | rustix::io::Errno::NOTDIR)
}

/// Reads a file of JSON; none if it is missing or is not what it should be.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    Ok(read_bytes(path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Removes a directory with all that is in it; one that is not there is fine. Links are removed, not followed.
///
/// Directories that their owner may not write to are opened first: a snapshot may have had such.
pub(crate) fn remove_tree(path: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_directories(path);
            gone(fs::remove_dir_all(path)).during("remove", path)
        }
        result => gone(result).during("remove", path),
    }
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove_file(path: &Path) -> Result<(), FileError> {
    gone(fs::remove_file(path)).during("remove", path)
}

/// Removes whatever is there: a file, a link, a pipe, or a directory with all that is in it. Nothing is fine.
pub(crate) fn remove_any(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => remove_tree(path),
        _ => remove_file(path),
    }
}

/// Sees to it that a path leads to a regular file or to nothing: a worker may have put a link there, which a write would
/// follow, or a pipe, for which it would wait.
pub(crate) fn make_way(path: &Path) -> Result<(), FileError> {
    if is_file(path) { Ok(()) } else { remove_any(path) }
}

/// Whether a path is itself a regular file.
pub(crate) fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Lets the owner into every directory of a tree, as far as that can be done.
fn open_directories(path: &Path) {
    let mut directories = vec![path.to_owned()];
    while let Some(directory) = directories.pop() {
        let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o700));
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.extend(inner.map(|entry| entry.path()));
    }
}

/// Gives 64 random bits as 16 hexadecimal digits, for names that nobody else draws.
pub(crate) fn random_hex() -> io::Result<String> {
    Ok(format!("{:016x}", getrandom::u64().map_err(io::Error::other)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn what_was_written_is_read_and_nobody_else_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.json");
        write_json(&path, &"one").unwrap();
        write_json(&path, &"two").unwrap();
        assert_eq!(read_json::<String>(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing temporary stays");
    }

    #[test]
    fn what_is_no_file_of_ours_is_neither_waited_for_nor_followed() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        assert_eq!(read_bytes(&path("missing")).unwrap(), None);
        fs::create_dir(path("directory")).unwrap();
        fs::write(path("secret"), "\"secret\"").unwrap();
        symlink(path("secret"), path("link")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(pipe.success());
        File::create(path("huge")).unwrap().set_len(READ_MOST + 1).unwrap();
        for name in ["directory", "link", "pipe", "huge"] {
            assert_eq!(read_json::<String>(&path(name)).unwrap(), None, "{name}");
        }
    }

    #[test]
    fn a_tree_that_closed_itself_is_removed_and_what_it_points_at_stays() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/file"), "x").unwrap();
        fs::write(directory.path().join("kept"), "x").unwrap();
        symlink(directory.path(), tree.join("a/up")).unwrap();
        fs::set_permissions(tree.join("a/b"), fs::Permissions::from_mode(0o500)).unwrap();
        fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o500)).unwrap();
        open_directories(&tree);
        assert_eq!(fs::metadata(tree.join("a/b")).unwrap().mode() & 0o777, 0o700);
        remove_tree(&tree).unwrap();
        remove_tree(&tree).unwrap();
        assert!(!tree.exists() && directory.path().join("kept").exists());
    }
}
