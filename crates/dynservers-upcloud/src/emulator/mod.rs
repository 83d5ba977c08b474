//! A stateful and strict emulator of the API: for tests, demos and anyone's client.
//!
//! The machine knows no socket and no clock. It is given a request and the time, and gives the response and what
//! becomes of it on the way:
//!
//! ```
//! use dynservers_upcloud::emulator::{Emulator, Fate, Settings};
//!
//! let mut emulator = Emulator::new(Settings::default(), 1);
//! let request = http::Request::get("/1.3/server?limit=100").header("Authorization", "Bearer any").body(vec![])?;
//! let reaction = emulator.handle(&request, 0);
//! assert_eq!(reaction.fate, Fate::Answer);
//! assert_eq!(reaction.response.body(), br#"{"servers":{"server":[]}}"#);
//! # Ok::<(), http::Error>(())
//! ```
//!
//! Paths below `/_emulator/` are not UpCloud's: `GET report`, `GET` and `PATCH settings` (a JSON merge patch of
//! [`Settings`]), `POST servers` (a [`Foreign`]), `POST servers/UUID` (an [`Action`]). They need no credentials.

mod attributes;
mod catalog;
mod census;
mod cloud;
mod create;
mod credentials;
mod fault;
mod index;
mod labels;
mod listing;
mod network;
mod operations;
mod operator;
mod order;
mod problem;
mod random;
mod report;
mod route;
mod server;
mod settings;
#[cfg(test)]
mod tests;
mod truth;

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

pub use self::census::Identity;
pub use self::credentials::Credentials;
pub use self::operator::{Action, Foreign, Turn};
pub use self::report::{Created, Deleted, DiskLeft, Duplicate, Report, ServerSeen};
pub use self::route::Call;
pub use self::server::State;
pub use self::settings::{
    Account, Capacity, Durations, ErrorServers, Fault, FaultRule, Guests, Limits, Settings, Snapshot,
    SnapshotFault, Throttle,
};
pub use self::truth::Truth;

use self::cloud::{Cloud, Withdrawn};
use self::fault::{Bucket, Faults};
use self::problem::Problem;
use self::random::Random;
use self::report::Ledger;
use self::route::Target;
use self::server::Server;

const CORRELATION: HeaderName = HeaderName::from_static("upcloud-cid");
const TOTAL: HeaderName = HeaderName::from_static("upcloud-total-count");
const JSON: &str = "application/json; charset=UTF-8";

/// An account at UpCloud.
///
/// The same settings, seed, requests and times give the same reactions.
#[derive(Clone, Debug)]
pub struct Emulator {
    settings: Settings,
    credentials: Credentials,
    random: Random,
    cloud: Cloud,
    faults: Faults,
    bucket: Bucket,
    ledger: Ledger,
    /// What was deleted by hand, the latest last.
    withdrawn: Vec<Withdrawn>,
}

/// What comes of a request.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// What becomes of the response.
    pub fate: Fate,
    /// The response; whether anybody gets it is the fate's.
    pub response: Response<Vec<u8>>,
}

/// What becomes of a response on its way. Closed on purpose: whoever acts it out must know them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Answer,
    /// It arrives after this time of the emulator's clock.
    AnswerAfter(Duration),
    /// The request was processed; the connection closes without a byte.
    CutBeforeAnswer,
    /// The request was processed; the connection closes after half of the response.
    CutMidAnswer,
    /// The request was processed; nothing is ever answered.
    Hang,
    /// The request was not processed; the connection closes without a byte.
    CutBeforeProcessing,
}

impl Reaction {
    /// Gives the response if it arrives whole, sooner or later.
    #[must_use]
    pub fn arrived(self) -> Option<Response<Vec<u8>>> {
        match self.fate {
            Fate::Answer | Fate::AnswerAfter(_) => Some(self.response),
            Fate::CutBeforeAnswer | Fate::CutMidAnswer | Fate::Hang | Fate::CutBeforeProcessing => None,
        }
    }
}

