//! A cloud of your own: a whole provider for a small HTTP API, before the conformance kit, and with a fleet on it.
//!
//! Pebble is made up. It is as plain as clouds come: labels as a map, pages by a cursor, errors with codes. Its fake is in
//! `fake.rs`; everything that a port of a real one needs is here. Run it: `cargo run -p dynservers --example own_provider
//! --features simulation`.

mod fake;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dynservers::BoxError;
use dynservers::core::labels::{FLEET, TOKEN};
use dynservers::core::{
    Account, Completion, CreateFromSnapshot, Failure, FleetName, FoundLabels, Observed, Op, Outcome, Page,
    ProviderId, ProviderState, Reason, Seam, Step, StopMode,
};
use dynservers::http::{
    Capabilities, Clock, Names, Reference, Secrets, Unbuildable, redact, retry_after, secret_header, template,
};
use dynservers_sim::conformance::check_provider;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response};
use serde_json::{Value, json};

/// Pebble as two pure functions. It holds the name of its token, and never the token.
pub(crate) struct Pebble {
    pub(crate) fleet: FleetName,
    pub(crate) token: Reference,
    pub(crate) secrets: Arc<dyn Secrets>,
}

impl fmt::Debug for Pebble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fleet, token, .. } = self;
        formatter.debug_struct("Pebble").field("fleet", fleet).field("token", token).finish_non_exhaustive()
    }
}

impl dynservers::http::Provider for Pebble {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        // Nothing is documented; the latest that was seen was 4 s.
        capabilities.list_lag = Duration::from_secs(20);
        capabilities
    }

    fn request(&self, op: &Op, step: Option<&Step>, _: Clock) -> Result<Request<Vec<u8>>, Unbuildable> {
        let fleet = &self.fleet;
        let (method, path, body) = match op {
            Op::Check | Op::Account => ("GET", "/account".to_owned(), None),
            Op::Look => {
                let cursor = step.map(|step| plain(&step.0)).transpose()?.unwrap_or_default();
                ("GET", format!("/servers?label={FLEET}:{fleet}&after={cursor}"), None)
            }
            // One page by nature: a token is on one server.
            Op::Find(token) => {
                ("GET", format!("/servers?label={FLEET}:{fleet}&label={TOKEN}:{token}&after="), None)
            }
            Op::Inspect(id) => ("GET", server(id, "")?, None),
            Op::CreateFromSnapshot(new) => ("POST", "/servers".to_owned(), Some(self.written(new)?)),
            Op::Stop { provider_id, mode: StopMode::Soft { timeout } } => {
                let body = json!({"action": "shutdown", "cut_off_after": timeout.as_secs().max(1)});
                ("POST", server(provider_id, "/actions")?, Some(body))
            }
            Op::Stop { provider_id, mode: StopMode::Hard } => {
                ("POST", server(provider_id, "/actions")?, Some(json!({"action": "power_off"})))
            }
            Op::Reboot { provider_id, timeout } => {
                let body = json!({"action": "reboot", "cut_off_after": timeout.as_secs().max(1)});
                ("POST", server(provider_id, "/actions")?, Some(body))
            }
            // With its disks: what is left of a server bills.
            Op::Delete { provider_id, .. } => ("DELETE", server(provider_id, "?disks=delete")?, None),
            other => return Err(Failure::new(format!("Pebble has no way to {}", other.name())).into()),
        };
        let token = self.secrets.read(&self.token).map_err(Unbuildable::Denied)?;
        let authorization = secret_header("Bearer ", &token).map_err(Unbuildable::Denied)?;
        Request::builder()
            .method(method)
            .uri(format!("https://api.pebble.example/v1{path}"))
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
            .map_err(|error| Failure::new(format!("the request cannot be written: {error}")).into())
    }

    fn response(&self, op: &Op, _: Option<&Step>, response: &Response<Vec<u8>>, clock: Clock) -> Completion {
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        let news = if response.status().is_success() { good_news(op, response, &body) } else { None };
        // A success that cannot be read is bad news as well: what it said may have happened.
        news.unwrap_or_else(|| self.bad_news(op, response, &body, clock).into())
    }
}

impl Pebble {
    /// Writes a create: what the specification asks for, then the name and our labels, which win.
    fn written(&self, new: &CreateFromSnapshot) -> Result<Value, Unbuildable> {
        let names = Names::new(&new.name, &new.server_type, new.server);
        let mut body = template::render(new.spec.body(), &names, &*self.secrets)?.into_value();
        let mut labels = body["labels"].as_object().cloned().unwrap_or_default();
        labels.extend(new.labels.pairs().map(|(key, value)| (key.to_owned(), value.into())));
        template::merge(&mut body, json!({"name": new.name, "labels": labels}));
        Ok(body)
    }

