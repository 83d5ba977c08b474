//! A server from create to delete, through every state.

use super::*;

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
