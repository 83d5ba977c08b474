//! What every test needs: a provider whose secrets are known, one effect of each kind, and answers.

use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    CreateFromSnapshot, Failure, FleetName, Labels, Op, Outcome, OwnerId, ProviderId, ServerId, Spec,
    SpecHash, StopMode, Time, Token, TypeName,
};
use dynservers_http::{Clock, Provider as _, Reference, Secrets};
use dynservers_upcloud::{BaseUrl, Credentials, Settings, Template, UpCloud};
use http::{Request, Response};
use secrecy::SecretString;
use serde_json::Value;

pub(crate) const SNAPSHOT: &str = "01000000-0000-4000-8000-000000000001";
pub(crate) const SERVER: &str = "00798b85-efdc-41ca-8021-f6ef457b8531";
pub(crate) const TOKEN: Token = Token(0xfeed_beef);
pub(crate) const TOKEN_TEXT: &str = "000000000000000000000000feedbeef";
/// Sun, 06 Nov 1994 08:49:37 GMT.
pub(crate) const CLOCK: Clock = Clock { time: Time::from_millis(1_000), wall_millis: 784_111_777_000 };

/// Secrets by name; every one of them contains `hunter2`, so that a test can look for them all at once.
pub(crate) struct Vault;

impl Secrets for Vault {
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure> {
        let Reference::Env(name) = reference else {
            return Ok("#!/bin/sh\nexport PASSWORD=hunter2-in-a-file {name}".into());
        };
        match name.as_str() {
            "UPCLOUD_TOKEN" => Ok("ucat_hunter2".into()),
            "UPCLOUD_USERNAME" => Ok("robot".into()),
            "UPCLOUD_PASSWORD" => Ok("password-hunter2".into()),
            "SSH_KEY" => Ok("ssh-ed25519 hunter2".into()),
            _ => Err(Failure::new(format!("{reference} cannot be read: it is not set"))),
        }
    }
}

pub(crate) fn env(name: &str) -> Reference {
    Reference::Env(name.to_owned())
}

pub(crate) fn settings() -> Settings {
    Settings::new(FleetName::new("workers").unwrap(), Credentials::Token(env("UPCLOUD_TOKEN")))
}

pub(crate) fn upcloud_with(change: impl FnOnce(&mut Settings)) -> UpCloud {
    let mut settings = settings();
    change(&mut settings);
    UpCloud::new(settings, Arc::new(Vault)).unwrap()
}

pub(crate) fn upcloud() -> UpCloud {
    upcloud_with(|settings| settings.base_url = BaseUrl::new("http://127.0.0.1:8080/1.3/").unwrap())
}

pub(crate) fn template() -> Template {
    Template::new("de-fra1", "2xCPU-4GB", SNAPSHOT)
}

pub(crate) fn create(body: Value) -> Op {
    let server_type = TypeName::new("default").unwrap();
    Op::CreateFromSnapshot(Box::new(CreateFromSnapshot {
        server: ServerId(7),
        server_type: server_type.clone(),
        name: "Dynamic_Server 7".into(),
        labels: Labels {
            fleet: FleetName::new("workers").unwrap(),
            owner: OwnerId::from_random(1),
            server_type,
            server: ServerId(7),
            token: TOKEN,
            spec: SpecHash(9),
        },
        spec: Arc::new(Spec::new(body)),
    }))
}

pub(crate) fn create_of(template: &Template) -> Op {
    create(template.into())
}

pub(crate) fn id() -> ProviderId {
    ProviderId::new(SERVER).unwrap()
}

pub(crate) fn soft_stop(timeout: Duration) -> Op {
    Op::Stop { provider_id: id(), mode: StopMode::Soft { timeout } }
}

/// One effect of each kind.
pub(crate) fn every_op() -> Vec<Op> {
    vec![
        Op::Check,
        Op::Look,
        Op::Find(TOKEN),
        Op::Inspect(id()),
        Op::Account,
        create_of(&template()),
        soft_stop(Duration::from_secs(60)),
        Op::Stop { provider_id: id(), mode: StopMode::Hard },
        Op::Reboot { provider_id: id(), timeout: Duration::from_secs(60) },
        Op::Delete { provider_id: id(), seen: None },
    ]
}

pub(crate) fn request(op: &Op) -> Request<Vec<u8>> {
    upcloud().request(op, None, CLOCK).unwrap()
}

pub(crate) fn json_of(request: &Request<Vec<u8>>) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "bodies read better where they are written")]
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Response<Vec<u8>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.to_string().into_bytes()).unwrap()
}

pub(crate) fn outcome(op: &Op, response: &Response<Vec<u8>>) -> Outcome {
    upcloud().response(op, None, response, CLOCK).outcome
}
