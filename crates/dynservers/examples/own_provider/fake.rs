//! The fake of Pebble's API, and what the conformance kit must know of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dynservers::blocking::Fleet;
use dynservers::core::{Failure, FleetName, ProviderState};
use dynservers::http::{Reference, SecretString, Secrets};
use dynservers::{BoxError, Provider, ServerType, Status};
use dynservers_sim::conformance::{FakeAccount, FakeCloud, FakeServer, Subject, Wire};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::Pebble;

/// How many servers a page has: few, so that the kit need not make many.
const PAGE: usize = 3;

/// Answers as Pebble does.
pub(crate) fn answer(account: &mut FakeAccount, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let path: Vec<&str> = request.uri().path().split('/').skip(2).collect();
    let query = request.uri().query().unwrap_or_default();
    match (request.method().as_str(), path.as_slice()) {
        ("GET", ["account"]) => {
            let account = json!({"id": "acc-1", "servers": account.servers.len(), "server_limit": 50});
            json_answer(200, &json!({"account": account}))
        }
        ("GET", ["servers"]) => list(account, query),
        ("POST", ["servers"]) => {
            let labels: BTreeMap<String, String> =
                serde_json::from_value(body["labels"].clone()).unwrap_or_default();
            let server = account.create(body["name"].as_str().unwrap_or_default(), labels);
            json_answer(201, &json!({"server": written(&server)}))
        }
        (method, ["servers", id, rest @ ..]) => {
            let Some(server) = account.find(id) else {
                return error(404, "server_not_found", "There is no such server.");
            };
            match (method, rest, body["action"].as_str()) {
                ("GET", [], _) => json_answer(200, &json!({"server": written(server)})),
                ("POST", ["actions"], Some("shutdown" | "power_off")) => {
                    server.is_running = false;
                    json_answer(202, &json!({}))
                }
                ("POST", ["actions"], Some("reboot")) if server.is_running => json_answer(202, &json!({})),
                ("DELETE", [], _) if !server.is_running => {
                    account.delete(id);
                    account.left_behind += usize::from(query != "disks=delete");
                    response(204, String::new())
                }
                _ => error(409, "wrong_state", "The server is not in a state for that."),
            }
        }
        _ => error(404, "no_such_path", "There is no such path."),
    }
}

/// Lists a page of the servers that bear the labels asked for, those after a cursor.
fn list(account: &FakeAccount, query: &str) -> Response<Vec<u8>> {
    let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let labels =
        pairs.iter().filter(|(key, _)| *key == "label").filter_map(|(_, label)| label.split_once(':'));
    let all = account.bearing(&labels.collect::<Vec<_>>());
    let after = pairs.iter().find(|(key, _)| *key == "after").map_or("", |(_, cursor)| *cursor);
    let rest: Vec<_> = all.iter().filter(|server| server.id.as_str() > after).collect();
    let page: Vec<Value> = rest.iter().take(PAGE).map(|server| written(server)).collect();
    let next = if rest.len() > PAGE { page.last().map(|server| server["id"].clone()) } else { None };
    json_answer(200, &json!({"servers": page, "total": all.len(), "next": next}))
}

fn written(server: &FakeServer) -> Value {
    let state = if server.is_running { "running" } else { "stopped" };
    json!({"id": server.id, "name": server.name, "labels": server.labels, "state": state})
}

fn error(status: u16, code: &str, message: &str) -> Response<Vec<u8>> {
    json_answer(status, &json!({"error": {"code": code, "message": message}}))
}

fn json_answer(status: u16, body: &Value) -> Response<Vec<u8>> {
    response(status, body.to_string())
}

fn response(status: u16, body: String) -> Response<Vec<u8>> {
    Response::builder().status(status).body(body.into_bytes()).expect("the status is valid")
}

/// Pebble before the kit.
pub(crate) struct OfPebble;

impl Subject for OfPebble {
    type Provider = Pebble;
    type Cloud = FakeCloud;

    fn provider(&self, fleet: FleetName, secrets: Arc<dyn Secrets>) -> Pebble {
        Pebble { fleet, token: Reference::Env("PEBBLE_TOKEN".to_owned()), secrets }
    }

    fn cloud(&self) -> FakeCloud {
        FakeCloud::new(answer)
    }

    fn page_size(&self) -> usize {
        PAGE
    }

    fn spec(&self, labels: &[(&str, &str)]) -> Value {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        json!({"image": "worker-7", "size": "small", "user_data": {"env": "WORKER_SETUP"}, "labels": labels})
    }

    fn state_words(&self) -> Vec<(ProviderState, &'static str)> {
        vec![
            (ProviderState::InProgress, "creating"),
            (ProviderState::Running, "running"),
            (ProviderState::Stopped, "stopped"),
            (ProviderState::Error, "failed"),
        ]
    }

    fn error(&self, status: u16, message: &str) -> Response<Vec<u8>> {
        error(status, "other", message)
    }
}

/// Has a token for a cloud that takes any.
pub(crate) struct AnyToken;

impl Secrets for AnyToken {
    fn read(&self, _: &Reference) -> Result<SecretString, Failure> {
        Ok(SecretString::from("any"))
    }
}

/// Runs a fleet on the fake, in virtual time.
///
/// On the real cloud it is `Provider::http(|fleet| Ok::<_, BoxError>(Pebble { .. }))`, and `start` in place of `simulate`.
pub(crate) fn run_a_fleet() -> Result<(), BoxError> {
    let provider = Provider::executor_with(|fleet, clock| {
        let (pebble, clock) = (OfPebble.provider(fleet.clone(), Arc::new(AnyToken)), clock.clone());
        Ok::<_, BoxError>(Wire::new(pebble, OfPebble.cloud(), move || clock.now()))
    });
    let server_type = ServerType::new("default").template(OfPebble.spec(&[]));
    let fleet = Fleet::builder("workers").provider("pebble", provider).server_type(server_type);
    let mut simulation = fleet.simulate()?;
    for wanted in [5, 2] {
        simulation.with(|fleet| fleet.ensure(wanted))??;
        simulation.run_for(Duration::from_secs(600))?;
        let servers = simulation.with(Fleet::servers)??;
        let there = servers.iter().filter(|server| server.status() != Status::Deleted);
        let there: Vec<String> =
            there.map(|server| format!("{} {}", server.name(), server.status())).collect();
        println!("a fleet of {wanted}: {}", there.join(", "));
    }
    Ok(())
}
