//! Those who may not speak to the daemon, and those who say too much or too slowly: refused, and nobody is held up.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use dynservers_tests::{Cloud, Fleet, Told, eventually};
use serde_json::{Value, json};

/// How many bytes a body of 1 GiB has.
const GIB: u64 = 1 << 30;

fn started() -> (Cloud, Fleet) {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    (cloud, fleet)
}

fn connect(fleet: &Fleet) -> UnixStream {
    UnixStream::connect(fleet.path().join("dynservers.sock")).expect("the daemon listens")
}

/// Sends bytes as they are, and gives the status and the body of the answer.
fn raw(fleet: &Fleet, request: &str) -> (u16, String) {
    let mut stream = connect(fleet);
    stream.write_all(request.as_bytes()).expect("it reads");
    answer(&mut stream)
}

fn answer(stream: &mut UnixStream) -> (u16, String) {
    let mut bytes = Vec::new();
    // Who has sent too much may be cut off behind the answer.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer: {text:?}")), body.to_owned())
}

fn put(fleet: &Fleet, headers: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let (status, body) = raw(
        fleet,
        &format!(
            "PUT /v1/types/default/desired HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}"
        ),
    );
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// Whether a refusal says what to do, in the form that every error has.
fn is_problem(body: &Value, status: u16) -> bool {
    body["status"] == status && body["detail"].as_str().is_some_and(|detail| !detail.is_empty())
}

#[test]
fn a_page_in_a_browser_and_a_form_are_refused() {
    let (cloud, fleet) = started();
    let json = "Content-Type: application/json\r\n";
    for (headers, expected) in [
        (format!("{json}Origin: http://evil.example\r\n"), 403),
        (format!("{json}Origin: http://localhost\r\n"), 403),
        (format!("{json}Sec-Fetch-Site: cross-site\r\n"), 403),
        ("Content-Type: text/plain\r\n".to_owned(), 415),
        ("Content-Type: application/x-www-form-urlencoded\r\n".to_owned(), 415),
        (String::new(), 415),
        (format!("{json}{}", "X-More: 1\r\n".repeat(100)), 431),
    ] {
        let (status, body) = put(&fleet, &headers, r#"{"count":3}"#);
        assert_eq!(status, expected, "{headers}: {body}");
        assert!(is_problem(&body, expected), "{body}");
    }
    let preflight = "OPTIONS /v1/types/default/desired HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                     Origin: http://evil.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n";
    assert_eq!(raw(&fleet, preflight).0, 403);
    assert_ne!(fleet.default_type()["desired"], 3, "none of them said anything");
    assert!(cloud.report().created.is_empty());
}

#[test]
fn a_body_of_a_gibibyte_is_refused_without_being_read() {
    let (_cloud, fleet) = started();
    let head =
        "PUT /v1/types/default/desired HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    // Said beforehand: refused before the first byte of it.
    let (status, body) = raw(&fleet, &format!("{head}Content-Length: {GIB}\r\n\r\n"));
    assert!(status == 413 && body.contains("16384"), "{status} {body}");
    // Not said: refused once it is too much.
    let mut stream = connect(&fleet);
    stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).expect("it reads");
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    let mut sent = 0_u64;
    while sent < GIB && stream.write_all(chunk.as_bytes()).is_ok() {
        sent += 0x1_0000;
    }
    assert!(sent < GIB / 16, "{sent} bytes were taken");
    assert_eq!(fleet.tell(&["status"]).code, Some(0));
}

#[test]
fn another_user_of_the_machine_may_not_open_the_socket() {
    let (_cloud, mut fleet) = started();
    let socket = fleet.path().join("dynservers.sock");
    assert_eq!(std::fs::metadata(&socket).expect("it is there").mode() & 0o777, 0o600);
    if rustix::process::geteuid().is_root() {
        // Others may reach it, so that its mode alone stands in their way.
        std::fs::set_permissions(fleet.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("ours");
        let as_other = |group: u32| {
            let script = format!(
                "import os, socket, sys\nos.setgroups([{group}])\nos.setgid({group})\nos.setuid(54321)\n\
                 try:\n    socket.socket(socket.AF_UNIX).connect(sys.argv[1])\n\
                 except PermissionError:\n    sys.exit(13)\n"
            );
            Told::by(Command::new("python3").args(["-c", &script]).arg(&socket)).code
        };
        assert_eq!(as_other(54_321), Some(13));
        fleet.stop();
        fleet.reconfigure(|text| format!("{text}\n[api]\nmode = \"0660\"\ngroup = \"54321\"\n"));
        fleet.start();
        let found = std::fs::metadata(&socket).expect("it is there");
        assert_eq!((found.mode() & 0o777, found.gid()), (0o660, 54_321));
        assert_eq!(as_other(54_321), Some(0), "it is in the group");
        assert_eq!(as_other(54_322), Some(13));
    }
    fleet.stop();
    fleet.reconfigure(|text| {
        let text = text.split("\n[api]").next().expect("there is always a first part").to_owned();
        format!("{text}\n[api]\nmode = \"0660\"\ngroup = \"nobody here has this name\"\n")
    });
    let told = fleet.tell(&["run"]);
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.err.contains("api.group"), "{}", told.err);
}

#[test]
fn those_who_are_slow_hold_nobody_up() {
    let (cloud, fleet) = started();
    let slow: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = connect(&fleet);
            stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").expect("it reads");
            stream
        })
        .collect();
    let listen = |count: usize| -> Vec<UnixStream> {
        let listen =
            "GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: 0\r\n\r\n";
        let begin = |_| {
            let mut stream = connect(&fleet);
            stream.write_all(listen.as_bytes()).expect("it reads");
            stream
        };
        (0..count).map(begin).collect()
    };
    // A hundred that never read, and one that does.
    let idle = listen(100);
    let mut keen = listen(1).pop().expect("one");
    fleet.reach(10);
    fleet.reach(0);
    let mut heard = String::new();
    eventually("it hears of all of it", || {
        let mut bytes = [0; 4096];
        let length = keen.read(&mut bytes).expect("it goes on");
        heard.push_str(&String::from_utf8_lossy(&bytes[..length]));
        (heard.matches("event: deleted\n").count() == 10).then_some(())
    });
    let (status, metrics) = raw(&fleet, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(status == 200 && metrics.contains("dynservers_api_listeners 101\n"), "{metrics}");
    assert_eq!(fleet.agrees(&cloud).created.len(), 10);
    drop((slow, idle));
}

