//! Events carried to a receiver of the user's: signed as anybody can check, at least once, in order for each server, past
//! a receiver that is down and a daemon that is killed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use dynservers_tests::{Fleet, Receiver, Request, eventually};
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver's check, written from the Standard Webhooks specification and nothing of ours: prints a line for each
/// delivery.
const CHECK: &str = r#"
import base64, hashlib, hmac, json, sys
key = base64.b64decode(sys.argv[1].removeprefix("whsec_"))
seen, now = set(), None
for delivery in json.load(sys.stdin):
    now = delivery["now"]
    stamp, body = delivery["timestamp"], delivery["body"].encode()
    signed = delivery["id"].encode() + b"." + stamp.encode() + b"." + body
    right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    if not any(hmac.compare_digest(one, right) for one in delivery["signature"].split(" ")):
        print("forged")
    elif abs(now - int(stamp)) > 300:
        print("old")
    elif delivery["id"] in seen:
        print("repeated")
    else:
        seen.add(delivery["id"])
        print("good")
"#;

fn fleet(hook: &str) -> Fleet {
    let fleet = Fleet::local("max = 6");
    fleet.reconfigure(|text| format!("{text}\n[[hooks]]\nname = \"told\"\ntimeout = \"3s\"\n{hook}"));
    fleet
}

fn web(receiver: &Receiver) -> Fleet {
    let fleet = fleet(&format!("url = \"{}/hook\"\nsecret = {{ file = \"secret\" }}\n", receiver.url()));
    std::fs::write(fleet.path().join("secret"), SECRET).expect("the directory is ours");
    fleet
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).expect("a delivery is JSON")
}

