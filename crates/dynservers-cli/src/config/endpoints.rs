//! Where the ledger is kept, and where the daemon listens.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::field::Field;
use super::reader::{Report, Section};

/// Where the ledger is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// In a file of SQLite's.
    Sqlite(PathBuf),
}

/// Where the daemon listens for commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// On a Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Who may open it.
        access: SocketAccess,
    },
    /// On a loopback address, with a token.
    Tcp(SocketAddr),
}

/// Who may open a Unix socket, and with it say everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketAccess {
    /// The bits of its mode: of its owner, and perhaps of its group.
    pub(crate) mode: u32,
    /// Its owner, by name or number; whoever runs the daemon if there is none.
    pub(crate) owner: Option<String>,
    /// Its group, by name or number; the daemon's own if there is none.
    pub(crate) group: Option<String>,
}

impl SocketAccess {
    /// The mode that lets nobody in but the owner.
    pub(crate) const PRIVATE: u32 = 0o600;
}

impl Default for SocketAccess {
    fn default() -> Self {
        Self { mode: Self::PRIVATE, owner: None, group: None }
    }
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
    Ok(Listen::Unix { path, access: SocketAccess::default() })
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

/// Reads `[api]`.
pub(super) fn api(root: &mut Section<'_>) -> Option<Listen> {
    let Some(field) = root.get("api") else { return default_listen(root.report) };
    let mut section = field.section()?;
    let listen = section.get("listen");
    let keys = ["mode", "owner", "group"].map(|key| section.get(key));
    section.finish();
    let listen = match listen {
        Some(field) => listen_on(&field)?,
        None => default_listen(root.report)?,
    };
    match listen {
        Listen::Unix { path, .. } => Some(Listen::Unix { path, access: access(&keys)? }),
        Listen::Tcp(_) => {
            for key in keys.iter().flatten() {
                key.add(
                    "is for a Unix socket, and this listens on a port",
                    "listen = \"unix:dynservers.sock\"",
                );
            }
            keys.iter().all(Option::is_none).then_some(listen)
        }
    }
}

/// Reads who may open the socket. Whether such users and groups exist is found out where the daemon runs.
fn access([mode, owner, group]: &[Option<Field<'_>>; 3]) -> Option<SocketAccess> {
    let name = |field: &Option<Field<'_>>| match field {
        None => Some(None),
        Some(field) => self::name(field).map(Some),
    };
    let (owner, in_group) = (name(owner)?, name(group)?);
    let mode = match mode {
        None => SocketAccess::PRIVATE,
        Some(field) => self::mode(field)?,
    };
    if let Some(group) = group.as_ref().filter(|_| mode & 0o070 == 0) {
        group.add("may not open the socket by its mode", "mode = \"0660\"");
        return None;
    }
    Some(SocketAccess { mode, owner, group: in_group })
}

fn name(field: &Field<'_>) -> Option<String> {
    let text = field.resolved()?.text;
    if text.is_empty() || text.contains(['\0', ':']) {
        field.add("must be a name or a number", format!("{} = \"deploy\"", field.name()));
        return None;
    }
    Some(text)
}

/// Reads the mode. One that lets everybody in is refused: whoever may open the socket may say everything.
fn mode(field: &Field<'_>) -> Option<u32> {
    const HELP: &str = "mode = \"0600\" for the owner, or mode = \"0660\" with a group";
    let text = field.resolved()?;
    let mode = u32::from_str_radix(&text.text, 8).ok().filter(|_| text.text.len() <= 4);
    match mode {
        Some(mode @ (0o600 | 0o660)) => Some(mode),
        Some(mode) if mode & 0o007 != 0 => {
            field.add("would let every user of this machine command the fleet", HELP);
            None
        }
        _ => {
            field.add(format!("must be \"0600\" or \"0660\", not {text}"), HELP);
            None
        }
    }
}

/// Gives the socket beside the file.
fn default_listen(report: &Report<'_>) -> Option<Listen> {
    socket(report, "dynservers.sock")
        .map_err(|problem| report.add(&(0..0), "api.listen", problem, SHORT))
        .ok()
}

/// Reads `unix:PATH` or `IP:PORT`.
fn listen_on(field: &Field<'_>) -> Option<Listen> {
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
