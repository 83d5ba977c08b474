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
