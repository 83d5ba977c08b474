//! Work that waits in `RabbitMQ`, by what its management plugin tells.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dynservers_core::Failure;
use dynservers_hooks::words::{MOST_QUOTED, sanitized};
use dynservers_hooks::{Header, InvalidWeb, Web};
use dynservers_http::{Reference, Secrets};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use thiserror::Error;

pub use crate::login::Login;
use crate::signal::{Signal, Source, Unknown};

/// Counts the messages in queues of `RabbitMQ`: those that are ready wait, and those that were delivered and are not
/// acknowledged are in hand.
///
/// AMQP itself tells of the former alone: so the server's management plugin is asked. Its numbers are as old as its statistics,
/// which come every 5 seconds unless it is told otherwise. A queue that is not there is unknown, since under a wrong name there
/// would be no work; so is one of which there are no statistics, and one that is down.
pub struct RabbitMq {
    address: String,
    login: Arc<Basic>,
    queues: Vec<Queue>,
    timeout: Duration,
}

/// A queue in `RabbitMQ`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The virtual host; `/` unless it was told otherwise.
    pub vhost: String,
    /// Its name.
    pub name: String,
}

/// What keeps a `RabbitMQ` from being asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidRabbitMq {
    /// Its address.
    #[error(transparent)]
    Web(#[from] InvalidWeb),
    /// The address says more than where the server is.
    #[error("the address has a \"?\" or a \"#\": write http://HOST:15672, with what stands before /api")]
    Address,
    /// There is nothing to count.
    #[error("no queue is named")]
    NoQueues,
    /// No queue can have that name.
    #[error("a queue or a virtual host has no name")]
    Name,
}

impl RabbitMq {
    /// Makes a source of queues behind the address of the management plugin, such as `http://127.0.0.1:15672`.
    ///
    /// To another machine it must be https, since credentials are sent.
    pub fn new(
        address: &str,
        login: Login,
        queues: Vec<Queue>,
        timeout: Duration,
    ) -> Result<Self, InvalidRabbitMq> {
        if address.contains(['?', '#']) {
            return Err(InvalidRabbitMq::Address);
        }
        if queues.is_empty() {
            return Err(InvalidRabbitMq::NoQueues);
        }
        if queues.iter().any(|queue| queue.name.is_empty() || queue.vhost.is_empty()) {
            return Err(InvalidRabbitMq::Name);
        }
        let address = address.trim_end_matches('/').to_owned();
        let source = Self { address, login: Arc::new(Basic(login)), queues, timeout };
        for queue in &source.queues {
            source.web(queue, timeout)?;
        }
        Ok(source)
    }

    fn web(&self, queue: &Queue, timeout: Duration) -> Result<Web, InvalidWeb> {
        let [vhost, name] =
            [&queue.vhost, &queue.name].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC));
        let columns = "columns=messages_ready,messages_unacknowledged,state";
        let url = format!("{}/api/queues/{vhost}/{name}?{columns}", self.address);
        // What the reference says is never looked at: whoever reads it has the login.
        let value = Reference::Env("LOGIN".to_owned()).into();
        let header = Header { name: "authorization".to_owned(), before: "Basic ".to_owned(), value };
        Ok(Web::new(&url, vec![header], timeout)?.with_secrets(Arc::<Basic>::clone(&self.login)))
    }

    fn count(&self, queue: &Queue, timeout: Duration) -> Result<Signal, Unknown> {
        let web = self.web(queue, timeout).map_err(|error| Unknown::new(error.to_string()))?;
        let answer = web
            .call(Method::GET, None, &[("accept", "application/json")], None)
            .map_err(|error| Unknown::new(error.message))?;
        let shown = web.shown();
        let value: Option<Value> = serde_json::from_slice(&answer.body).ok();
        match (answer.status, value) {
            (200, Some(value)) => {
                read(&value).map_err(|what| Unknown::new(format!("{}: {what}", self.shown(queue))))
            }
            (200, None) => {
                Err(Unknown::new(format!("{shown} answered with what is no JSON: {}", answer.said)))
            }
            // In its own words: another server's 404 tells nothing of a queue.
            (404, Some(value)) if value["error"] == "Object Not Found" => Err(Unknown::new(format!(
                "{}: the server knows no such queue: declare it, or correct its name and virtual host",
                self.shown(queue)
            ))),
            (status, _) => {
                Err(Unknown::new(format!("{shown} answered with status {status}: {}", answer.said)))
            }
        }
    }

    fn shown(&self, queue: &Queue) -> String {
        let [vhost, name] = [&queue.vhost, &queue.name].map(|text| sanitized(text.as_bytes(), MOST_QUOTED));
        format!("{}: queue {name:?} of {vhost:?}", self.address)
    }
}

fn read(answer: &Value) -> Result<Signal, String> {
    // Of these there are numbers still, from when it was well.
    if let Some(state @ ("crashed" | "down" | "stopped" | "terminated")) = answer["state"].as_str() {
        return Err(format!("it is {state}, and how much is in it is not known"));
    }
    let number = |name: &str| {
        match &answer[name] {
        Value::Null => Err(
            "the server has no statistics of it: they come some seconds after it was declared, unless they are disabled"
                .to_owned(),
        ),
        value => value.as_u64().ok_or_else(|| {
            let value = sanitized(value.to_string().as_bytes(), MOST_QUOTED);
            format!("{name} is {value}, which is no number of messages")
        }),
    }
    };
    let (waiting, in_flight) = (number("messages_ready")?, number("messages_unacknowledged")?);
    Ok(Signal { waiting, in_flight, oldest_wait: None })
}

impl Source for RabbitMq {
    fn measure(&self) -> Result<Signal, Unknown> {
        let deadline = Instant::now() + self.timeout;
        let mut all = Signal::default();
        for queue in &self.queues {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Unknown::new(format!("{}: no answer in time", self.shown(queue))));
            }
            let signal = self.count(queue, left)?;
            all.waiting = all.waiting.saturating_add(signal.waiting);
            all.in_flight = all.in_flight.saturating_add(signal.in_flight);
        }
        Ok(all)
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl fmt::Debug for RabbitMq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RabbitMq")
            .field("server", &self.address)
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}

/// Makes the header of a login (RFC 7617) when a request is built, and not before.
struct Basic(Login);

impl Secrets for Basic {
    fn read(&self, _: &Reference) -> Result<SecretString, Failure> {
        let (username, password) = self.0.read().map_err(|unknown| Failure::new(unknown.reason))?;
        let [username, password] = [username, password].map(Option::unwrap_or_default);
        let (username, password) = (username.expose_secret(), password.expose_secret());
        if username.contains(':') {
            return Err(Failure::new("the user's name has a colon in it, which no login over HTTP can have"));
        }
        Ok(BASE64_STANDARD.encode(format!("{username}:{password}")).into())
    }
}