impl Emulator {
    /// Makes an empty account whose clock is at zero, and which takes any credentials.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            credentials: Credentials::Any,
            random: Random::new(seed),
            cloud: Cloud::default(),
            faults: Faults::default(),
            bucket: Bucket::default(),
            ledger: Ledger::default(),
            withdrawn: Vec::new(),
        }
    }

    /// Takes these credentials and no others.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Takes these credentials from now on, and no others.
    pub fn set_credentials(&mut self, credentials: Credentials) {
        self.credentials = credentials;
    }

    /// Handles a request. Time only moves forward: an earlier moment counts as the latest one seen.
    pub fn handle(&mut self, request: &Request<Vec<u8>>, now_millis: u64) -> Reaction {
        self.cloud.advance(now_millis);
        let target = Target::of(request.uri());
        if target.path.first().is_some_and(|part| part == "_emulator") {
            let response = self.operator(request.method(), &target, request.body());
            return Reaction { fate: Fate::Answer, response };
        }
        let mut reaction = self.react(request, &target);
        let status = reaction.response.status().as_u16();
        *self.ledger.statuses.entry(status).or_default() += 1;
        if let Ok(correlation) = HeaderValue::from_str(&self.random.correlation()) {
            reaction.response.headers_mut().insert(CORRELATION, correlation);
        }
        reaction
    }

    fn react(&mut self, request: &Request<Vec<u8>>, target: &Target) -> Reaction {
        let routed = target.call(request.method());
        let call = match &routed {
            Ok((call, _)) | Err((call, _)) => *call,
        };
        self.ledger.requests += 1;
        *self.ledger.calls.entry(call).or_default() += 1;
        if let Some(response) = self.throttled() {
            return Reaction { fate: Fate::Answer, response };
        }
        if let Err(problem) = self.credentials.check(request.headers()) {
            return Reaction { fate: Fate::Answer, response: Answer::from(problem).into_response() };
        }
        let befallen = self.faults.befall(call, &self.settings.faults, &mut self.random);
        if let Some(fault) = befallen.filter(|fault| !fault::is_processed(*fault)) {
            return unprocessed(fault);
        }
        let processed = match routed {
            Ok((call, uuid)) => self.process(call, &uuid, target, request.body()),
            Err((_, problem)) => Err(problem),
        };
        let answer = processed.unwrap_or_else(Answer::from);
        let after = answer.after.max(Duration::from_millis(self.settings.durations.answer));
        let response = answer.into_response();
        let fate = if after.is_zero() { Fate::Answer } else { Fate::AnswerAfter(after) };
        match befallen {
            Some(fault) => spoilt(fault, fate, response),
            None => Reaction { fate, response },
        }
    }

    fn throttled(&mut self) -> Option<Response<Vec<u8>>> {
        let throttle = self.settings.throttle.as_ref()?;
        if self.bucket.take(throttle, self.cloud.now_millis()) {
            return None;
        }
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "Too many requests.");
        let mut response = Answer::from(problem).into_response();
        if let Some(seconds) = throttle.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        Some(response)
    }

    fn process(&mut self, call: Call, uuid: &str, target: &Target, body: &[u8]) -> Result<Answer, Problem> {
        match call {
            Call::Account => Ok(self.account()),
            Call::Plans => Ok(Answer::ok(catalog::plans())),
            Call::Zones => Ok(Answer::ok(catalog::zones())),
            Call::Prices => Ok(Answer::ok(catalog::prices())),
            Call::List => self.list(target),
            Call::Addresses => Ok(self.addresses()),
            Call::Inspect => {
                let (number, _) = self.own_server(uuid)?;
                Ok(Answer::ok(self.details(number)))
            }
            Call::Create => self.create(body),
            Call::Modify => self.modify(uuid, body),
            Call::Start => self.start(uuid, body),
            Call::Stop => self.stop(uuid, body),
            Call::Restart => self.restart(uuid, body),
            Call::Delete => self.delete(uuid, target),
            Call::InspectStorage => self.inspect_storage(uuid),
            Call::DeleteStorage => self.delete_storage(uuid),
            Call::Unknown => Err(Problem::not_found("NOT_FOUND", "The requested resource does not exist.")),
        }
    }

    fn account(&self) -> Answer {
        let limits = &self.settings.limits;
        let unlimited = 1_000_000;
        let username = match self.settings.account {
            Account::Own => self.settings.username.clone(),
            Account::Other => format!("not-{}", self.settings.username),
        };
        Answer::ok(json!({"account": {
            "credits": 10_000.0,
            "username": username,
            "resource_limits": {
                "cores": limits.cores.unwrap_or(unlimited),
                "memory": limits.memory.unwrap_or(unlimited * 1_024),
                "public_ipv4": limits.public_ipv4.unwrap_or(unlimited),
                "storage_maxiops": unlimited * 1_024,
            },
        }}))
    }

    /// Finds a server that these credentials may see.
    fn own_server(&self, uuid: &str) -> Result<(u64, &Server), Problem> {
        let found = self.cloud.find(uuid).filter(|_| self.settings.account == Account::Own);
        found.ok_or_else(|| Problem::no_server(uuid))
    }

    fn details(&self, number: u64) -> Value {
        let now_millis = self.cloud.now_millis();
        let details = self.cloud.server(number).map(|server| {
            server.write_details(self.settings.epoch_seconds, now_millis, |uuid| self.cloud.disk(uuid))
        });
        json!({"server": details})
    }

    fn remove(&mut self, number: u64, with_disks: bool, by_hand: bool) {
        let at_millis = self.cloud.now_millis();
        if by_hand {
            self.withdrawn.extend(self.cloud.copy(number));
        }
        if let Some(server) = self.cloud.remove(number, with_disks) {
            let labels = server.labels.into_iter().collect();
            self.ledger.deleted.push(Deleted { at_millis, uuid: server.uuid, labels, with_disks, by_hand });
        }
    }
}

