//! Work that a Prometheus knows of.

use std::time::Duration;

use dynservers_hooks::words::{MOST_QUOTED, sanitized};
use dynservers_hooks::{Header, InvalidWeb, Web};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::signal::{Signal, Source, Unknown};

/// Asks a Prometheus, or a server with the same API, by instant queries: each must give one number.
///
/// A vector without a sample is unknown, and not zero: a metric that is not there is one that nobody measures. So are several
/// samples, which the query should sum, and a number that is negative, infinite or none.
#[derive(Clone, Debug)]
pub struct Prometheus {
    waiting: Web,
    in_flight: Option<Web>,
}

impl Prometheus {
    /// Makes a source of the server's address, such as `http://127.0.0.1:9090`, with queries for the jobs that wait and, if
    /// there is one, for those in hand. `timeout` is for both together. Over plain http it must be this machine, unless
    /// `plain` allows another one.
    pub fn new(
        address: &str,
        waiting: &str,
        in_flight: Option<&str>,
        headers: &[Header],
        plain: bool,
        timeout: Duration,
    ) -> Result<Self, InvalidWeb> {
        let timeout = if in_flight.is_some() { timeout / 2 } else { timeout };
        let web = |query: &str| {
            let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
            let url = format!("{}/api/v1/query?query={query}", address.trim_end_matches('/'));
            let new = if plain { Web::over_plain_http } else { Web::new };
            new(&url, headers.to_vec(), timeout)
        };
        Ok(Self { waiting: web(waiting)?, in_flight: in_flight.map(web).transpose()? })
    }
}

impl Source for Prometheus {
    fn measure(&self) -> Result<Signal, Unknown> {
        let waiting = number(&self.waiting)?;
        let in_flight = self.in_flight.as_ref().map(number).transpose()?.unwrap_or(0);
        Ok(Signal { waiting, in_flight, oldest_wait: None })
    }

    fn timeout(&self) -> Duration {
        let both = if self.in_flight.is_some() { 2 } else { 1 };
        self.waiting.timeout() * both
    }
}

/// Asks one query, and gives its one number, rounded up.
fn number(web: &Web) -> Result<u64, Unknown> {
    let answer = web
        .call(Method::GET, None, &[("accept", "application/json")], None)
        .map_err(|error| Unknown::new(error.message))?;
    let shown = web.shown();
    if answer.status != 200 {
        return Err(Unknown::new(format!("{shown} answered with status {}: {}", answer.status, answer.said)));
    }
    let value: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| Unknown::new(format!("{shown} answered with what is no JSON: {}", answer.said)))?;
    read(&value).map_err(|what| Unknown::new(format!("{shown}: {what}")))
}

fn read(answer: &Value) -> Result<u64, String> {
    let result = &answer["data"]["result"];
    let sample = match (answer["data"]["resultType"].as_str(), result.as_array().map(Vec::as_slice)) {
        (Some("scalar"), Some(_)) => result,
        (Some("vector"), Some([one])) => &one["value"],
        (Some("vector"), Some([])) => {
            return Err("the query gave no sample: nobody measures that, or not under this name".to_owned());
        }
        (Some("vector"), Some(several)) => {
            return Err(format!("the query gave {} samples: let it sum them", several.len()));
        }
        (Some(kind), _) => return Err(format!("the query gave a {}, which is no number", quoted(kind))),
        (None, _) => return Err("the answer is none of a Prometheus".to_owned()),
    };
    let text = sample[1].as_str().ok_or("the sample has no value")?;
    let number: f64 = text.parse().map_err(|_| format!("{} is no number", quoted(text)))?;
    // Beyond this a float skips whole numbers, and no queue is that long.
    if !(0.0..=9e15).contains(&number) {
        return Err(format!("{} is no number of jobs", quoted(text)));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is within the range, as was just seen"
    )]
    Ok(number.ceil() as u64)
}

fn quoted(text: &str) -> String {
    format!("{:?}", sanitized(text.as_bytes(), MOST_QUOTED))
}
