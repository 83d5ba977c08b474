//! A cloud that does not exist: numbered pages, labels as a map, errors with codes.

use dynservers_sim::conformance::{FakeAccount, FakeServer};
use http::{Request, Response};
use serde_json::{Value, json};

pub(crate) const PAGE: usize = 3;

pub(crate) fn respond(account: &mut FakeAccount, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    let query = request.uri().query().unwrap_or_default();
    match (request.method().as_str(), path.as_slice()) {
        ("GET", ["account"]) => {
            answer(200, &json!({"account": {"id": "tiny", "servers": account.servers.len()}}))
        }
        ("GET", ["servers"]) => list(account, query),
        ("POST", ["servers"]) => {
            let labels = serde_json::from_value(body["labels"].clone()).unwrap_or_default();
            let server = account.create(body["name"].as_str().unwrap_or_default(), labels);
            answer(201, &json!({"server": written(&server)}))
        }
        ("DELETE", ["servers", id]) if account.delete(id) => {
            account.left_behind += usize::from(query != "disks=1");
            answer(202, &json!({}))
        }
        (method, ["servers", id, rest @ ..]) => {
            let Some(server) = account.find(id) else {
                return error(404, "server_not_found", "There is no such server.");
            };
            match (method, rest) {
                ("GET", []) => answer(200, &json!({"server": written(server)})),
                ("PUT", ["labels"]) => {
                    server.labels = serde_json::from_value(body).unwrap_or_default();
                    answer(200, &json!({}))
                }
                ("POST", ["stop"]) => {
                    server.is_running = false;
                    answer(202, &json!({}))
                }
                ("POST", ["reboot"]) => answer(202, &json!({})),
                _ => error(405, "no_such_method", "There is no such method."),
            }
        }
        _ => error(404, "no_such_page", "There is no such page."),
    }
}

/// A page by its number, or one after a cursor, of the servers that bear the labels asked for.
fn list(account: &FakeAccount, query: &str) -> Response<Vec<u8>> {
    let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let labels = pairs.iter().filter(|(key, _)| *key == "label").filter_map(|(_, it)| it.split_once(':'));
    let all = account.bearing(&labels.collect::<Vec<_>>());
    let of = |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let number: usize = of("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
    let from = match of("after") {
        Some(after) => all.iter().position(|server| server.id.as_str() > after).unwrap_or(all.len()),
        None => ((number - 1) * PAGE).min(all.len()),
    };
    let page: Vec<Value> = all.iter().skip(from).take(PAGE).map(|server| written(server)).collect();
    let more = from + page.len() < all.len();
    let meta = json!({"page": number, "total": all.len(), "next": more.then_some(number + 1)});
    answer(200, &json!({"servers": page, "meta": meta}))
}

fn written(server: &FakeServer) -> Value {
    let status = if server.is_running { "running" } else { "off" };
    json!({"id": server.id, "name": server.name, "labels": server.labels, "status": status})
}

fn answer(status: u16, body: &Value) -> Response<Vec<u8>> {
    Response::builder().status(status).body(body.to_string().into_bytes()).unwrap()
}

pub(crate) fn error(status: u16, code: &str, message: &str) -> Response<Vec<u8>> {
    answer(status, &json!({"error": {"code": code, "message": message}}))
}
