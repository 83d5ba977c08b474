//! Where the ledger is kept, and where the daemon listens.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::field::Field;
use super::reader::Report;

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

const SHORT: &str = "listen = \"unix:/run/dynservers.sock\"";

/// Checks that systems take the path of a socket; the error is what is wrong with it.
fn socket(report: &Report<'_>, path: &str) -> Result<Listen, String> {
    let path = report.directory.join(path);
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_LIMIT {
        return Err(format!(
            "the socket's path from the root has {length} bytes, and systems take {SOCKET_PATH_LIMIT}"
        ));
    }
    Ok(Listen::Unix(path))
}

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

/// Gives the ledger beside the file.
pub(super) fn default_store(report: &Report<'_>) -> StoreUrl {
    StoreUrl::Sqlite(report.directory.join("dynservers.db"))
}

/// Gives the socket beside the file.
pub(super) fn default_listen(report: &Report<'_>) -> Option<Listen> {
    socket(report, "dynservers.sock")
        .map_err(|problem| report.add(&(0..0), "api.listen", problem, SHORT))
        .ok()
}

/// Reads `unix:PATH` or `IP:PORT`.
pub(super) fn listen(field: &Field<'_>) -> Option<Listen> {
    const HELP: &str = "listen = \"unix:dynservers.sock\" or listen = \"127.0.0.1:7373\"";
    let text = field.resolved()?;
    if let Some(path) = text.text.strip_prefix("unix:") {
        if path.is_empty() || path.contains('\0') {
            field.add("must name a socket", HELP);
            return None;
        }
        return socket(field.report, path).map_err(|problem| field.add(problem, SHORT)).ok();
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
