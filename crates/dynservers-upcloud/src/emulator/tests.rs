//! The whole machine, by requests and time alone.

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

#[test]
fn a_server_lives_from_create_to_delete() {
    let mut client = client(exact());
    let reaction = client.reaction("POST", "/1.3/server", &order("worker", &[("team", "jobs")]));
    assert_eq!(reaction.fate, Fate::AnswerAfter(Duration::from_secs(1)));
    assert_eq!(reaction.response.status(), 202);
    assert_eq!(reaction.response.headers()["content-type"], "application/json; charset=UTF-8");
    assert_eq!(reaction.response.headers()[CORRELATION].len(), 26);
    let body: Value = serde_json::from_slice(reaction.response.body()).unwrap();
    let server = &body["server"];
    assert_eq!((server["state"].as_str(), server["progress"].as_str()), (Some("maintenance"), Some("0")));
    assert_eq!((&server["core_number"], &server["memory_amount"]), (&json!("2"), &json!("4096")));
    assert_eq!(server["created"], json!(1_767_225_600_u64));
    assert_eq!(server["ip_addresses"]["ip_address"][0]["access"], "public");
    assert_eq!(server["storage_devices"]["storage_device"][0]["storage_size"], json!(80));
    assert!(server.get("password").is_none() && server.get("user_data").is_none());
    let path = format!("/1.3/server/{}", server["uuid"].as_str().unwrap());
    client.now_millis = 13_000;
    assert_eq!(client.get(&path)["server"]["progress"], "95");
    client.now_millis = 33_999;
    assert_eq!(client.state(&path), "maintenance");
    client.now_millis = 34_000;
    assert_eq!(client.state(&path), "started");

    let stopped = client.call("POST", &format!("{path}/stop"), &stop("hard", &json!("60")));
    assert_eq!((stopped.0, &stopped.1["server"]["state"]), (200, &json!("started")));
    assert_eq!(client.state(&path), "started", "the first look after a stop still reads so");
    client.now_millis += 3_000;
    assert_eq!(client.state(&path), "maintenance");
    client.now_millis += 13_000;
    assert_eq!(client.state(&path), "stopped");
    let deleted = client.reaction("DELETE", &format!("{path}/?storages=1&backups=delete"), &Value::Null);
    assert_eq!((deleted.response.status().as_u16(), deleted.response.body().len()), (204, 0));
    assert!(!deleted.response.headers().contains_key(CONTENT_TYPE));
    assert_eq!(client.refusal("GET", &path, &Value::Null), (404, "SERVER_NOT_FOUND".into()));

    let report = client.report();
    assert_eq!((report.created.len(), report.deleted.len(), report.servers.len()), (1, 1, 0));
    assert_eq!((report.disks_left.len(), report.peak, report.server_seconds), (0, 1, 50));
    assert_eq!((report.calls[&Call::Inspect], report.statuses[&204]), (7, 1));
}

#[test]
fn states_forbid_what_they_forbid_and_name_themselves_in_the_text() {
    let mut client = client(exact());
    let path = client.create("worker", &[]);
    let illegal = (409, "SERVER_STATE_ILLEGAL".to_owned());
    let hard = stop("hard", &json!("60"));
    for (method, verb, body) in [("POST", "/stop", &hard), ("POST", "/start", &Value::Null)] {
        assert_eq!(client.refusal(method, &format!("{path}{verb}"), body), illegal);
    }
    client.now_millis = 34_000;
    let (status, body) = client.call("DELETE", &path, &Value::Null);
    assert_eq!(status, 409);
    let message = body["error"]["error_message"].as_str().unwrap();
    assert!(message.ends_with("is in state 'started'."), "{message}");
    assert_eq!(client.call("POST", &format!("{path}/stop"), &hard).0, 200);
    assert_eq!(client.refusal("POST", &format!("{path}/stop"), &hard), illegal, "a stop runs, unseen");
    assert_eq!(client.refusal("DELETE", &path, &Value::Null), illegal);
    client.now_millis += 20_000;
    assert_eq!(client.refusal("POST", &format!("{path}/stop"), &hard), illegal);
    let restart = json!({"restart_server": {"stop_type": "hard"}});
    assert_eq!(client.refusal("POST", &format!("{path}/restart"), &restart), illegal);
    let started = client.reaction("POST", &format!("{path}/start"), &json!({"server": {}}));
    assert_eq!(started.fate, Fate::AnswerAfter(Duration::from_secs(16)), "a start blocks");
    let answer: Value = serde_json::from_slice(started.response.body()).unwrap();
    assert_eq!(answer["server"]["state"], "started");
    assert_eq!(client.state(&path), "maintenance");
    client.now_millis += 16_000;
    assert_eq!(client.state(&path), "started");
    assert_eq!(client.report().servers[0].boots, 2);
}

