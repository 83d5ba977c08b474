//! Where the ledger is kept, and where the daemon listens.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::field::Field;

/// Where the ledger is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// In a file of SQLite's.
    Sqlite(PathBuf),
}

/// Where the daemon listens for commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// On a Unix socket that only its owner may open.
    Unix(PathBuf),
    /// On a loopback address, with a token.
    Tcp(SocketAddr),
}

/// The longest path that every system takes as a Unix socket's address: `sun_path` less its final zero.
const SOCKET_PATH_LIMIT: usize = 103;

/// Reads `sqlite:PATH`.
pub(super) fn store(field: &Field<'_>) -> Option<StoreUrl> {
    const HELP: &str = "url = \"sqlite:dynservers.db\"";
    let text = field.resolved()?;
    match text.text.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() && !path.contains('\0') && !path.starts_with(':') => {
            Some(StoreUrl::Sqlite(field.report.directory.join(path)))
        }
        Some(_) => {
            field.add("must name a file: a ledger that does not last would lose servers", HELP);
            None
        }
        None => {
            field.add("must be a file of SQLite's, `sqlite:PATH`", HELP);
            None
        }
    }
}

/// Reads `unix:PATH` or `IP:PORT`.
pub(super) fn listen(field: &Field<'_>) -> Option<Listen> {
    const HELP: &str = "listen = \"unix:dynservers.sock\" or listen = \"127.0.0.1:7373\"";
    let text = field.resolved()?;
    if let Some(path) = text.text.strip_prefix("unix:") {
        let path = Some(path).filter(|path| !path.is_empty() && !path.contains('\0'));
        let path = path.map(|path| field.report.directory.join(path));
        return match path {
            None => {
                field.add("must name a socket", HELP);
                None
            }
            Some(path) if path.as_os_str().len() > SOCKET_PATH_LIMIT => {
                let message = format!(
                    "is {} bytes long from the root, and systems take {SOCKET_PATH_LIMIT} for a socket",
                    path.as_os_str().len()
                );
                field.add(message, "listen = \"unix:/run/dynservers.sock\"");
                None
            }
            Some(path) => Some(Listen::Unix(path)),
        };
    }
    match text.text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Some(Listen::Tcp(address)),
        Ok(address) => {
            let message =
                format!("{} is not loopback: commands are not encrypted on their way", address.ip());
            field.add(
                message,
                "listen = \"127.0.0.1:7373\", with a tunnel or a proxy that does TLS before it",
            );
            None
        }
        Err(_) => {
            field.add(format!("must be `unix:PATH` or `IP:PORT`, not {text}"), HELP);
            None
        }
    }
}
