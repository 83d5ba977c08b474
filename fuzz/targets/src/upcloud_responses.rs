//! Answers of UpCloud: any status, headers and body, to every operation and at any step of it.

use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Completion, CreateFromSnapshot, Failure, FleetName, Labels, Observed, Op, Outcome, OwnerId, ProviderId,
    ProviderState, ServerId, Spec, SpecHash, Step, StopMode, Time, Token, TypeName,
};
use dynservers_http::{Clock, Provider as _, Reference, Secrets};
use dynservers_upcloud::{Credentials, Settings, Template, UpCloud};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};

/// What we say to UpCloud in confidence, and what of it would be recognised.
const SECRET: &str = "ucat_hunter2";
/// The server that operations are about.
const SERVER: &str = "00798b85-efdc-41ca-8021-f6ef457b8531";
/// No wait that we are asked for is believed beyond this.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Sun, 06 Nov 1994 08:49:37 GMT.
const CLOCK: Clock = Clock { time: Time::from_millis(1_000), wall_millis: 784_111_777_000 };

/// Reads bytes as an answer: a line `STATUS STEP`, headers, an empty line, and the body. The step may be left out.
///
/// # Panics
///
/// If anything does not hold that must, whatever UpCloud answers.
pub fn upcloud_responses(bytes: &[u8]) {
    let Some((response, step)) = read(bytes) else { return };
    let upcloud = upcloud();
    for op in every_op() {
        let completion = upcloud.response(&op, step.as_ref(), &response, CLOCK);
        let again = upcloud.response(&op, step.as_ref(), &response, CLOCK);
        assert_eq!(completion, again, "the same answer means the same");
        check(&upcloud, &op, step.as_ref(), &response, &completion);
    }
}

struct Vault;

impl Secrets for Vault {
    fn read(&self, _: &Reference) -> Result<SecretString, Failure> {
        Ok(SECRET.into())
    }
}

fn upcloud() -> UpCloud {
    let fleet = FleetName::new("workers").expect("a plain word");
    let credentials = Credentials::Token(Reference::Env("UPCLOUD_TOKEN".to_owned()));
    UpCloud::new(Settings::new(fleet, credentials), Arc::new(Vault)).expect("the settings are the usual ones")
}

fn id() -> ProviderId {
    ProviderId::new(SERVER).expect("it is one")
}

/// One operation of each kind.
fn every_op() -> Vec<Op> {
    let server_type = TypeName::new("default").expect("a plain word");
    let template = Template::new("de-fra1", "2xCPU-4GB", "01000000-0000-4000-8000-000000000001");
    let create = CreateFromSnapshot {
        server: ServerId(7),
        server_type: server_type.clone(),
        name: "worker-7".into(),
        labels: Labels {
            fleet: FleetName::new("workers").expect("a plain word"),
            owner: OwnerId::from_random(1),
            server_type,
            server: ServerId(7),
            token: Token(0xfeed_beef),
            spec: SpecHash(9),
        },
        spec: Arc::new(Spec::new((&template).into())),
    };
    vec![
        Op::Check,
        Op::Look,
        Op::Find(Token(0xfeed_beef)),
        Op::Inspect(id()),
        Op::Account,
        Op::CreateFromSnapshot(Box::new(create)),
        Op::Stop { provider_id: id(), mode: StopMode::Soft { timeout: Duration::from_secs(60) } },
        Op::Stop { provider_id: id(), mode: StopMode::Hard },
        Op::Reboot { provider_id: id(), timeout: Duration::from_secs(60) },
        Op::Delete { provider_id: id(), seen: None },
    ]
}

fn read(bytes: &[u8]) -> Option<(Response<Vec<u8>>, Option<Step>)> {
    let at = bytes.windows(2).position(|window| window == b"\n\n");
    let (head, body) = at.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (status, step) = first.split_once(' ').map_or((first, None), |(status, step)| (status, Some(step)));
    let mut response = Response::new(body.to_vec());
    *response.status_mut() = StatusCode::from_bytes(status.as_bytes()).ok()?;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            response.headers_mut().append(name, value);
        }
    }
    Some((response, step.map(|step| Step(step.to_owned()))))
}