#[test]
fn soft_stops_wait_for_the_guest_and_force_it_only_after_a_timeout_that_is_a_text() {
    let cases = [
        (Guests::ShutDown, json!("600"), 93_000, "stopped"),
        (Guests::ShutDown, json!("60"), 76_000, "stopped"),
        (Guests::IgnoreShutdown, json!("60"), 76_000, "stopped"),
        (Guests::IgnoreShutdown, json!(60), 93_000, "started"),
    ];
    for (guests, timeout, millis, state) in cases {
        let mut client = client(Settings { guests, ..exact() });
        let path = client.started();
        assert_eq!(client.call("POST", &format!("{path}/stop"), &stop("soft", &timeout)).0, 200);
        client.now_millis += millis - 1;
        assert_eq!(client.state(&path), "maintenance", "{guests:?} {timeout}");
        client.now_millis += 1;
        assert_eq!(client.state(&path), state, "{guests:?} {timeout}");
    }
}

#[test]
fn stops_and_restarts_check_their_attributes() {
    let mut client = client(exact());
    let path = client.started();
    let restart = |inner: Value| json!({"restart_server": inner});
    let cases = [
        ("stop", stop("gentle", &json!("60")), "STOP_TYPE_INVALID"),
        ("stop", stop("soft", &json!("0")), "TIMEOUT_INVALID"),
        ("stop", stop("soft", &json!("900")), "TIMEOUT_INVALID"),
        ("stop", stop("soft", &json!(true)), "TIMEOUT_INVALID"),
        ("stop", json!({"stop": {}}), "UNKNOWN_ATTRIBUTE"),
        ("stop", json!({"stop_type": "hard"}), "UNKNOWN_ATTRIBUTE"),
        ("restart", restart(json!({"stop_type": "soft"})), "TIMEOUT_MISSING"),
        ("restart", restart(json!({"timeout": "60", "timeout_action": "wait"})), "TIMEOUT_ACTION_INVALID"),
        ("restart", json!({"stop_server": {}}), "UNKNOWN_ATTRIBUTE"),
    ];
    for (verb, body, code) in cases {
        let refusal = client.refusal("POST", &format!("{path}/{verb}"), &body);
        assert_eq!(refusal, (400, code.to_owned()), "{verb} {body}");
    }
    assert_eq!(client.call("POST", &format!("{path}/stop"), &stop("hard", &json!("900"))).0, 200);
}

#[test]
fn a_restart_reads_started_then_maintenance_then_started() {
    for (guests, action, boots) in [
        (Guests::ShutDown, "ignore", 2),
        (Guests::IgnoreShutdown, "destroy", 2),
        (Guests::IgnoreShutdown, "ignore", 1),
    ] {
        let mut client = client(Settings { guests, ..exact() });
        let path = client.started();
        let body = json!({"restart_server": {"timeout": "100", "timeout_action": action}});
        let (status, answer) = client.call("POST", &format!("{path}/restart"), &body);
        assert_eq!((status, &answer["server"]["state"]), (200, &json!("started")));
        assert_eq!(client.state(&path), "started");
        client.now_millis += 3_000;
        assert_eq!(client.state(&path), "maintenance");
        client.now_millis += 116_000;
        assert_eq!(client.state(&path), "started");
        assert_eq!(client.report().servers[0].boots, boots, "{guests:?} {action}");
    }
}

