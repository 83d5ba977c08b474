//! Signals: what a source counts, and how it says that it does not know.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use dynservers_hooks::words::{MOST_QUOTED, sanitized};

pub use dynservers_core::Signal;

/// The work is not known: the source failed, hung, or said what makes no sense. Never to be taken for zero.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Unknown {
    /// Why, in one sentence, without secrets and control characters.
    pub reason: String,
}

impl Unknown {
    /// Makes one that is told by a sentence.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Where work is counted. Blocking.
///
/// A closure is one:
///
/// ```
/// use dynservers_demand::{Signal, Source, Unknown};
///
/// # fn jobs_in_the_table() -> Result<u64, std::io::Error> { Ok(3) }
/// let table = || match jobs_in_the_table() {
///     Ok(waiting) => Ok(Signal { waiting, ..Signal::default() }),
///     Err(error) => Err(Unknown::new(error.to_string())),
/// };
/// assert_eq!(table.measure().unwrap().waiting, 3);
/// ```
pub trait Source: Send + Sync {
    /// Counts the work, within [`timeout`](Self::timeout).
    fn measure(&self) -> Result<Signal, Unknown>;

    /// Gives how long a measurement may take; 10 seconds unless told. Whoever measures stops waiting a little later.
    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }
}

impl<F: Fn() -> Result<Signal, Unknown> + Send + Sync> Source for F {
    fn measure(&self) -> Result<Signal, Unknown> {
        self()
    }
}

/// Reads what a program printed: a whole number, or an object with `waiting`.
pub(crate) fn read(printed: &[u8]) -> Result<Signal, Unknown> {
    let printed = printed.trim_ascii();
    if printed.is_empty() {
        return Err(Unknown::new("it printed nothing: print a whole number, 0 if there is no work"));
    }
    let rubbish = |what: &str| Unknown::new(format!("{what}: {}", sanitized(printed, MOST_QUOTED)));
    let value: Value = serde_json::from_slice(printed)
        .map_err(|_| rubbish("what it printed is neither one whole number nor JSON"))?;
    match &value {
        Value::Object(object) => {
            let number =
                |key| whole(object, key).ok_or_else(|| rubbish(&format!("{key:?} is no whole number")));
            let waiting = number("waiting")?.ok_or_else(|| rubbish("what it printed has no \"waiting\""))?;
            let in_flight = number("in_flight")?.unwrap_or(0);
            let oldest_wait = match object.get("oldest_wait") {
                None => None,
                Some(seconds) => Some(
                    seconds
                        .as_f64()
                        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                        .ok_or_else(|| rubbish("\"oldest_wait\" is no number of seconds"))?,
                ),
            };
            Ok(Signal { waiting, in_flight, oldest_wait })
        }
        Value::Number(_) => value
            .as_u64()
            .map(|waiting| Signal { waiting, ..Signal::default() })
            .ok_or_else(|| rubbish("what it printed is no whole number from 0")),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {
            Err(rubbish("what it printed is neither a whole number nor an object"))
        }
    }
}

/// Gives a whole number of an object: the outer none means that there is something else in its place.
#[expect(clippy::option_option, reason = "missing and wrong are two things")]
fn whole(object: &Map<String, Value>, key: &str) -> Option<Option<u64>> {
    match object.get(key) {
        None => Some(None),
        Some(value) => value.as_u64().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_an_object_is_read() {
        let signal = |waiting, in_flight, oldest_wait| Signal { waiting, in_flight, oldest_wait };
        for (printed, expected) in [
            ("17", signal(17, 0, None)),
            (" 0\n", signal(0, 0, None)),
            ("18446744073709551615", signal(u64::MAX, 0, None)),
            (r#"{"waiting":3}"#, signal(3, 0, None)),
            (
                r#"{"waiting":3,"in_flight":2,"oldest_wait":1.5,"more":"x"}"#,
                signal(3, 2, Some(Duration::from_millis(1500))),
            ),
        ] {
            assert_eq!(read(printed.as_bytes()), Ok(expected), "{printed}");
        }
        assert_eq!(signal(u64::MAX, 1, None).work(), u64::MAX);
    }

    #[test]
    fn anything_else_is_unknown_and_quoted_within_bounds() {
        for printed in [
            "",
            "  \n",
            "-1",
            "1.5",
            "NaN",
            "nan",
            "inf",
            "1 2",
            "1\n2",
            "1e3",
            "18446744073709551616",
            "\"3\"",
            "[3]",
            "null",
            "true",
            "{}",
            "ten",
            r#"{"waiting":-1}"#,
            r#"{"waiting":"3"}"#,
            r#"{"waiting":1.5}"#,
            r#"{"in_flight":1}"#,
            r#"{"waiting":1,"in_flight":null}"#,
            r#"{"waiting":1,"oldest_wait":-1}"#,
            r#"{"waiting":1,"oldest_wait":"x"}"#,
            r#"{"waiting":1,"oldest_wait":1e300}"#,
            r#"{"waiting":1} 2"#,
        ] {
            assert!(read(printed.as_bytes()).is_err(), "{printed}");
        }
        let long = format!("\u{1b}[2J{}", "x".repeat(10_000));
        let reason = read(long.as_bytes()).unwrap_err().reason;
        assert!(reason.len() < 300 && !reason.contains('\u{1b}') && reason.contains("xxx"), "{reason}");
    }
}
