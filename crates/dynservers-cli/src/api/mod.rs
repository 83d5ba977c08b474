//! The control API: how commands and scripts talk to the running daemon.

mod body;
pub(crate) mod client;
pub(crate) mod commands;
pub(crate) mod decisions;
pub(crate) mod events;
mod feed;
pub(crate) mod fleet;
pub(crate) mod guard;
mod lens;
pub(crate) mod listener;
mod metrics;
mod openapi;
pub(crate) mod problem;
mod ready;
pub(crate) mod report;
pub(crate) mod routes;
mod schema;
mod seats;
pub(crate) mod server;
mod stall;
mod table;
pub(crate) mod token;
pub(crate) mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the control API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// At a Unix socket: whoever may open it may say everything.
    Unix(PathBuf),
    /// At a TCP port of this machine: whoever knows the token may say everything.
    Tcp {
        /// The port and the loopback address that it is on.
        address: SocketAddr,
        /// The file that the token is in.
        token_file: PathBuf,
    },
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "{}", path.display()),
            Self::Tcp { address, .. } => write!(formatter, "{address}"),
        }
    }
}