fn check(
    upcloud: &UpCloud,
    op: &Op,
    step: Option<&Step>,
    response: &Response<Vec<u8>>,
    completion: &Completion,
) {
    let outcome = &completion.outcome;
    let told = || format!("{} to {}: {outcome:?}", response.status(), op.name());
    let is_lost = matches!(outcome, Outcome::Lost(_));
    match response.status().as_u16() {
        200..=299 => assert!(is_lost || is_success_of(op, outcome), "{}", told()),
        401 => assert!(matches!(outcome, Outcome::Denied(_)), "{}", told()),
        429 => assert!(matches!(outcome, Outcome::Throttled { .. }), "{}", told()),
        400..=499 => assert!(!is_lost || matches!(response.status().as_u16(), 404 | 408), "{}", told()),
        _ => assert!(is_lost, "{}", told()),
    }
    match outcome {
        Outcome::Absent(_) => assert!(is_word_on_a_server(op, response), "{}", told()),
        Outcome::Throttled { retry_after, .. } => {
            assert!(retry_after.is_none_or(|wait| wait <= LONGEST_WAIT), "{}", told());
        }
        Outcome::Exists(_) | Outcome::Vanished(_) | Outcome::Unsent(_) => {
            panic!("UpCloud never says {}", told())
        }
        _ => {}
    }
    if let Some(failure) = outcome.failure() {
        assert!(!format!("{failure:?} {failure}").contains(SECRET), "a secret is told: {}", told());
        assert!(failure.message.chars().count() <= 320, "it is cut: {}", told());
    }
    for server in observed(outcome) {
        assert_can_be_named(server);
    }
    check_next(upcloud, op, step, completion);
    check_unknown_states(upcloud, op, step, response, outcome);
}

fn is_success_of(op: &Op, outcome: &Outcome) -> bool {
    match op {
        Op::Check | Op::Account => matches!(outcome, Outcome::Account(_)),
        Op::Look | Op::Find(_) => matches!(outcome, Outcome::Page(_)),
        Op::Inspect(id) => matches!(outcome, Outcome::Inspected(server) if server.provider_id == *id),
        Op::CreateFromSnapshot(_) => matches!(outcome, Outcome::Created(_)),
        Op::Stop { .. } | Op::Reboot { .. } | Op::Delete { .. } => *outcome == Outcome::Accepted,
        _ => false,
    }
}

/// Whether an answer is UpCloud's own word that the very server that was asked about is not there.
fn is_word_on_a_server(op: &Op, response: &Response<Vec<u8>>) -> bool {
    let is_about_one = matches!(op, Op::Inspect(_) | Op::Stop { .. } | Op::Reboot { .. } | Op::Delete { .. });
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let fields = [&body["error"]["error_code"], &body["error"]["code"], &body["type"]];
    let is_word = |text: &str| text.contains("SERVER") && text.ends_with("_NOT_FOUND");
    let is_own = fields.iter().filter_map(|field| field.as_str()).any(is_word);
    is_about_one && is_own && response.status() == StatusCode::NOT_FOUND
}

/// Gives the servers that an outcome shows.
fn observed(outcome: &Outcome) -> Vec<&Observed> {
    match outcome {
        Outcome::Page(page) => page.servers.iter().collect(),
        Outcome::Inspected(server) => vec![server],
        Outcome::Created(server) => vec![server],
        _ => Vec::new(),
    }
}

/// What is shown can be asked about: its id leads nowhere else.
fn assert_can_be_named(server: &Observed) {
    let id = server.provider_id.as_str();
    assert!(
        id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
        "{id:?} is no id of a server"
    );
    assert!(server.addresses.len() <= 64, "the addresses are bounded");
}

/// Only a look goes on, and always forward.
fn check_next(upcloud: &UpCloud, op: &Op, step: Option<&Step>, completion: &Completion) {
    let Some(next) = &completion.next else { return };
    assert!(matches!((op, &completion.outcome), (Op::Look, Outcome::Page(_))), "{completion:?}");
    let offset = |step: &Step| step.0.strip_prefix("offset ").and_then(|offset| offset.parse::<u64>().ok());
    let (from, to) = (step.map_or(Some(0), offset), offset(next));
    assert!(from.is_some() && to > from, "from {from:?} to {to:?}");
    assert!(upcloud.request(op, Some(next), CLOCK).is_ok(), "the next page can be asked for");
}

/// A state that nobody knows is unknown, and no reason to see nothing at all.
fn check_unknown_states(
    upcloud: &UpCloud,
    op: &Op,
    step: Option<&Step>,
    response: &Response<Vec<u8>>,
    outcome: &Outcome,
) {
    let seen = observed(outcome);
    let Ok(mut body) = serde_json::from_slice::<Value>(response.body()) else { return };
    if seen.is_empty() {
        return;
    }
    let list = if body["servers"]["server"].is_array() {
        &mut body["servers"]["server"]
    } else {
        &mut body["servers"]
    };
    let listed = list.as_array_mut().into_iter().flatten();
    let all: Vec<&mut Value> =
        if matches!(op, Op::Look | Op::Find(_)) { listed.collect() } else { vec![&mut body["server"]] };
    assert_eq!(all.len(), seen.len(), "every server is shown");
    for server in all {
        server["state"] = json!("levitating");
    }
    let mut levitating = Response::new(body.to_string().into_bytes());
    *levitating.status_mut() = response.status();
    let completion = upcloud.response(op, step, &levitating, CLOCK);
    let states: Vec<_> = observed(&completion.outcome).iter().map(|server| server.state).collect();
    assert_eq!(states, vec![ProviderState::Unknown; seen.len()], "{:?}", completion.outcome);
}