/// Gives the names of a server's events, in the order in which they arrived first.
fn told_of(events: &[Value], server: u64) -> Vec<String> {
    let mut seen = Vec::new();
    for event in events.iter().filter(|event| event["server"] == server) {
        let one = (event["id"].clone(), event["event"].as_str().unwrap_or_default().to_owned());
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen.into_iter().map(|(_, name)| name).collect()
}

/// What a server tells that is made, runs and is removed.
const LIFE: [&str; 6] = ["creating", "running", "stopping", "stopped", "deleting", "deleted"];

/// Waits until the whole life of so many servers was told, in order.
fn all_told(events: impl Fn() -> Vec<Value>, servers: u64) -> Vec<Value> {
    eventually("all was told", || {
        let events = events();
        let is_whole = |server| told_of(&events, server).last().is_some_and(|name| name == "deleted");
        (1..=servers).all(is_whole).then_some(events)
    })
}

fn in_order(events: &[Value], servers: u64) {
    for server in 1..=servers {
        assert_eq!(told_of(events, server), LIFE, "server {server}");
    }
    let mut last = BTreeMap::new();
    for event in events.iter().filter(|event| !event["server"].is_null()) {
        let id = event["id"].as_u64().expect("events are numbered");
        let before = last.insert(event["server"].as_u64(), id).unwrap_or_default();
        assert!(id >= before, "event {id} of a server after its event {before}");
    }
}

fn checked(deliveries: &Value) -> Vec<String> {
    let mut python = Command::new("python3");
    let python = python.args(["-c", CHECK, SECRET]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().expect("python3 is there");
    let mut input = python.stdin.take().expect("its input is a pipe");
    input.write_all(deliveries.to_string().as_bytes()).expect("it reads");
    drop(input);
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn delivery(request: &Request) -> Value {
    let header = |name| request.header(name).expect("a delivery is signed").to_owned();
    let timestamp = header("webhook-timestamp");
    let now: u64 = timestamp.parse().expect("seconds");
    json!({
        "id": header("webhook-id"), "timestamp": timestamp, "signature": header("webhook-signature"),
        "body": String::from_utf8_lossy(&request.body), "now": now,
    })
}

#[test]
fn deliveries_are_signed_as_anybody_can_check_and_nothing_else_passes() {
    let receiver = Receiver::start(|_| (204, String::new()));
    let mut fleet = web(&receiver);
    fleet.start();
    fleet.reach(2);
    fleet.reach(0);
    let events = all_told(|| receiver.requests().iter().map(body).collect(), 2);
    in_order(&events, 2);
    let requests = receiver.requests();
    assert!(requests.iter().all(|request| request.method == "POST" && request.path == "/hook"));
    assert!(events.iter().all(|event| event["fleet"] == "workers" && event["at"].is_string()), "{events:?}");
    let deliveries: Vec<Value> = requests.iter().map(delivery).collect();
    assert_eq!(checked(&json!(deliveries)), vec!["good"; deliveries.len()]);

    let good = &deliveries[0];
    let altered = |key: &str, value: Value| {
        let mut delivery = good.clone();
        delivery[key] = value;
        delivery
    };
    let late = good["now"].as_u64().expect("seconds") + 301;
    let younger = late.to_string();
    let mut renewed = altered("now", late.into());
    renewed["timestamp"] = younger.into();
    let tampered = [
        altered("body", good["body"].as_str().expect("text").replace("workers", "w0rkers").into()),
        altered("id", "another".into()),
        altered("signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into()),
        renewed,
        altered("now", late.into()),
        good.clone(),
        good.clone(),
    ];
    let verdicts = ["forged", "forged", "forged", "forged", "old", "good", "repeated"];
    assert_eq!(checked(&json!(tampered)), verdicts);
    assert!(!fleet.log().contains(SECRET) && !fleet.log().contains("MfKQ9r8G"), "the secret is in the log");
    assert!(fleet.stop().success());
}

#[test]
fn a_receiver_that_was_down_is_told_everything_afterwards() {
    let receiver = Receiver::start(|_| (503, "later".to_owned()));
    let mut fleet = web(&receiver);
    fleet.start();
    fleet.reach(1);
    eventually("it was tried", || (!receiver.requests().is_empty()).then_some(()));
    receiver.answer(|_| (0, String::new()));
    fleet.reach(0);
    fleet.reach(1);
    let tried = receiver.requests().len();
    eventually("it was tried again", || (receiver.requests().len() > tried).then_some(()));
    receiver.answer(|_| (200, String::new()));
    fleet.reach(0);
    let heard = || receiver.requests()[tried..].iter().map(body).collect::<Vec<_>>();
    in_order(&all_told(heard, 2), 2);
    assert!(fleet.stop().success());
}

#[test]
fn a_daemon_that_is_killed_between_loses_no_event() {
    let receiver = Receiver::start(|_| (204, String::new()));
    let mut fleet = web(&receiver);
    fleet.start();
    for round in 0..4_usize {
        let before = receiver.requests().len();
        fleet.ensure(if round % 2 == 0 { 2 } else { 0 });
        eventually("something was told", || (receiver.requests().len() > before + round).then_some(()));
        fleet.kill();
        fleet.start();
    }
    fleet.reach(0);
    fleet.vanishes();
    let last = fleet.must(&["list", "--all", "--json"]);
    let made = serde_json::from_str::<Vec<Value>>(&last).expect("JSON").len() as u64;
    assert!(made >= 2, "{last}");
    let events = all_told(|| receiver.requests().iter().map(body).collect(), made);
    for server in 1..=made {
        let told = told_of(&events, server);
        assert_eq!(
            (told.first().map(String::as_str), told.last().map(String::as_str)),
            (Some("creating"), Some("deleted"))
        );
    }
    // The numbers of events have no gaps, so that a lost one would show.
    let mut ids: Vec<u64> = events.iter().filter_map(|event| event["id"].as_u64()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.windows(2).all(|two| two[1] == two[0] + 1), "an event was never told: {ids:?}");
    let deliveries: Vec<Value> = receiver.requests().iter().map(delivery).collect();
    let forged = checked(&json!(deliveries)).iter().filter(|verdict| *verdict == "forged").count();
    assert_eq!(forged, 0);
}

#[test]
fn a_program_gets_each_event_as_its_input() {
    let mut fleet = fleet("command = [\"./told\"]\n");
    // Each line in one write, since the events of two servers are told at the same time.
    fleet.script(
        "told",
        "#!/bin/sh\nprintf '%s\\n' \"$(cat)\" >> told.jsonl\necho \"$DYNSERVERS_EVENT $DYNSERVERS_FLEET\" >> names\n",
    );
    fleet.start();
    fleet.reach(2);
    fleet.reach(0);
    let read = |name: &str| std::fs::read_to_string(fleet.path().join(name)).unwrap_or_default();
    let events = all_told(
        || read("told.jsonl").lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
        2,
    );
    in_order(&events, 2);
    assert!(events.iter().all(|event| event["fleet"] == "workers"));
    let names = read("names");
    assert!(LIFE.iter().all(|name| names.contains(&format!("{name} workers"))), "{names}");
    assert!(fleet.stop().success());
}

#[test]
fn only_what_was_asked_for_is_told() {
    let receiver = Receiver::start(|_| (204, String::new()));
    let mut fleet = web(&receiver);
    fleet.reconfigure(|text| format!("{text}events = [\"deleted\"]\n"));
    fleet.start();
    fleet.reach(1);
    fleet.reach(0);
    eventually("it was told", || (!receiver.requests().is_empty()).then_some(()));
    fleet.looks(2);
    let names: Vec<Value> = receiver.requests().iter().map(|request| body(request)["event"].take()).collect();
    assert_eq!(names, ["deleted"]);
}
