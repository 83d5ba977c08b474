//! A cloud that does not exist: numbered pages, labels as a map, errors with codes.

use std::collections::BTreeMap;

use dynservers_sim::conformance::Cloud;
use http::{Request, Response};
use serde_json::{Value, json};

pub(crate) const PAGE: usize = 3;

#[derive(Default)]
pub(crate) struct TinyCloud {
    servers: Vec<Server>,
    made: usize,
    disks_left: usize,
}

struct Server {
    id: String,
    name: String,
    labels: BTreeMap<String, String>,
    status: &'static str,
}

impl Server {
    fn write(&self) -> Value {
        json!({"id": self.id, "name": self.name, "labels": self.labels, "status": self.status})
    }
}

impl TinyCloud {
    fn add(&mut self, name: &str, labels: BTreeMap<String, String>) -> Value {
        self.made += 1;
        let id = format!("srv-{:04}", self.made);
        self.servers.push(Server { id, name: name.to_owned(), labels, status: "running" });
        self.servers.last().unwrap().write()
    }

    /// A page by its number, or one after a cursor, of the servers that bear the labels asked for.
    fn list(&self, query: &str) -> Response<Vec<u8>> {
        let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let wanted = pairs.iter().filter(|(key, _)| *key == "label").filter_map(|(_, it)| it.split_once(':'));
        let wanted: Vec<(&str, &str)> = wanted.collect();
        let bears = |server: &&Server| {
            wanted.iter().all(|(key, value)| server.labels.get(*key).is_some_and(|it| it == value))
        };
        let all: Vec<&Server> = self.servers.iter().filter(bears).collect();
        let of = |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let number: usize = of("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        let from = match of("after") {
            Some(after) => all.iter().position(|server| server.id.as_str() > after).unwrap_or(all.len()),
            None => ((number - 1) * PAGE).min(all.len()),
        };
        let page: Vec<Value> = all.iter().skip(from).take(PAGE).map(|server| server.write()).collect();
        let more = from + page.len() < all.len();
        let meta = json!({"page": number, "total": all.len(), "next": more.then_some(number + 1)});
        answer(200, &json!({"servers": page, "meta": meta}))
    }
}

impl Cloud for TinyCloud {
    fn answer(&mut self, request: &Request<Vec<u8>>, _: u64) -> Response<Vec<u8>> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let query = request.uri().query().unwrap_or_default();
        match (request.method().as_str(), path.as_slice()) {
            ("GET", ["account"]) => {
                answer(200, &json!({"account": {"id": "tiny", "servers": self.servers.len()}}))
            }
            ("GET", ["servers"]) => self.list(query),
            ("POST", ["servers"]) => {
                let labels = serde_json::from_value(body["labels"].clone()).unwrap_or_default();
                let server = self.add(body["name"].as_str().unwrap_or_default(), labels);
                answer(201, &json!({"server": server}))
            }
            (method, ["servers", id, rest @ ..]) => {
                let Some(at) = self.servers.iter().position(|server| server.id == *id) else {
                    return error(404, "server_not_found", "There is no such server.");
                };
                let server = &mut self.servers[at];
                match (method, rest) {
                    ("GET", []) => answer(200, &json!({"server": server.write()})),
                    ("PUT", ["labels"]) => {
                        server.labels = serde_json::from_value(body).unwrap_or_default();
                        answer(200, &json!({}))
                    }
                    ("POST", ["stop"]) => {
                        server.status = "off";
                        answer(202, &json!({}))
                    }
                    ("POST", ["reboot"]) => answer(202, &json!({})),
                    ("DELETE", []) => {
                        self.servers.remove(at);
                        self.disks_left += usize::from(query != "disks=1");
                        answer(202, &json!({}))
                    }
                    _ => error(405, "no_such_method", "There is no such method."),
                }
            }
            _ => error(404, "no_such_page", "There is no such page."),
        }
    }

    fn servers(&mut self) -> usize {
        self.servers.len()
    }

    fn add_stranger(&mut self, name: &str) {
        self.add(name, BTreeMap::new());
    }

    fn remove(&mut self, id: &str) {
        self.servers.retain(|server| server.id != id);
    }

    fn left_behind(&mut self) -> usize {
        self.disks_left
    }
}

fn answer(status: u16, body: &Value) -> Response<Vec<u8>> {
    Response::builder().status(status).body(body.to_string().into_bytes()).unwrap()
}

pub(crate) fn error(status: u16, code: &str, message: &str) -> Response<Vec<u8>> {
    answer(status, &json!({"error": {"code": code, "message": message}}))
}