#[test]
fn a_wrong_host_and_a_missing_token_are_refused_on_a_port() {
    let cloud = Cloud::start(100);
    let fleet = Fleet::new("workers", &cloud);
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let port = port.expect("there is a port").port();
    fleet.reconfigure(|text| format!("{text}\n[api]\nlisten = \"127.0.0.1:{port}\"\n"));
    let mut daemon = fleet.command().arg("run").stderr(Stdio::null()).spawn().expect("it starts");
    let token = fleet.path().join("dynservers.db.token");
    let ask = |host: &str, token: &str| {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        let mut text = String::new();
        let request = format!(
            "GET /v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        (&stream).write_all(request.as_bytes()).ok()?;
        (&stream).read_to_string(&mut text).ok()?;
        text.split(' ').nth(1)?.parse::<u16>().ok()
    };
    let token = eventually("the daemon answers on its port", || {
        let token = std::fs::read_to_string(&token).ok()?.trim().to_owned();
        (ask("localhost", &token) == Some(200)).then_some(token)
    });
    let statuses = [ask("evil.example", &token), ask("localhost", "0"), ask("localhost", &token)];
    daemon.kill().expect("it is ours");
    daemon.wait().expect("it is ours");
    assert_eq!(statuses, [Some(421), Some(401), Some(200)]);
}

#[test]
fn readiness_and_a_server_are_told_and_pauses_hold() {
    let (cloud, fleet) = started();
    fleet.reach(1);
    let get = |path: &str| {
        let (status, body) =
            raw(&fleet, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        (status, serde_json::from_str::<Value>(&body).unwrap_or(Value::Null))
    };
    let post = |path: &str, body: &Value| {
        let body = body.to_string();
        let (status, told) = raw(
            &fleet,
            &format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        );
        assert_eq!(status, 200, "{path}: {told}");
    };
    assert_eq!(get("/readyz").0, 200);
    let id = fleet.list()[0]["id"].clone();
    assert_eq!(get(&format!("/v1/servers/{id}")).1["status"], "running");
    assert_eq!(get("/v1/servers/4000").0, 404);
    post("/v1/pause", &json!({"out": true}));
    assert_eq!((&fleet.status()["paused_out"], &fleet.status()["paused_in"]), (&true.into(), &false.into()));
    fleet.ensure(2);
    fleet.looks(2);
    assert_eq!(cloud.report().created.len(), 1, "nothing is created meanwhile");
    post("/v1/resume", &json!({"out": true}));
    fleet.settles_at(2);
    cloud.set(&json!({"faults": [{"fault": "unauthorized"}]}));
    let told = eventually("it is not ready without credentials", || {
        let (status, told) = get("/readyz");
        (status == 503).then_some(told)
    });
    assert!(
        told["reasons"][0].as_str().is_some_and(|reason| reason.contains("does not let us in")),
        "{told}"
    );
}