#[test]
fn pages_and_filters_count_what_they_leave_out() {
    let mut client = client(Settings { list_lag_millis: 10_000, ..exact() });
    for number in 0..60 {
        let fleet = if number % 2 == 0 { "even" } else { "odd" };
        client.create(&format!("s{number}"), &[(FLEET, fleet), (TOKEN, &number.to_string())]);
    }
    assert!(titles(&client.get("/1.3/server")).is_empty(), "the listing lags");
    client.now_millis = 10_000;
    let page = client.reaction("GET", "/1.3/server?limit=10&offset=55", &Value::Null).response;
    assert_eq!(page.headers()[TOTAL], "60");
    let body: Value = serde_json::from_slice(page.body()).unwrap();
    assert_eq!(titles(&body), ["s55", "s56", "s57", "s58", "s59"]);
    assert!(body["servers"]["server"][0].get("ip_addresses").is_none());
    assert_eq!(titles(&client.get("/1.3/server")).len(), 25, "unless asked for more");
    let uri = format!("/1.3/server/?label={FLEET}%3Dodd&limit=3&offset=1");
    assert_eq!(titles(&client.get(&uri)), ["s3", "s5", "s7"]);
    let uri = format!("/1.3/server?label={FLEET}%3Dodd&label={TOKEN}%3D8");
    assert!(titles(&client.get(&uri)).is_empty(), "both must hold");
    assert_eq!(titles(&client.get(&format!("/1.3/server?label={FLEET}&label={TOKEN}%3D8"))), ["s8"]);
    assert!(titles(&client.get("/1.3/server?state=started")).is_empty());
    client.now_millis = 34_000;
    let page = client.reaction("GET", "/1.3/server?state=started&limit=1", &Value::Null).response;
    assert_eq!(page.headers()[TOTAL], "60");
    assert_eq!(client.refusal("GET", "/1.3/server?limit=all", &Value::Null), (400, "REQUEST_INVALID".into()));
    let capped = Settings { page_cap: Some(7), ..client.emulator.settings().clone() };
    client.emulator.set_settings(capped);
    assert_eq!(titles(&client.get("/1.3/server?limit=100")).len(), 7);
    let addresses = client.get("/1.3/ip_address");
    assert_eq!(addresses["ip_addresses"]["ip_address"].as_array().map(Vec::len), Some(120));
}

#[test]
fn labels_and_title_can_be_changed_while_a_server_runs() {
    let mut client = client(exact());
    let path = client.started();
    let change = json!({"server": {"title": "new", "labels": {"label": [{"key": "team", "value": "b"}]}}});
    let (status, body) = client.call("PUT", &path, &change);
    assert_eq!((status, &body["server"]["title"]), (202, &json!("new")));
    assert_eq!(titles(&client.get("/1.3/server?label=team%3Db")), ["new"]);
    let plan = json!({"server": {"plan": "4xCPU-8GB"}});
    assert_eq!(client.refusal("PUT", &path, &plan), (409, "SERVER_STATE_ILLEGAL".into()));
    let unknown = json!({"server": {"colour": "red"}});
    assert_eq!(client.refusal("PUT", &path, &unknown), (400, "UNKNOWN_ATTRIBUTE".into()));
    assert_eq!(client.refusal("PUT", &path, &json!({"title": "new"})), (400, "UNKNOWN_ATTRIBUTE".into()));
}

#[test]
fn disks_stay_behind_unless_they_are_named() {
    let mut client = client(exact());
    let path = client.started();
    let uuid = path.rsplit('/').next().unwrap().to_owned();
    assert!(client.emulator.act(&uuid, &Action::Stop, client.now_millis));
    let bad = client.refusal("DELETE", &format!("{path}?storages=1&backups=some"), &Value::Null);
    assert_eq!(bad, (400, "BACKUP_DELETION_POLICY_INVALID".into()));
    let device = client.get(&path)["server"]["storage_devices"]["storage_device"][0]["storage"].clone();
    let disk = format!("/1.3/storage/{}", device.as_str().unwrap());
    assert_eq!(client.refusal("DELETE", &disk, &Value::Null), (409, "STORAGE_ATTACHED".into()));
    assert_eq!(client.call("DELETE", &path, &Value::Null).0, 204);
    assert_eq!(client.report().disks_left.len(), 1);
    assert_eq!(client.get(&disk)["storage"]["size"], json!(80));
    assert_eq!(client.call("DELETE", &disk, &Value::Null).0, 204);
    assert!(client.report().disks_left.is_empty());
}

