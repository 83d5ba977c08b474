//! Work that waits in Redis, or in a server that speaks like it.

mod queue;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynservers_hooks::is_this_machine;
use dynservers_hooks::words::{MOST_QUOTED, sanitized};
use redis::{
    Client, Connection, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisError, TlsCertificates,
};
use secrecy::ExposeSecret as _;
use thiserror::Error;

pub use queue::Queue;

use crate::failures::{Failures, left};
pub use crate::login::Login;
use crate::signal::{Signal, Source, Unknown};

/// Counts the jobs in queues that are kept in Redis.
///
/// One connection is kept from measurement to measurement. What a queue lacks counts as none only where the server itself
/// says that it is not there; a key of another kind, a server that is still loading, or an answer that makes no sense is
/// unknown.
pub struct Redis {
    address: ConnectionInfo,
    shown: String,
    login: Login,
    ca_file: Option<PathBuf>,
    queues: Vec<Queue>,
    timeout: Duration,
    link: Mutex<Link>,
}

/// What is left of earlier measurements.
#[derive(Default)]
struct Link {
    connection: Option<Connection>,
    failures: Failures,
}

/// What keeps an address of a Redis server from being used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidRedis {
    /// It is no such address.
    #[error("this is no address of a Redis server: write redis://HOST:PORT/DATABASE, or rediss:// with TLS")]
    Address,
    /// The address holds a password, which belongs elsewhere.
    #[error("the address holds a user or a password: give them apart from it, by environment or file")]
    Credentials,
    /// Nobody else may read along.
    #[error(
        "{shown} is another machine, and redis:// sends everything in the clear: write rediss://, or allow it"
    )]
    Plain {
        /// The address, without what is secret.
        shown: String,
    },
    /// Without TLS nothing is verified.
    #[error("a CA is named, and redis:// verifies nothing: write rediss://")]
    NothingToVerify,
    /// There is nothing to count.
    #[error("no queue is named")]
    NoQueues,
}

impl Redis {
    /// Makes a source of queues behind an address such as `redis://127.0.0.1:6379/0` or `rediss://redis.example`.
    ///
    /// Without TLS it must be this machine, unless `plain` allows another one.
    pub fn new(
        address: &str,
        login: Login,
        plain: bool,
        queues: Vec<Queue>,
        timeout: Duration,
    ) -> Result<Self, InvalidRedis> {
        let address = address.into_connection_info().map_err(|_| InvalidRedis::Address)?;
        let settings = address.redis_settings();
        if settings.username().is_some() || settings.password().is_some() {
            return Err(InvalidRedis::Credentials);
        }
        let shown = format!("{}/{}", address.addr(), settings.db());
        if !plain && !is_private(address.addr()) {
            return Err(InvalidRedis::Plain { shown });
        }
        if queues.is_empty() {
            return Err(InvalidRedis::NoQueues);
        }
        Ok(Self { address, shown, login, ca_file: None, queues, timeout, link: Mutex::default() })
    }

    /// Trusts the certificates of this file (PEM) alone, in place of what the system trusts. It is read for every connection.
    pub fn trusting(self, ca_file: PathBuf) -> Result<Self, InvalidRedis> {
        match self.address.addr() {
            ConnectionAddr::TcpTls { .. } => Ok(Self { ca_file: Some(ca_file), ..self }),
            _ => Err(InvalidRedis::NothingToVerify),
        }
    }

    fn connect_anew(&self, link: &mut Link, deadline: Instant) -> Result<Connection, Unknown> {
        link.failures.heed(&self.shown, || self.connect(deadline))
    }

    fn connect(&self, deadline: Instant) -> Result<Connection, Unknown> {
        let (username, password) = self.login.read()?;
        let mut settings =
            self.address.redis_settings().clone().set_lib_name("dynservers", env!("CARGO_PKG_VERSION"));
        if let Some(username) = username {
            settings = settings.set_username(username.expose_secret());
        }
        if let Some(password) = password {
            settings = settings.set_password(password.expose_secret());
        }
        let address = self.address.clone().set_redis_settings(settings);
        let client = match &self.ca_file {
            None => Client::open(address),
            Some(file) => {
                let pem =
                    crate::ca::read(file).map_err(|what| Unknown::new(format!("{}: {what}", self.shown)))?;
                Client::build_with_tls(address, TlsCertificates { client_tls: None, root_cert: Some(pem) })
            }
        };
        let client = client.map_err(|error| self.failed(&error))?;
        client.get_connection_with_timeout(left(deadline)).map_err(|error| self.failed(&error))
    }

    /// Tells of an error without anything secret: what the server said is cut short, and holds no password.
    fn failed(&self, error: &RedisError) -> Unknown {
        let what = if error.is_timeout() { "no answer in time".to_owned() } else { error.to_string() };
        Unknown::new(format!("{}: {}", self.shown, sanitized(what.as_bytes(), MOST_QUOTED)))
    }

    fn count(&self, connection: &mut Connection, deadline: Instant) -> Result<Signal, Counting> {
        let mut all = Signal::default();
        for queue in &self.queues {
            let bound = Some(left(deadline));
            connection.set_read_timeout(bound).map_err(Counting::Lost)?;
            connection.set_write_timeout(bound).map_err(Counting::Lost)?;
            let signal = queue.count(connection)?;
            all.waiting = all.waiting.saturating_add(signal.waiting);
            all.in_flight = all.in_flight.saturating_add(signal.in_flight);
            all.oldest_wait = all.oldest_wait.max(signal.oldest_wait);
        }
        Ok(all)
    }
}

/// Why a queue was not counted.
enum Counting {
    /// The connection is of no use any more.
    Lost(RedisError),
    /// The server answered, and not with what was asked for.
    Said(String),
}

impl Source for Redis {
    fn measure(&self) -> Result<Signal, Unknown> {
        let deadline = Instant::now() + self.timeout;
        // Whoever panicked while it was locked has at worst left a connection that fails.
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = link.connection.take();
        let was_kept = kept.is_some();
        let mut connection = kept.map_or_else(|| self.connect_anew(&mut link, deadline), Ok)?;
        let mut result = self.count(&mut connection, deadline);
        if was_kept && matches!(result, Err(Counting::Lost(_))) {
            // The server may have closed it long ago, and be well.
            connection = self.connect_anew(&mut link, deadline)?;
            result = self.count(&mut connection, deadline);
        }
        match result {
            Ok(signal) => {
                link.connection = Some(connection);
                Ok(signal)
            }
            Err(Counting::Said(what)) => {
                link.connection = Some(connection);
                Err(Unknown::new(format!("{}: {what}", self.shown)))
            }
            // The next measurement connects anew.
            Err(Counting::Lost(error)) => Err(self.failed(&error)),
        }
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Redis")
            .field("server", &self.shown)
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}

/// Whether nobody can read along.
fn is_private(address: &ConnectionAddr) -> bool {
    match address {
        ConnectionAddr::Tcp(host, _) => is_this_machine(host),
        ConnectionAddr::TcpTls { .. } | ConnectionAddr::Unix(_) => true,
        _ => false,
    }
}
