//! `demo --upcloud`: nothing leaks, shown in half a minute: a cloud that loses replies, throttles and lags; a daemon that
//! is killed midway; and beside it the loop that anyone would write first, under the same faults.

mod naive;
mod stage;
mod story;
mod verdict;

use std::io;

use thiserror::Error;

use crate::api::client::ClientError;
use crate::config::Problems;
use crate::exit::Exit;
use crate::providers::ProviderError;

/// Why the demo could not be shown.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// The system refuses a socket, a file or a process.
    #[error("the demo cannot be staged: {0}")]
    System(#[from] io::Error),
    /// The configuration that it writes is not one.
    #[error("the demo's own configuration is wrong:\n{0}")]
    Configuration(#[from] Problems),
    /// The naive loop has no way to its cloud.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The daemon could not be told what to do.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon ended by itself.
    #[error("the daemon ended by itself; its log says:\n{log}")]
    DaemonEnded {
        /// The end of its log.
        log: String,
    },
    /// It took longer than the demo may last.
    #[error("the demo was not over in time, while it waited for this: {what}")]
    TooLong {
        /// What was waited for.
        what: String,
    },
}

/// Shows it. Succeeds only if the provider saw that the claim holds.
pub(crate) async fn run() -> Result<Exit, DemoError> {
    let verdict = story::tell().await?;
    Ok(if verdict.holds() { Exit::Done } else { Exit::Failed })
}