#[test]
fn a_password_is_shown_once_and_only_when_asked_for() {
    let mut client = client(exact());
    let mut body = order("worker", &[]);
    body["server"]["login_user"] = json!({"username": "jobs", "create_password": "yes"});
    let (_, answer) = client.call("POST", "/1.3/server", &body);
    assert_eq!(answer["server"]["username"], "jobs");
    assert!(answer["server"]["password"].is_string());
    let path = format!("/1.3/server/{}", answer["server"]["uuid"].as_str().unwrap());
    assert!(client.get(&path)["server"].get("password").is_none());
}

#[test]
fn refusals_without_a_server_have_their_codes() {
    let mut client = client(Settings::default());
    let uuid = "00e8051f-86bf-413b-b932-c92a790be181";
    let cases = [
        ("GET", "/1.3/server/nonsense".to_owned(), 400, "SERVER_INVALID"),
        ("GET", format!("/1.3/server/{uuid}"), 404, "SERVER_NOT_FOUND"),
        ("DELETE", format!("/1.3/server/{uuid}?storages=1"), 404, "SERVER_NOT_FOUND"),
        ("GET", "/1.3/storage/01e8051f-86bf-413b-b932-c92a790be181".to_owned(), 404, "STORAGE_NOT_FOUND"),
        ("PATCH", "/1.3/server".to_owned(), 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/1.3/elsewhere".to_owned(), 404, "NOT_FOUND"),
        ("GET", "/1.0/server".to_owned(), 400, "API_VERSION_INVALID"),
        ("POST", "/1.3/server".to_owned(), 400, "UNKNOWN_ATTRIBUTE"),
    ];
    for (method, path, status, code) in cases {
        assert_eq!(client.refusal(method, &path, &Value::Null), (status, code.to_owned()), "{method} {path}");
    }
    let request =
        Request::post("/1.3/server").header("authorization", "Bearer any").body(b"{".to_vec()).unwrap();
    assert_eq!(client.emulator.handle(&request, 0).response.status(), 400);
    let request = Request::get("/1.3/account").body(Vec::new()).unwrap();
    assert_eq!(client.emulator.handle(&request, 0).response.status(), 401);
    assert_eq!(client.get("/1.3/account")["account"]["username"], "emulated");
    for path in ["/1.3/plan", "/1.3/zone", "/1.3/price"] {
        assert!(client.get(path).is_object());
    }
}

#[test]
fn quotas_and_capacity_refuse_creates() {
    let limits = |limits| Settings { limits, ..exact() };
    let none = Limits::default();
    let cases = [
        (limits(Limits { creating: Some(1), ..none.clone() }), 403, "SERVER_CREATING_LIMIT_REACHED"),
        (limits(Limits { servers: Some(1), ..none.clone() }), 403, "SERVER_CORE_LIMIT_REACHED"),
        (limits(Limits { cores: Some(3), ..none.clone() }), 403, "SERVER_CORE_LIMIT_REACHED"),
        (limits(Limits { memory: Some(8_191), ..none.clone() }), 403, "SERVER_MEMORY_LIMIT_REACHED"),
        (limits(Limits { public_ipv4: Some(1), ..none }), 403, "SERVER_IP_LIMIT_REACHED"),
    ];
    for (settings, status, code) in cases {
        let mut client = client(settings);
        client.create("first", &[]);
        let refusal = client.refusal("POST", "/1.3/server", &order("second", &[]));
        assert_eq!(refusal, (status, code.to_owned()));
        client.now_millis = 40_000;
        let status = client.call("POST", "/1.3/server", &order("third", &[])).0;
        assert_eq!(status == 202, code == "SERVER_CREATING_LIMIT_REACHED");
    }
    let mut full = client(Settings { capacity: Capacity::Exhausted, ..exact() });
    let refusal = full.refusal("POST", "/1.3/server", &order("first", &[]));
    assert_eq!(refusal, (409, "SERVER_RESOURCES_UNAVAILABLE".into()));
    assert!(full.report().servers.is_empty());
}

#[test]
fn each_fault_does_what_it_says_to_the_answer_and_to_the_account() {
    let after = Fate::AnswerAfter(Duration::from_secs(1));
    let cases = [
        (Fault::Lost, Fate::CutBeforeAnswer, 202, 1),
        (Fault::Cut, Fate::CutMidAnswer, 202, 1),
        (Fault::Hang, Fate::Hang, 202, 1),
        (Fault::Garbage, after, 202, 1),
        (Fault::ErrorAfter, after, 500, 1),
        (Fault::Refused, Fate::CutBeforeProcessing, 503, 0),
        (Fault::ErrorBefore, Fate::Answer, 503, 0),
        (Fault::Unauthorized, Fate::Answer, 401, 0),
        (Fault::HtmlNotFound, Fate::Answer, 404, 0),
        (Fault::EmptyBody, Fate::Answer, 200, 0),
        (Fault::EmptyList, Fate::Answer, 200, 0),
    ];
    for (fault, fate, status, servers) in cases {
        let rule = FaultRule::every(2, Call::Create, fault);
        let mut client = client(Settings { faults: vec![rule], ..exact() });
        client.create("first", &[]);
        let reaction = client.reaction("POST", "/1.3/server", &order("second", &[]));
        assert_eq!((reaction.fate, reaction.response.status().as_u16()), (fate, status), "{fault:?}");
        let is_json = serde_json::from_slice::<Value>(reaction.response.body()).is_ok();
        let broken = matches!(
            fault,
            Fault::Garbage | Fault::Refused | Fault::ErrorBefore | Fault::HtmlNotFound | Fault::EmptyBody
        );
        assert_eq!(is_json, !broken, "{fault:?}");
        assert_eq!(client.report().servers.len(), 1 + servers, "{fault:?}");
    }
}

#[test]
fn throttled_requests_are_told_when_to_come_back() {
    let throttle = Throttle { per_second: 2.0, retry_after: Some(3) };
    let mut client = client(Settings { throttle: Some(throttle), ..exact() });
    client.get("/1.3/account");
    client.get("/1.3/account");
    let refused = client.reaction("GET", "/1.3/account", &Value::Null).response;
    assert_eq!((refused.status().as_u16(), &refused.headers()[RETRY_AFTER]), (429, &HeaderValue::from(3)));
    client.now_millis = 500;
    client.get("/1.3/account");
    assert_eq!(client.report().statuses, [(200, 3), (429, 1)].into());
}

#[test]
fn creates_may_end_in_error_or_not_at_all() {
    let settings = Settings {
        create_error_every: 2,
        create_stuck_every: 3,
        create_stuck_millis: Some(60_000),
        error_heals_after_millis: Some(100_000),
        ..exact()
    };
    let mut client = client(settings);
    let paths = [1, 2, 3].map(|number| client.create(&format!("s{number}"), &[]));
    let states = |client: &mut Client| paths.clone().map(|path| client.state(&path));
    client.now_millis = 34_000;
    assert_eq!(states(&mut client), ["started", "error", "maintenance"]);
    assert_eq!(client.refusal("DELETE", &paths[1], &Value::Null), (409, "SERVER_STATE_ILLEGAL".into()));
    client.now_millis = 60_000;
    assert_eq!(states(&mut client), ["started", "error", "started"]);
    client.now_millis = 134_000;
    assert_eq!(states(&mut client), ["started", "started", "started"]);
    let broken = Some(SnapshotFault::Broken);
    let for_ever =
        Settings { snapshot_fault: broken, create_error_every: 0, create_stuck_every: 0, ..exact() };
    client.emulator.set_settings(for_ever);
    let path = client.create("s4", &[]);
    client.now_millis = 10_000_000;
    assert_eq!(client.state(&path), "error");
    assert_eq!(client.call("POST", &format!("{path}/stop"), &stop("hard", &json!("1"))).0, 200);
    client.now_millis += 20_000;
    assert_eq!(client.call("DELETE", &path, &Value::Null).0, 204);
}

#[test]
fn another_account_has_another_name_and_none_of_the_servers() {
    let mut client = client(exact());
    let path = client.started();
    client.emulator.set_settings(Settings { account: Account::Other, ..exact() });
    assert_eq!(client.get("/1.3/account")["account"]["username"], "not-emulated");
    assert!(titles(&client.get("/1.3/server")).is_empty());
    assert_eq!(client.refusal("GET", &path, &Value::Null), (404, "SERVER_NOT_FOUND".into()));
    let refusal = client.refusal("POST", "/1.3/server", &order("worker", &[]));
    assert_eq!(refusal, (404, "STORAGE_NOT_FOUND".into()));
    assert_eq!(client.report().servers.len(), 1);
}

#[test]
fn operators_work_over_requests_too_and_need_no_credentials() {
    let mut client = client(exact());
    let mut operate = |method: &str, path: &str, body: &Value| {
        let request = Request::builder().method(method).uri(format!("/_emulator/{path}"));
        let response = client.emulator.handle(&request.body(body.to_string().into_bytes()).unwrap(), 5_000);
        let body = serde_json::from_slice(response.response.body()).unwrap_or(Value::Null);
        (response.response.status().as_u16(), body)
    };
    let foreign = json!({"count": 2, "labels": {FLEET: "other", OWNER: "me", ID: "1"}});
    let (status, added) = operate("POST", "servers", &foreign);
    assert_eq!(status, 200);
    let uuid = added["uuids"][0].as_str().unwrap();
    let server = format!("servers/{uuid}");
    let seen = |report: &Value| report["servers"][0]["state"].as_str().unwrap().to_owned();
    for (action, state) in [
        (json!({"action": "error"}), "error"),
        (json!({"action": "clear-error"}), "started"),
        (json!({"action": "maintenance"}), "maintenance"),
        (json!({"action": "end-maintenance"}), "started"),
        (json!({"action": "stop"}), "stopped"),
    ] {
        assert_eq!(operate("POST", &server, &action).0, 204, "{action}");
        assert_eq!(seen(&operate("GET", "report", &Value::Null).1), state);
    }
    let report = operate("GET", "report", &Value::Null).1;
    assert_eq!(report["duplicates"][0]["identity"], json!({"record": {"owner": "me", "id": "1"}}));
    assert_eq!((&report["peak-by-fleet"]["other"], &report["requests"]), (&json!(2), &json!(0)));
    serde_json::from_value::<Report>(report).unwrap();
    let labels = json!({"action": "label", "labels": {FLEET: null, "team": "a"}});
    assert_eq!(operate("POST", &server, &labels).0, 204);
    let report = operate("GET", "report", &Value::Null).1;
    assert_eq!(report["servers"][0]["labels"], json!({OWNER: "me", ID: "1", "team": "a"}));
    assert_eq!(operate("POST", &server, &json!({"action": "vanish"})).0, 204);
    assert_eq!(operate("POST", &server, &json!({"action": "vanish"})).0, 404);
    assert_eq!(operate("POST", &server, &json!({"action": "explode"})).0, 400);
    let (status, settings) = operate("PATCH", "settings", &json!({"list-lag-millis": 7}));
    assert_eq!((status, &settings["list-lag-millis"]), (200, &json!(7)));
    assert_eq!(operate("PATCH", "settings", &json!({"lag": 7})).0, 400);
    assert_eq!(operate("GET", "settings", &Value::Null).1["list-lag-millis"], json!(7));
    assert_eq!(operate("GET", "nothing", &Value::Null).0, 404);
}

#[test]
fn maintenance_that_nobody_asked_for_passes() {
    let mut client = client(exact());
    let path = client.started();
    let uuid = path.rsplit('/').next().unwrap().to_owned();
    let action = Action::Maintenance { millis: Some(9_000) };
    assert!(client.emulator.act(&uuid, &action, client.now_millis));
    assert_eq!(client.state(&path), "maintenance");
    client.now_millis += 9_000;
    assert_eq!(client.state(&path), "started");
    assert_eq!(client.report().servers[0].boots, 1);
}

#[test]
fn the_same_seed_and_requests_give_the_same_reactions() {
    let run = |seed| {
        let mut client = client(Settings::default());
        client.emulator = Emulator::new(Settings::default(), seed);
        let bodies = (0..20).map(|number| {
            client.now_millis += 5_000;
            client.create(&format!("s{number}"), &[]);
            client.reaction("GET", "/1.3/server", &Value::Null).response.into_body()
        });
        bodies.collect::<Vec<_>>()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn ten_thousand_servers_are_listed_page_by_page() {
    let mut client = client(exact());
    let foreign =
        Foreign { count: 10_000, labels: [(FLEET.into(), "big".into())].into(), ..Foreign::default() };
    client.emulator.add_foreign(&foreign, 0);
    let mut seen = std::collections::BTreeSet::new();
    for offset in (0..10_000).step_by(100) {
        let page = client.get(&format!("/1.3/server?label={FLEET}%3Dbig&limit=100&offset={offset}"));
        for server in page["servers"]["server"].as_array().unwrap() {
            seen.insert(server["uuid"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(seen.len(), 10_000);
}
