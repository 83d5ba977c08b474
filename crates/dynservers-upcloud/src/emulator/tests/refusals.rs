//! Errors, quotas and faults.

use super::*;

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
