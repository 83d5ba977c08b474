//! `emulate upcloud`: the emulator on a real socket, for anyone's client.

mod args;
mod serving;
mod stage;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use dynservers_upcloud::emulator::Emulator;
use thiserror::Error;
use tokio::net::TcpListener;

pub(crate) use args::EmulateArgs;
pub(crate) use serving::serve;

/// Why the emulator did not run, or ended.
#[derive(Debug, Error)]
pub(crate) enum EmulateError {
    /// The settings could not be read.
    #[error("cannot read the settings {}", path.display())]
    Read {
        /// Of which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The settings are none.
    #[error("{} does not hold settings", path.display())]
    Settings {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The socket failed.
    #[error("cannot serve on {address}")]
    Socket {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Serves until Ctrl-C. The first line on standard output tells the base URL.
pub(crate) async fn run(args: EmulateArgs) -> Result<(), EmulateError> {
    let emulator = Emulator::new(args.settings()?, args.seed).with_credentials(args.credentials());
    let failed = |source| EmulateError::Socket { address: args.listen, source };
    let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut output = io::stdout();
    writeln!(output, "listening on http://{address}/1.3").and_then(|()| output.flush()).map_err(failed)?;
    let interrupted = async {
        // Without a way to be told, it serves until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve(listener, Arc::new(Mutex::new(emulator)), args.speed, interrupted).await.map_err(failed)
}
