//! A provider for that cloud in which nothing is wrong: what every bad one is a copy of, but for one thing.

use std::fmt;
use std::sync::Arc;

use dynservers_core::labels::{FLEET, TOKEN};
use dynservers_core::{
    Account, Completion, CreateFromSnapshot, Failure, FleetName, FoundLabels, Observed, Op, Outcome, Page,
    ProviderId, ProviderState, Reason, Seam, Step, StopMode,
};
use dynservers_http::{
    Capabilities, Clock, Names, Provider, Reference, Secrets, Unbuildable, redact, retry_after, template,
};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

pub(crate) struct Good {
    pub(crate) fleet: FleetName,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) url: &'static str,
}

impl fmt::Debug for Good {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Good").field("fleet", &self.fleet).finish_non_exhaustive()
    }
}

impl Good {
    pub(crate) fn key(&self) -> Result<SecretString, Unbuildable> {
        self.secrets.read(&Reference::Env("TINY_KEY".to_owned())).map_err(Unbuildable::Denied)
    }

    pub(crate) fn build(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Request<Vec<u8>>, Unbuildable> {
        let bearer = format!("Bearer {}", self.key()?.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer).map_err(|_| Failure::new("the key is no key"))?;
        bearer.set_sensitive(true);
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = request.header(AUTHORIZATION, bearer).body(body);
        request.map_err(|error| Failure::new(error.to_string()).into())
    }

    fn body(&self, new: &CreateFromSnapshot) -> Result<Value, Unbuildable> {
        let names = Names::new(&new.name, &new.server_type, new.server);
        let mut body = template::render(new.spec.body(), &names, &*self.secrets)?.into_value();
        let mut labels = body["labels"].as_object().cloned().unwrap_or_default();
        labels.extend(new.labels.pairs().map(|(key, value)| (key.to_owned(), value.into())));
        body["labels"] = labels.into();
        body["name"] = (*new.name).into();
        Ok(body)
    }

    fn failed(&self, op: &Op, response: &Response<Vec<u8>>, clock: Clock) -> Outcome {
        let status = response.status().as_u16();
        let body = json_of(response);
        let code = body["error"]["code"].as_str();
        let mut secrets: Vec<SecretString> = self.key().into_iter().collect();
        if let Op::CreateFromSnapshot(new) = op {
            let references = template::references(new.spec.body());
            secrets.extend(references.iter().filter_map(|reference| self.secrets.read(reference).ok()));
        }
        let message = body["error"]["message"].as_str().unwrap_or("the answer cannot be read");
        let failure = Failure { http_status: Some(status), ..Failure::new(redact(message, &secrets)) };
        match status {
            401 | 403 => Outcome::Denied(failure),
            404 if code == Some("server_not_found") => Outcome::Absent(failure),
            429 => Outcome::Throttled { retry_after: retry_after(response.headers(), clock), failure },
            409 => Outcome::Refused(Reason::Busy, failure),
            400..=499 if code.is_some() => Outcome::Refused(Reason::Invalid, failure),
            _ => Outcome::Lost(failure),
        }
    }

    fn read(op: &Op, response: &Response<Vec<u8>>) -> Option<Completion> {
        let body = json_of(response);
        let outcome = match op {
            Op::Look | Op::Find(_) => {
                let servers = body["servers"].as_array()?.iter().map(observed).collect::<Option<_>>()?;
                let page = Page { servers, total: body["meta"]["total"].as_u64(), seam: Seam::Shifting };
                let next = body["meta"]["next"].as_u64().map(|page| Step(page.to_string()));
                return Some(Completion { next, ..Outcome::Page(page).into() });
            }
            Op::Inspect(id) => {
                Outcome::Inspected(observed(&body["server"]).filter(|server| server.provider_id == *id)?)
            }
            Op::CreateFromSnapshot(_) => Outcome::Created(Box::new(observed(&body["server"])?)),
            Op::Check | Op::Account => Outcome::Account(Account {
                total: body["account"]["servers"].as_u64(),
                limit: None,
                identity: Some(body["account"]["id"].as_str()?.to_owned()),
            }),
            _ if body.is_object() => Outcome::Accepted,
            _ => return None,
        };
        Some(outcome.into())
    }
}

impl Provider for Good {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn request(&self, op: &Op, step: Option<&Step>, _: Clock) -> Result<Request<Vec<u8>>, Unbuildable> {
        let fleet = &self.fleet;
        let page: u64 = match step.map(|step| step.0.parse()) {
            None => 1,
            Some(Ok(page)) => page,
            Some(Err(_)) => return Err(Failure::new("this is no page").into()),
        };
        match op {
            Op::Check | Op::Account => self.build("GET", "/account", &Value::Null),
            Op::Look => {
                self.build("GET", &format!("/servers?label={FLEET}:{fleet}&page={page}"), &Value::Null)
            }
            Op::Find(token) => {
                let path = format!("/servers?label={FLEET}:{fleet}&label={TOKEN}:{token}&page={page}");
                self.build("GET", &path, &Value::Null)
            }
            Op::Inspect(id) => self.build("GET", &format!("/servers/{id}"), &Value::Null),
            Op::CreateFromSnapshot(new) => self.build("POST", "/servers", &self.body(new)?),
            Op::Stop { provider_id, mode } => {
                let seconds = match mode {
                    StopMode::Soft { timeout } => timeout.as_secs(),
                    StopMode::Hard => 0,
                };
                self.build("POST", &format!("/servers/{provider_id}/stop"), &json!({"timeout": seconds}))
            }
            Op::Reboot { provider_id, .. } => {
                self.build("POST", &format!("/servers/{provider_id}/reboot"), &json!({}))
            }
            Op::Delete { provider_id, .. } => {
                self.build("DELETE", &format!("/servers/{provider_id}?disks=1"), &Value::Null)
            }
            other => Err(Failure::new(format!("there is no way to {}", other.name())).into()),
        }
    }

    fn response(&self, op: &Op, _: Option<&Step>, response: &Response<Vec<u8>>, clock: Clock) -> Completion {
        let read = if response.status().is_success() { Self::read(op, response) } else { None };
        read.unwrap_or_else(|| self.failed(op, response, clock).into())
    }
}

pub(crate) fn json_of(response: &Response<Vec<u8>>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

pub(crate) fn observed(server: &Value) -> Option<Observed> {
    let labels = server["labels"].as_object()?.iter();
    Some(Observed {
        provider_id: ProviderId::new(server["id"].as_str()?).ok()?,
        name: server["name"].as_str().unwrap_or_default().to_owned(),
        labels: FoundLabels::from_pairs(
            labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))),
        ),
        state: match server["status"].as_str() {
            Some("creating") => ProviderState::InProgress,
            Some("running") => ProviderState::Running,
            Some("off") => ProviderState::Stopped,
            Some("broken") => ProviderState::Error,
            _ => ProviderState::Unknown,
        },
        addresses: Vec::new(),
    })
}
