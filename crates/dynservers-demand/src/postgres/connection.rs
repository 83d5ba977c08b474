//! One connection, driven by a runtime of its own within the deadline of each measurement.

use std::error::Error as _;
use std::time::Duration;

use dynservers_hooks::words::{MOST_QUOTED, sanitized};
use dynservers_http::redact;
use rustls::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::Severity;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::queue::Queue;
use crate::signal::Signal;

/// Why a queue was not counted.
pub(super) enum Counting {
    /// The connection is of no use any more.
    Lost(String),
    /// The server answered, and not with what was asked for.
    Said(String),
}

/// A connection that is logged in.
///
/// What it waits for is looked at during measurements only: between them it has no thread.
pub(super) struct Connection {
    client: Client,
    runtime: Option<Runtime>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime that is waited for must not be dropped by an async task, and that is where hosts drop sources.
            runtime.shutdown_background();
        }
    }
}

const LATE: &str = "no answer in time";

impl Connection {
    /// Resolves the name, connects, agrees on TLS and logs in, all within this time.
    pub(super) fn open(
        mut config: Config,
        username: Option<&SecretString>,
        password: Option<SecretString>,
        tls: Option<ClientConfig>,
        within: Duration,
    ) -> Result<Self, String> {
        config.application_name("dynservers");
        if let Some(username) = username {
            config.user(username.expose_secret());
        }
        if let Some(password) = &password {
            config.password(password.expose_secret());
        }
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            // A name that is resolved without end holds one thread and not one more each time.
            .max_blocking_threads(1)
            .build()
            .map_err(|error| format!("no runtime can be made: {error}"))?;
        let connecting = async {
            let client = if let Some(tls) = tls {
                config.ssl_mode(SslMode::Require);
                let (client, driver) = config.connect(MakeRustlsConnect::new(tls)).await?;
                // What ends it is told by the client, too.
                drop(tokio::spawn(driver));
                client
            } else {
                config.ssl_mode(SslMode::Disable);
                let (client, driver) = config.connect(NoTls).await?;
                drop(tokio::spawn(driver));
                client
            };
            Ok::<_, Error>(client)
        };
        match runtime.block_on(async { timeout(within, connecting).await }) {
            Ok(Ok(client)) => Ok(Self { client, runtime: Some(runtime) }),
            failed => {
                runtime.shutdown_background();
                let secrets: Vec<SecretString> = password.into_iter().collect();
                Err(failed.map_or_else(
                    |_| LATE.to_owned(),
                    |result| result.err().map_or_else(String::new, |error| redact(&told(&error), &secrets)),
                ))
            }
        }
    }

    /// Counts all of these, within this time.
    pub(super) fn count(&self, queues: &[Queue], within: Duration) -> Result<Signal, Counting> {
        let runtime = self.runtime.as_ref().ok_or_else(|| Counting::Lost("it is closed".to_owned()))?;
        let counted = runtime.block_on(async { timeout(within, self.count_all(queues, within)).await });
        counted.unwrap_or_else(|_| Err(Counting::Lost(LATE.to_owned())))
    }

    async fn count_all(&self, queues: &[Queue], within: Duration) -> Result<Signal, Counting> {
        // The server gives up a little before nobody listens any more: then it says so, and the connection stays good.
        let bound = (within.as_millis() * 9 / 10).clamp(1, 2_147_483_647);
        let begin = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {bound}");
        self.client.batch_execute(&begin).await.map_err(|error| failed(&error))?;
        let mut all = Ok(Signal::default());
        for queue in queues {
            match (&mut all, queue.count(&self.client).await) {
                (Ok(all), Ok(signal)) => {
                    all.waiting = all.waiting.saturating_add(signal.waiting);
                    all.in_flight = all.in_flight.saturating_add(signal.in_flight);
                    all.oldest_wait = all.oldest_wait.max(signal.oldest_wait);
                }
                (_, result) => {
                    all = result;
                    break;
                }
            }
        }
        if !matches!(all, Err(Counting::Lost(_))) {
            self.client.batch_execute("ROLLBACK").await.map_err(|error| failed(&error))?;
        }
        all
    }
}

/// Tells the errors of the server apart from those that end the connection.
pub(super) fn failed(error: &Error) -> Counting {
    let ends = |severity| matches!(severity, Some(Severity::Fatal | Severity::Panic));
    match error.as_db_error() {
        Some(said) if !ends(said.parsed_severity()) => Counting::Said(told(error)),
        _ => Counting::Lost(told(error)),
    }
}

/// Tells an error with all that led to it, cut short.
fn told(error: &Error) -> String {
    let text = if let Some(said) = error.as_db_error() {
        let hint = said.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{} (SQLSTATE {}){hint}", said.message(), said.code().code())
    } else {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        if text.contains("UnknownIssuer") {
            text.push_str("; if that CA is your own, name its file");
        }
        text
    };
    sanitized(text.as_bytes(), MOST_QUOTED)
}
