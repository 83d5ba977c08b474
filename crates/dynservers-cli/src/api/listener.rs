//! Listeners: a Unix socket that only those may open who are meant to, or a port of this machine.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::config::SocketAccess;

/// Why nobody can listen there.
#[derive(Debug, Error)]
pub(crate) enum ListenError {
    /// Something other than a socket is at the socket's path; it is left alone.
    #[error("{} is not a socket and is left alone: set api.listen to another path", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Somebody answers at the socket.
    #[error("another daemon listens on {}: stop it, or set api.listen to another path", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// There is no such user or group here.
    #[error("api.{key}: there is no {key} {name:?} on this machine: name one that exists, by name or number")]
    Nobody {
        /// `owner` or `group`.
        key: &'static str,
        /// What it is set to.
        name: String,
    },
    /// The socket cannot be given to whom it is meant for.
    #[error(
        "cannot give {} to {whom}: {source}; run the daemon as root or as a member of the group, or change [api]",
        path.display()
    )]
    NotGiven {
        /// The path.
        path: PathBuf,
        /// Whom it is meant for.
        whom: String,
        /// The system's words.
        source: io::Error,
    },
    /// The system refused.
    #[error("cannot listen on {place}: {source}")]
    Io {
        /// The socket or port.
        place: String,
        /// The system's words.
        source: io::Error,
    },
}

/// Either end of a connection, whatever carries it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Where connections come in. Dropping it removes the socket's file, if it is still its own.
#[derive(Debug)]
pub(crate) enum Listener {
    /// A Unix socket.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Its file, which goes with it.
        _file: SocketFile,
    },
    /// A port.
    Tcp(TcpListener),
}

impl Listener {
    /// Listens on a Unix socket that nobody but this user may open.
    #[cfg(test)]
    pub(crate) async fn unix(path: &Path) -> Result<Self, ListenError> {
        Self::unix_for(path, &SocketAccess::default()).await
    }

    /// Listens on a Unix socket that those may open who are meant to, and at no moment anybody else.
    ///
    /// A socket that nobody answers at was left by a daemon that died, and is removed. To be called while no other
    /// thread makes files: for a moment, no file that the process makes can be opened by anybody.
    pub(crate) async fn unix_for(path: &Path, access: &SocketAccess) -> Result<Self, ListenError> {
        let owners = Owners::find(access)?;
        clear(path).await?;
        let failed = |source| ListenError::Io { place: path.display().to_string(), source };
        // Closed to all from its first moment on, and opened last: a mode that is right too late leaves a gap, and so
        // does one that is set before the socket has its group.
        let before = rustix::process::umask(Mode::RWXU | Mode::RWXG | Mode::RWXO);
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        let listener = bound.map_err(failed)?;
        let file = SocketFile::of(path).map_err(failed)?;
        owners.give(path, access)?;
        fs::set_permissions(path, fs::Permissions::from_mode(access.mode)).map_err(failed)?;
        Ok(Self::Unix { listener, _file: file })
    }

    /// Listens on a port.
    pub(crate) async fn tcp(address: SocketAddr) -> Result<Self, ListenError> {
        TcpListener::bind(address)
            .await
            .map(Self::Tcp)
            .map_err(|source| ListenError::Io { place: address.to_string(), source })
    }

    /// Waits for the next connection.
    pub(crate) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Unix { listener, _file } => Ok(Box::new(listener.accept().await?.0)),
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// Whose a socket is to be, where that is not this process's own.
struct Owners {
    user: Option<u32>,
    group: Option<u32>,
}

impl Owners {
    /// Looks them up as the system does: names first, then numbers.
    fn find(access: &SocketAccess) -> Result<Self, ListenError> {
        let lookup = |key, name: &Option<String>, known: fn(&str) -> nix::Result<Option<u32>>| {
            let Some(name) = name else { return Ok(None) };
            // A directory service that cannot be asked does not make a number wrong.
            let found = known(name).ok().flatten().or_else(|| name.parse().ok());
            found.map(Some).ok_or_else(|| ListenError::Nobody { key, name: name.clone() })
        };
        Ok(Self {
            user: lookup("owner", &access.owner, |name| {
                Ok(nix::unistd::User::from_name(name)?.map(|user| user.uid.as_raw()))
            })?,
            group: lookup("group", &access.group, |name| {
                Ok(nix::unistd::Group::from_name(name)?.map(|group| group.gid.as_raw()))
            })?,
        })
    }

    fn give(&self, path: &Path, access: &SocketAccess) -> Result<(), ListenError> {
        if self.user.is_none() && self.group.is_none() {
            return Ok(());
        }
        std::os::unix::fs::lchown(path, self.user, self.group).map_err(|source| {
            let whom = [("owner", &access.owner), ("group", &access.group)];
            let whom: Vec<_> =
                whom.iter().filter_map(|(key, name)| Some(format!("{key} {}", name.as_ref()?))).collect();
            ListenError::NotGiven { path: path.to_owned(), whom: whom.join(" and "), source }
        })
    }
}

/// Removes a socket that nobody answers at, and nothing else.
async fn clear(path: &Path) -> Result<(), ListenError> {
    let failed = |source| ListenError::Io { place: path.display().to_string(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ListenError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(ListenError::InUse { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        // Not our user's, or full: alive or not, it is not for us to remove.
        Err(error) => Err(failed(error)),
    }
}

/// The file of a socket that this process listens on.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), identity: (found.dev(), found.ino()) })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours =
            fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, path = %self.path.display(), "the socket's file stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_private_and_goes_with_its_listener() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        let listener = Listener::unix(&path).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(Listener::unix(&path).await, Err(ListenError::InUse { .. })));
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_is_given_to_the_group_that_is_named_and_opened_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        let group = rustix::process::getegid().as_raw();
        let access = SocketAccess { mode: 0o660, group: Some(group.to_string()), owner: None };
        let listener = Listener::unix_for(&path, &access).await.unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.mode() & 0o777, found.gid()), (0o660, group));
        drop(listener);
        let access = SocketAccess { group: Some("no such group here".to_owned()), ..access };
        let error = Listener::unix_for(&path, &access).await.unwrap_err();
        assert!(matches!(error, ListenError::Nobody { key: "group", .. }), "{error}");
        assert!(!path.exists(), "it is refused before anything is there");
    }

    #[tokio::test]
    async fn a_socket_that_nobody_answers_at_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let listener = Listener::unix(&path).await.unwrap();
        UnixStream::connect(&path).await.unwrap();
        drop(listener);
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("precious");
        fs::write(&file, "work").unwrap();
        assert!(matches!(Listener::unix(&file).await, Err(ListenError::NotASocket { .. })));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(matches!(Listener::unix(&link).await, Err(ListenError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&file).unwrap(), "work");
        let nowhere = directory.path().join("missing/api.sock");
        assert!(matches!(Listener::unix(&nowhere).await, Err(ListenError::Io { .. })));
        let long = directory.path().join("x".repeat(200));
        assert!(matches!(Listener::unix(&long).await, Err(ListenError::Io { .. })));
    }

    #[tokio::test]
    async fn a_newer_socket_at_the_same_path_survives_the_older_listener() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        let older = Listener::unix(&path).await.unwrap();
        fs::rename(&path, directory.path().join("moved")).unwrap();
        let newer = Listener::unix(&path).await.unwrap();
        drop(older);
        assert!(path.exists());
        drop(newer);
        assert!(!path.exists());
    }
}