/// Answers without processing.
fn unprocessed(fault: Fault) -> Reaction {
    const HTML: &str = "text/html; charset=iso-8859-1";
    let unavailable = "<html><body><h1>503 Service Unavailable</h1></body></html>";
    let mut fate = Fate::Answer;
    let response = match fault {
        Fault::Unauthorized => {
            let message = "Authentication failed using the given username and password.";
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "AUTHENTICATION_FAILED", message);
            Answer::from(problem).into_response()
        }
        Fault::HtmlNotFound => {
            fault::bare(StatusCode::NOT_FOUND, HTML, "<html><body><h1>404 Not Found</h1></body></html>")
        }
        Fault::EmptyBody => fault::bare(StatusCode::OK, JSON, ""),
        Fault::EmptyList => Answer::page(&[], 0).into_response(),
        Fault::Refused => {
            fate = Fate::CutBeforeProcessing;
            fault::bare(StatusCode::SERVICE_UNAVAILABLE, HTML, unavailable)
        }
        Fault::ErrorBefore | Fault::ErrorAfter | Fault::Lost | Fault::Cut | Fault::Hang | Fault::Garbage => {
            fault::bare(StatusCode::SERVICE_UNAVAILABLE, HTML, unavailable)
        }
    };
    Reaction { fate, response }
}

/// Spoils the answer to a request that was processed.
fn spoilt(fault: Fault, fate: Fate, response: Response<Vec<u8>>) -> Reaction {
    match fault {
        Fault::Lost => Reaction { fate: Fate::CutBeforeAnswer, response },
        Fault::Cut => Reaction { fate: Fate::CutMidAnswer, response },
        Fault::Hang => Reaction { fate: Fate::Hang, response },
        Fault::Garbage => {
            let status = if response.status().is_success() { response.status() } else { StatusCode::OK };
            Reaction { fate, response: fault::bare(status, JSON, "{\"server\":{\"uuid\":") }
        }
        Fault::ErrorAfter => {
            let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "SERVICE_ERROR", "Internal error.");
            Reaction { fate, response: Answer::from(problem).into_response() }
        }
        Fault::Refused
        | Fault::ErrorBefore
        | Fault::Unauthorized
        | Fault::HtmlNotFound
        | Fault::EmptyBody
        | Fault::EmptyList => Reaction { fate, response },
    }
}

/// An answer that is not yet a response.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: Option<Value>,
    total: Option<usize>,
    after: Duration,
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), total: None, after: Duration::ZERO }
    }

    /// Makes the answer of a delete: no body and no type of one.
    fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, total: None, after: Duration::ZERO }
    }

    fn page(servers: &[Value], total: usize) -> Self {
        Self { total: Some(total), ..Self::ok(json!({"servers": {"server": servers}})) }
    }

    fn into_response(self) -> Response<Vec<u8>> {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut response = Response::new(body.into_bytes());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(SERVER, HeaderValue::from_static("Apache"));
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        }
        if let Some(total) = self.total {
            headers.insert(TOTAL, HeaderValue::from(total));
        }
        response
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self { status: problem.status, ..Self::ok(problem.body()) }
    }
}
