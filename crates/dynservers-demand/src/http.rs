//! Work that a web address tells.

use std::time::Duration;

use dynservers_hooks::Web;
use dynservers_hooks::words::{MOST_QUOTED, sanitized};
use http::Method;
use serde_json::Value;
use thiserror::Error;

use crate::signal::{Signal, Source, Unknown};

/// Asks a web address by `GET`: the answer must have status 200 and be JSON, with a whole number, or one in a string, where
/// each JSON pointer (RFC 6901) leads.
///
/// Anything else is unknown, also a pointer that leads nowhere.
#[derive(Clone, Debug)]
pub struct Http {
    web: Web,
    timeout: Duration,
    waiting: String,
    in_flight: Option<String>,
}

/// A text is no JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{pointer:?} is no JSON pointer: begin each key with '/', as in \"/queue/waiting\"; an empty one is the whole answer"
)]
pub struct InvalidPointer {
    /// The text.
    pub pointer: String,
}

impl Http {
    /// Makes a source of an address, with pointers to the jobs that wait and, if it tells, to those in hand.
    pub fn new(
        web: Web,
        waiting: impl Into<String>,
        in_flight: Option<String>,
    ) -> Result<Self, InvalidPointer> {
        let waiting = waiting.into();
        for pointer in [Some(&waiting), in_flight.as_ref()].into_iter().flatten() {
            let dangling = pointer.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
            if dangling || !(pointer.is_empty() || pointer.starts_with('/')) {
                return Err(InvalidPointer { pointer: pointer.clone() });
            }
        }
        Ok(Self { timeout: web.timeout(), web, waiting, in_flight })
    }
}

impl Source for Http {
    fn measure(&self) -> Result<Signal, Unknown> {
        let answer = self
            .web
            .call(Method::GET, None, &[("accept", "application/json")], None)
            .map_err(|error| Unknown::new(error.message))?;
        let shown = self.web.shown();
        if answer.status != 200 {
            let (status, said) = (answer.status, answer.said);
            return Err(Unknown::new(format!("{shown} answered with status {status}: {said}")));
        }
        let value: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| Unknown::new(format!("{shown} answered with what is no JSON: {}", answer.said)))?;
        let number = |pointer: &str| {
            let found = value
                .pointer(pointer)
                .ok_or_else(|| Unknown::new(format!("the answer of {shown} has nothing at {pointer:?}")))?;
            whole(found).ok_or_else(|| {
                Unknown::new(format!(
                    "the answer of {shown} has no whole number at {pointer:?}: {}",
                    kind(found)
                ))
            })
        };
        let waiting = number(&self.waiting)?;
        let in_flight = self.in_flight.as_deref().map(number).transpose()?.unwrap_or(0);
        Ok(Signal { waiting, in_flight, oldest_wait: None })
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        // `parse` takes a plus sign, which is no digit.
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Says what stands where a number should.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(number) => sanitized(number.to_string().as_bytes(), MOST_QUOTED),
        Value::String(_) => "another text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
