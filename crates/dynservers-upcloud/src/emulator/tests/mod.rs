//! The whole machine, by requests and time alone.

mod listings;
mod operations;
mod operators;
mod refusals;

use dynservers_core::labels::{FLEET, ID, OWNER, TOKEN};

use super::*;

/// A client with a clock of its own.
struct Client {
    emulator: Emulator,
    now_millis: u64,
}

fn client(settings: Settings) -> Client {
    Client { emulator: Emulator::new(settings, 1), now_millis: 0 }
}

/// Settings in which things take exactly as long as they say.
fn exact() -> Settings {
    Settings { durations: Durations { spread_percent: 0, ..Durations::default() }, ..Settings::default() }
}

fn order(name: &str, labels: &[(&str, &str)]) -> Value {
    let labels: Vec<_> = labels.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({"server": {
        "hostname": name, "title": name, "zone": "de-fra1", "plan": "2xCPU-4GB", "metadata": "yes",
        "labels": {"label": labels},
        "storage_devices": {"storage_device": [{"action": "clone", "storage": Snapshot::CUSTOM_IMAGE}]},
    }})
}

impl Client {
    fn reaction(&mut self, method: &str, path: &str, body: &Value) -> Reaction {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("authorization", "Bearer any");
        self.emulator.handle(&request.body(body).unwrap(), self.now_millis)
    }

    fn call(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let response = self.reaction(method, path, body).arrived().expect("an answer");
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status().as_u16(), body)
    }

    fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn refusal(&mut self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let (status, body) = self.call(method, path, body);
        (status, body["error"]["error_code"].as_str().unwrap_or_default().to_owned())
    }

    fn create(&mut self, name: &str, labels: &[(&str, &str)]) -> String {
        let (status, body) = self.call("POST", "/1.3/server", &order(name, labels));
        assert_eq!(status, 202, "{body}");
        format!("/1.3/server/{}", body["server"]["uuid"].as_str().unwrap())
    }

    fn started(&mut self) -> String {
        let path = self.create("worker", &[]);
        self.now_millis += 34_000;
        assert_eq!(self.state(&path), "started");
        path
    }

    fn state(&mut self, path: &str) -> String {
        self.get(path)["server"]["state"].as_str().unwrap().to_owned()
    }

    fn report(&mut self) -> Report {
        self.emulator.report(self.now_millis)
    }
}

fn stop(kind: &str, timeout: &Value) -> Value {
    json!({"stop_server": {"stop_type": kind, "timeout": timeout}})
}

fn titles(body: &Value) -> Vec<&str> {
    let servers = body["servers"]["server"].as_array().unwrap();
    servers.iter().map(|server| server["title"].as_str().unwrap()).collect()
}
