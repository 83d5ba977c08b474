//! Copies: a snapshot becomes the directory that a server runs in.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files::{During as _, FileError};

/// Why a snapshot could not be copied.
#[derive(Debug, Error)]
pub(crate) enum CopyError {
    /// It is missing, or is no directory.
    #[error("{} is no directory that can be read: {reason}; snapshot must name one", path.display())]
    NoSnapshot { path: PathBuf, reason: String },
    /// The copy would be copied too, without end.
    #[error("{} contains the provider's own directory {}: choose another snapshot", path.display(), home.display())]
    Contains { path: PathBuf, home: PathBuf },
    /// Something in it is no file that can be copied.
    #[error("{} is a pipe, socket or device, which a snapshot may not contain: remove it", path.display())]
    Special { path: PathBuf },
    /// Reading or writing failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Checks that a snapshot is there and that its copy would have an end. `home` is a path without links.
pub(crate) fn check_snapshot(snapshot: &Path, home: &Path) -> Result<(), CopyError> {
    let no = |reason: &dyn ToString| CopyError::NoSnapshot {
        path: snapshot.to_owned(),
        reason: reason.to_string(),
    };
    let real = fs::canonicalize(snapshot).map_err(|error| no(&error))?;
    fs::read_dir(&real).map_err(|error| no(&error))?;
    if home.starts_with(&real) {
        return Err(CopyError::Contains { path: snapshot.to_owned(), home: home.to_owned() });
    }
    Ok(())
}

/// Copies a directory with its files, directories, links and permissions. The target must not be there.
///
/// Links stay links. Where the file system can share the bytes of a file until one is written to, it does.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<(), CopyError> {
    let mut directories = vec![(from.to_owned(), to.to_owned())];
    let mut made = Vec::new();
    while let Some((from, to)) = directories.pop() {
        // Open to us until it is full, whatever the snapshot's own permissions are.
        fs::DirBuilder::new().mode(0o700).create(&to).during("make directory", &to)?;
        for entry in fs::read_dir(&from).during("read directory", &from)? {
            let entry = entry.during("read directory", &from)?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type().during("read", &source)?;
            if kind.is_dir() {
                directories.push((source, target));
            } else if kind.is_symlink() {
                let link = fs::read_link(&source).during("read link", &source)?;
                symlink(link, &target).during("make link", &target)?;
            } else if kind.is_file() {
                copy_file(&source, &target)?;
            } else {
                return Err(CopyError::Special { path: source });
            }
        }
        made.push((from, to));
    }
    for (from, to) in made.iter().rev() {
        let permissions = fs::metadata(from).during("read", from)?.permissions();
        fs::set_permissions(to, permissions).during("set the permissions of", to)?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::copy(from, to).map(drop).or_else(|error: io::Error| {
        // The system does not say which of the two it means: a full disk is the target's.
        let path = if error.kind() == io::ErrorKind::PermissionDenied { from } else { to };
        Err(error).during("copy", path)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_copy_has_the_same_files_links_and_permissions() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("bin/closed")).unwrap();
        fs::write(from.join("bin/closed/data"), "data").unwrap();
        fs::write(from.join("bin/run"), "run").unwrap();
        symlink("run", from.join("bin/link")).unwrap();
        symlink("/nowhere", from.join("dangling")).unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(&from.join("bin/run"), 0o751);
        mode(&from.join("bin/closed"), 0o555);
        check_snapshot(&from, &to).unwrap();
        copy_tree(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("bin/closed/data")).unwrap(), "data");
        assert_eq!(fs::read_link(to.join("bin/link")).unwrap(), Path::new("run"));
        assert_eq!(fs::read_link(to.join("dangling")).unwrap(), Path::new("/nowhere"));
        for (path, expected) in [("bin/run", 0o751), ("bin/closed", 0o555)] {
            assert_eq!(fs::metadata(to.join(path)).unwrap().mode() & 0o777, expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_snapshot_is_told_with_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().canonicalize().unwrap().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        for name in ["missing", "file"] {
            let error = check_snapshot(&directory.path().join(name), &home).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        for within in [directory.path(), home.as_path(), Path::new("/")] {
            let error = check_snapshot(within, &home).unwrap_err();
            assert!(matches!(error, CopyError::Contains { .. }), "{error}");
        }
        let special = directory.path().join("special");
        fs::create_dir(&special).unwrap();
        let _listener = UnixListener::bind(special.join("socket")).unwrap();
        let error = copy_tree(&special, &directory.path().join("copy")).unwrap_err();
        assert!(error.to_string().contains("special/socket is a pipe, socket or device"), "{error}");
    }
}