    /// Tells bad news apart: by the API's code, and only then by the status, which gateways have as well.
    fn bad_news(&self, op: &Op, response: &Response<Vec<u8>>, body: &Value, clock: Clock) -> Outcome {
        let (status, code) = (response.status().as_u16(), body["error"]["code"].as_str());
        let message = body["error"]["message"].as_str().unwrap_or("the answer is none of Pebble's");
        // Clouds quote what they refuse, and a failure is kept in the ledger.
        let mut secrets: Vec<_> = self.secrets.read(&self.token).into_iter().collect();
        if let Op::CreateFromSnapshot(new) = op {
            let references = template::references(new.spec.body());
            secrets.extend(references.iter().filter_map(|reference| self.secrets.read(reference).ok()));
        }
        let failure = Failure {
            code: code.map(|code| redact(code, &secrets)),
            http_status: Some(status),
            ..Failure::new(redact(message, &secrets))
        };
        match (status, code) {
            (401, _) => Outcome::Denied(failure),
            (429, _) => Outcome::Throttled { retry_after: retry_after(response.headers(), clock), failure },
            // Some gateway's page, or half an answer: nobody's word for anything.
            (_, None) => Outcome::Lost(failure),
            (404, Some("server_not_found")) => Outcome::Absent(failure),
            (402, _) => Outcome::Refused(Reason::Credit, failure),
            (403, Some("server_limit_reached")) => Outcome::Refused(Reason::Quota, failure),
            (403, _) => Outcome::Denied(failure),
            (409, Some("no_capacity")) => Outcome::Refused(Reason::Capacity, failure),
            (409, _) => Outcome::Refused(Reason::Busy, failure),
            (400..=407 | 410..=499, _) => Outcome::Refused(Reason::Invalid, failure),
            _ => Outcome::Lost(failure),
        }
    }
}

/// Reads a success. None if it is not what was asked for.
fn good_news(op: &Op, response: &Response<Vec<u8>>, body: &Value) -> Option<Completion> {
    let outcome = match op {
        Op::Look | Op::Find(_) => {
            let servers = body["servers"].as_array()?.iter().map(observed).collect::<Option<_>>()?;
            let page = Page { servers, total: body["total"].as_u64(), seam: Seam::Following };
            let next = body["next"].as_str().filter(|cursor| !cursor.is_empty());
            let next = next.map(|cursor| Step(cursor.to_owned()));
            return Some(Completion { next, ..Outcome::Page(page).into() });
        }
        Op::Inspect(id) => Outcome::Inspected(observed(&body["server"]).filter(|it| it.provider_id == *id)?),
        Op::CreateFromSnapshot(_) => Outcome::Created(Box::new(observed(&body["server"])?)),
        Op::Check | Op::Account => Outcome::Account(Account {
            total: body["account"]["servers"].as_u64(),
            limit: body["account"]["server_limit"].as_u64(),
            identity: Some(body["account"]["id"].as_str()?.to_owned()),
        }),
        _ if response.body().is_empty() || body.is_object() => Outcome::Accepted,
        _ => return None,
    };
    Some(outcome.into())
}

fn observed(server: &Value) -> Option<Observed> {
    let labels = server["labels"].as_object()?.iter();
    Some(Observed {
        provider_id: ProviderId::new(server["id"].as_str()?).ok()?,
        name: server["name"].as_str().unwrap_or_default().to_owned(),
        labels: FoundLabels::from_pairs(labels.filter_map(|(key, it)| Some((key.as_str(), it.as_str()?)))),
        state: match server["state"].as_str() {
            Some("creating" | "stopping" | "rebooting") => ProviderState::InProgress,
            Some("running") => ProviderState::Running,
            Some("stopped") => ProviderState::Stopped,
            Some("failed") => ProviderState::Error,
            _ => ProviderState::Unknown,
        },
        addresses: Vec::new(),
    })
}

fn server(id: &ProviderId, rest: &str) -> Result<String, Failure> {
    Ok(format!("/servers/{}{rest}", plain(id.as_str())?))
}

/// Lets only that into a URL which cannot change it.
fn plain(text: &str) -> Result<&str, Failure> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain { Ok(text) } else { Err(Failure::new(format!("{text:?} is no id of Pebble's"))) }
}

/// Prints the kit's report, as an error if there is a fault in it.
fn main() -> Result<(), BoxError> {
    println!("{}\n", check_provider(&fake::OfPebble)?);
    fake::run_a_fleet()
}
