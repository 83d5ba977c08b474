//! A hook: who is told of which events, and what it is told.

use std::time::{SystemTime, UNIX_EPOCH};

use dynservers_core::{Event, Failure, FleetName, Time};
use dynservers_http::{Secrets, SystemSecrets, Text};
use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use thiserror::Error;

use super::lanes::{Filter, Undelivered};
use crate::program::{End, Program, complaint};
use crate::signature::{ID, SIGNATURE, Secret, TIMESTAMP, sign};
use crate::web::Web;

/// Who is told of the fleet's events.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hook {
    /// Its name, also that of the file with its cursor.
    pub name: String,
    /// Which events it is told of.
    pub events: Filter,
    /// How it is told.
    pub target: Target,
}

/// How a hook is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Target {
    /// By a `POST` of the payload, signed after [`signature`](crate::signature). Delivered is any status from 200 to 299;
    /// 410 says that this event is never wanted; everything else is tried again.
    Webhook {
        /// Where.
        web: Web,
        /// The secret that signs it, read anew for each attempt.
        secret: Text,
    },
    /// By a program, with the payload as its input, and `DYNSERVERS_EVENT` and `DYNSERVERS_FLEET` in its environment.
    /// Delivered is an exit with code 0; everything else is tried again.
    Command(Program),
}

/// Why a hook cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidHook {
    /// Its name cannot be that of a file.
    #[error("{0:?} is no name of a hook: use 1 to 63 lower-case letters, digits, '-' and '_'")]
    Name(String),
    /// Its address has placeholders.
    #[error("the address {0:?} of a hook cannot have placeholders: what happened is in the body")]
    Placeholders(String),
    /// There is no program.
    #[error("the hook {0:?} names no program: give its name and its arguments as a list")]
    Nothing(String),
    /// The secret that is written out is none.
    #[error("the secret of the hook {name:?} is not usable: {source}")]
    Secret {
        /// The hook.
        name: String,
        /// What is wrong with it.
        source: crate::signature::InvalidSecret,
    },
}

impl Hook {
    /// Makes a hook, unless its name or target cannot be used.
    pub fn new(name: &str, events: Filter, target: Target) -> Result<Self, InvalidHook> {
        let valid = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if name.is_empty() || name.len() > 63 || !name.bytes().all(valid) {
            return Err(InvalidHook::Name(name.to_owned()));
        }
        match &target {
            Target::Webhook { web, .. } if web.has_placeholders() => {
                return Err(InvalidHook::Placeholders(web.shown()));
            }
            Target::Webhook { secret, .. } => {
                if let Some(text) = secret.literal() {
                    Secret::parse(text)
                        .map_err(|source| InvalidHook::Secret { name: name.to_owned(), source })?;
                }
            }
            Target::Command(program) if program.argv.is_empty() => {
                return Err(InvalidHook::Nothing(name.to_owned()));
            }
            Target::Command(_) => {}
        }
        Ok(Self { name: name.to_owned(), events, target })
    }

    /// Makes one attempt to deliver an event.
    pub(super) fn deliver(&self, fleet: &FleetName, event: &Event) -> Result<(), Undelivered> {
        let body = payload(fleet, event).to_string();
        match &self.target {
            Target::Webhook { web, secret } => post(web, secret, fleet, event, body.as_bytes()),
            Target::Command(program) => {
                let environment = [
                    ("DYNSERVERS_EVENT".to_owned(), event.kind.name().to_owned()),
                    ("DYNSERVERS_FLEET".to_owned(), fleet.to_string()),
                ];
                let output = program
                    .run(&environment, body.as_bytes())
                    .map_err(|error| Undelivered::Retry(Failure::new(error.to_string())))?;
                match output.status {
                    End::Exit(0) => Ok(()),
                    status @ (End::Exit(_) | End::Signal(_)) => Err(Undelivered::Retry(Failure::new(
                        format!("the program {status}{}", complaint(&output.stderr)),
                    ))),
                }
            }
        }
    }
}

fn post(web: &Web, secret: &Text, fleet: &FleetName, event: &Event, body: &[u8]) -> Result<(), Undelivered> {
    let retry = |message: String| Undelivered::Retry(Failure::new(message));
    let secret = match secret {
        Text::Literal(text) => Secret::parse(text),
        Text::Env { .. } | Text::File { .. } => {
            let read = secret.reference().map(|reference| SystemSecrets.read(&reference)).transpose();
            let read = read.map_err(Undelivered::Retry)?.unwrap_or_default();
            Secret::parse(read.expose_secret())
        }
    }
    .map_err(|error| retry(format!("the hook's secret is not usable: {error}")))?;
    // The time of the event keeps it apart from another with the same number, after a ledger was restored.
    let id = format!("{fleet}-{}-{}", event.id, event.at.as_millis());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    let signature = sign(&secret, &id, now, body);
    let now = now.to_string();
    let headers = [
        ("content-type", "application/json"),
        (ID, id.as_str()),
        (TIMESTAMP, now.as_str()),
        (SIGNATURE, signature.as_str()),
    ];
    let answer = web.call(Method::POST, None, &headers, Some(body)).map_err(|error| retry(error.message))?;
    let failure = || {
        let message = format!("{} answered with status {}: {}", web.shown(), answer.status, answer.said);
        Failure { http_status: Some(answer.status), ..Failure::new(message) }
    };
    match answer.status {
        200..=299 => Ok(()),
        410 => Err(Undelivered::Refused(failure())),
        _ => Err(Undelivered::Retry(failure())),
    }
}

/// Gives what a receiver is told: the event's own fields, with `id`, `fleet`, `event` and `at` (RFC 3339).
#[must_use]
pub fn payload(fleet: &FleetName, event: &Event) -> Value {
    let mut fields = match serde_json::to_value(event) {
        Ok(Value::Object(fields)) => fields,
        // An event is an object of numbers and texts.
        _ => Map::new(),
    };
    fields.insert("id".to_owned(), event.id.0.into());
    fields.insert("event".to_owned(), event.kind.name().into());
    fields.insert("fleet".to_owned(), fleet.as_str().into());
    fields.insert("at".to_owned(), written(event.at).into());
    Value::Object(fields)
}

fn written(at: Time) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX).to_string()
}
