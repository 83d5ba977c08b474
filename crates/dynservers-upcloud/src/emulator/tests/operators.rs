//! What is done by hand.

use super::*;

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
fn a_server_goes_the_course_that_it_is_given() {
    let mut client = client(exact());
    let path = client.create("worker", &[]);
    let uuid = path.rsplit('/').next().unwrap().to_owned();
    let turn = |after_millis, state| Turn { after_millis, state };
    let course = |turns: &[Turn]| Action::Course { turns: turns.to_vec() };
    assert!(client.emulator.act(&uuid, &course(&[]), 0));
    client.now_millis = 10_000_000;
    assert_eq!(client.state(&path), "maintenance", "it is stuck");
    let turns = [
        turn(1_000, State::Started),
        turn(2_000, State::Unheard),
        turn(3_000, State::PendingDelete),
        turn(4_000, State::Error),
        turn(5_000, State::Started),
        turn(6_000, State::Stopped),
    ];
    assert!(client.emulator.act(&uuid, &course(&turns), client.now_millis));
    for state in ["started", "unheard", "pending_delete", "error", "started", "stopped"] {
        client.now_millis += 1_000;
        assert_eq!(client.state(&path), state);
        let truth = client.emulator.server(&uuid).unwrap();
        assert_eq!((truth.state.as_str(), truth.is_busy), (state, false));
        if matches!(state, "unheard" | "pending_delete") {
            let refused = (409, "SERVER_STATE_ILLEGAL".to_owned());
            assert_eq!(client.refusal("POST", &format!("{path}/stop"), &stop("hard", &Value::Null)), refused);
            assert_eq!(client.refusal("DELETE", &path, &Value::Null), refused);
        }
    }
    assert_eq!(client.call("POST", &format!("{path}/start"), &Value::Null).0, 200);
    client.now_millis += 16_000;
    assert!(client.emulator.act(&uuid, &course(&[turn(500, State::Stopped)]), client.now_millis));
    assert_eq!(client.call("POST", &format!("{path}/restart"), &Value::Null).0, 409, "something runs");
}

#[test]
fn a_title_is_changed_by_hand() {
    let mut client = client(exact());
    let path = client.started();
    let uuid = path.rsplit('/').next().unwrap().to_owned();
    assert!(client.emulator.act(&uuid, &Action::Title { title: "other".to_owned() }, client.now_millis));
    let server = client.get(&path);
    assert_eq!(
        (&server["server"]["title"], &server["server"]["hostname"]),
        (&json!("other"), &json!("worker"))
    );
}

#[test]
fn what_was_deleted_by_hand_comes_back_once_with_its_disks() {
    let mut client = client(exact());
    let path = client.create("worker", &[(FLEET, "workers")]);
    let uuid = path.rsplit('/').next().unwrap().to_owned();
    client.now_millis = 34_000;
    let before = client.get(&path);
    assert_eq!(client.emulator.bring_back(client.now_millis), None);
    assert!(client.emulator.act(&uuid, &Action::Vanish, client.now_millis));
    assert_eq!(client.emulator.servers().count(), 0);
    assert_eq!(client.refusal("GET", &path, &Value::Null), (404, "SERVER_NOT_FOUND".to_owned()));
    client.now_millis = 99_000;
    assert_eq!(client.emulator.bring_back(client.now_millis), Some(uuid.clone()));
    assert_eq!(client.emulator.bring_back(client.now_millis), None);
    let after = client.get(&path);
    assert_eq!(after["server"]["state"], json!("stopped"));
    assert_eq!(after["server"]["labels"], before["server"]["labels"]);
    assert_eq!(after["server"]["storage_devices"], before["server"]["storage_devices"]);
    assert_eq!(titles(&client.get("/1.3/server?label=dynservers-fleet%3Dworkers")), ["worker"]);
    assert_eq!(client.call("DELETE", &format!("{path}?storages=1"), &Value::Null).0, 204);
    assert_eq!((client.report().disks_left, client.emulator.servers().count()), (Vec::new(), 0));
}

#[test]
fn the_truth_is_told_of_every_server_in_the_order_of_creation() {
    let mut client = client(Settings { list_lag_millis: 60_000, ..exact() });
    let one = client.create("one", &[(FLEET, "workers")]);
    let two = client.create("two", &[]);
    let listed = client.get("/1.3/server");
    assert_eq!(titles(&listed), Vec::<&str>::new(), "listings are late");
    client.emulator.advance(34_000);
    let truth: Vec<Truth<'_>> = client.emulator.servers().collect();
    let path = |truth: &Truth<'_>| format!("/1.3/server/{}", truth.uuid);
    assert_eq!(truth.iter().map(path).collect::<Vec<_>>(), [one, two]);
    assert_eq!(truth[0].labels, [(FLEET.to_owned(), "workers".to_owned())]);
    assert_eq!((truth[1].title, truth[1].state, truth[1].is_busy), ("two", State::Started, false));
}

#[test]
fn a_plan_may_be_full_while_others_have_room() {
    let mut client = client(Settings { full_plans: vec!["2xCPU-4GB".to_owned()], ..exact() });
    let refused = (409, "SERVER_RESOURCES_UNAVAILABLE".to_owned());
    let mut wanted = order("worker", &[]);
    assert_eq!(client.refusal("POST", "/1.3/server", &wanted), refused);
    wanted["server"]["plan"] = json!("1xCPU-1GB");
    assert_eq!(client.call("POST", "/1.3/server", &wanted).0, 202);
}

#[test]
fn credentials_are_revoked_and_given_back() {
    let mut client = client(exact());
    client.emulator.set_credentials(Credentials::Token("another".into()));
    let refused = (401, "AUTHENTICATION_FAILED".to_owned());
    assert_eq!(client.refusal("GET", "/1.3/account", &Value::Null), refused);
    client.emulator.set_credentials(Credentials::Token("any".into()));
    assert_eq!(client.call("GET", "/1.3/account", &Value::Null).0, 200);
}
