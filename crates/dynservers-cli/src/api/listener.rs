//! Listeners: a Unix socket that only its owner may open, or a port of this machine.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

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
    ///
    /// A socket that nobody answers at was left by a daemon that died, and is removed. To be called while no other
    /// thread makes files: for a moment, no file that the process makes is readable by others.
    pub(crate) async fn unix(path: &Path) -> Result<Self, ListenError> {
        clear(path).await?;
        let failed = |source| ListenError::Io { place: path.display().to_string(), source };
        // The mode must be right from the first moment on: one that is set later leaves a gap.
        let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        let listener = bound.map_err(failed)?;
        // Some systems do not apply the mask to sockets.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let file = SocketFile::of(path).map_err(failed)?;
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
