//! Work that waits in PostgreSQL, or in a server that speaks like it.

mod connection;
mod number;
mod queue;
mod tls;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynservers_hooks::is_this_machine;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use connection::{Connection, Counting};
pub use queue::Queue;

use crate::failures::{Failures, left};
pub use crate::login::Login;
use crate::signal::{Signal, Source, Unknown};

/// Counts jobs in tables, by the user's own query or as a library keeps them.
///
/// One connection is kept from measurement to measurement. All is read in one transaction that can write nothing, and the
/// server itself ends what takes longer than the measurement may. A table or a column that is not there, no row or several,
/// NULL, and what is no whole number of jobs are unknown.
pub struct Postgres {
    address: Config,
    shown: String,
    login: Login,
    encryption: Encryption,
    queues: Vec<Queue>,
    timeout: Duration,
    link: Mutex<Link>,
}

/// How it is kept from others what is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// TLS, by what the system trusts; none to this machine, where nobody reads along.
    #[default]
    Elsewhere,
    /// TLS, to this machine too, by the certificates of this file (PEM) and by no others. It is read for every connection.
    Ca(PathBuf),
    /// None.
    Plain,
}

/// What is left of earlier measurements.
#[derive(Default)]
struct Link {
    connection: Option<Connection>,
    failures: Failures,
}

/// What keeps a PostgreSQL server from being asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidPostgres {
    /// It is no such address.
    #[error("this is no address of a PostgreSQL server: write postgres://HOST:PORT/DATABASE")]
    Address,
    /// The address holds a password, which belongs elsewhere.
    #[error("the address holds a user or a password: give them apart from it, by environment or file")]
    Credentials,
    /// The address says more than where the server is.
    #[error(
        "the address has parameters after a \"?\": leave them out; TLS is spoken to every other machine, and verified"
    )]
    Parameters,
    /// There is nothing to count.
    #[error("no queue is named")]
    NoQueues,
    /// There can be no such queue.
    #[error("{name:?} is no queue of {of}: {rule}")]
    Queue {
        /// Its name.
        name: String,
        /// What keeps such queues.
        of: &'static str,
        /// What a name must be.
        rule: &'static str,
    },
}

impl Postgres {
    /// Makes a source of queues behind an address such as `postgres://127.0.0.1/app`, or `postgres://%2Frun%2Fpostgresql/app`
    /// for a socket in a directory.
    pub fn new(
        address: &str,
        login: Login,
        encryption: Encryption,
        queues: Vec<Queue>,
        timeout: Duration,
    ) -> Result<Self, InvalidPostgres> {
        if !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
            return Err(InvalidPostgres::Address);
        }
        // What stands before an `@` is never looked at closer, and so never shown.
        if address.contains('@') {
            return Err(InvalidPostgres::Credentials);
        }
        if address.contains('?') {
            return Err(InvalidPostgres::Parameters);
        }
        let address: Config = address.parse().map_err(|_| InvalidPostgres::Address)?;
        let shown = shown(&address).ok_or(InvalidPostgres::Address)?;
        if queues.is_empty() {
            return Err(InvalidPostgres::NoQueues);
        }
        queues.iter().try_for_each(Queue::check)?;
        Ok(Self { address, shown, login, encryption, queues, timeout, link: Mutex::default() })
    }

    fn connect_anew(&self, link: &mut Link, deadline: Instant) -> Result<Connection, Unknown> {
        link.failures.heed(&self.shown, || {
            let (username, password) = self.login.read()?;
            let ca = match &self.encryption {
                Encryption::Elsewhere if is_private(&self.address) => None,
                Encryption::Plain => None,
                Encryption::Elsewhere => Some(tls::system()),
                Encryption::Ca(file) => Some(tls::by_ca(file)),
            };
            let tls = ca.transpose().map_err(|what| self.unknown(&what))?;
            Connection::open(self.address.clone(), username.as_ref(), password, tls, left(deadline))
                .map_err(|what| self.unknown(&what))
        })
    }

    fn unknown(&self, what: &str) -> Unknown {
        Unknown::new(format!("{}: {what}", self.shown))
    }
}

impl Source for Postgres {
    fn measure(&self) -> Result<Signal, Unknown> {
        let deadline = Instant::now() + self.timeout;
        // Whoever panicked while it was locked has at worst left a connection that fails.
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = link.connection.take();
        let was_kept = kept.is_some();
        let mut connection = kept.map_or_else(|| self.connect_anew(&mut link, deadline), Ok)?;
        let mut result = connection.count(&self.queues, left(deadline));
        if was_kept && matches!(result, Err(Counting::Lost(_))) {
            // The server may have closed it long ago, and be well.
            connection = self.connect_anew(&mut link, deadline)?;
            result = connection.count(&self.queues, left(deadline));
        }
        match result {
            Ok(signal) => {
                link.connection = Some(connection);
                Ok(signal)
            }
            Err(Counting::Said(what)) => {
                link.connection = Some(connection);
                Err(self.unknown(&what))
            }
            // The next measurement connects anew.
            Err(Counting::Lost(what)) => Err(self.unknown(&what)),
        }
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Postgres")
            .field("server", &self.shown)
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}

/// Names a server; none unless it is one.
fn shown(address: &Config) -> Option<String> {
    let [host] = address.get_hosts() else { return None };
    let host = match host {
        Host::Tcp(host) if host.is_empty() => return None,
        Host::Tcp(host) => host.clone(),
        #[cfg(unix)]
        Host::Unix(directory) => directory.display().to_string(),
    };
    let port = address.get_ports().first().copied().unwrap_or(5432);
    let database = address.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    Some(format!("{host}:{port}{database}"))
}

/// Whether nobody can read along.
fn is_private(address: &Config) -> bool {
    address.get_hosts().iter().all(|host| match host {
        Host::Tcp(host) => is_this_machine(host),
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}
