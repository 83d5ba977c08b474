//! The receivers of the documentation, run as they stand: they act once on each event that the daemon tells, and on nothing
//! that somebody forged, altered, kept or repeated.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use dynservers_tests::{Fleet, Process, Receiver, Request, eventually, free_port, is_installed, snippets};

const DOCUMENTATION: &str = include_str!("../../docs/hooks.md");
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// What a server tells that is made, runs and is removed.
const LIFE: [&str; 6] = ["creating", "running", "stopping", "stopped", "deleting", "deleted"];

/// Signs with Python's own library, so that old deliveries can be made as the daemon would have made them.
const SIGN: &str = r#"
import base64, hmac, sys
key, signed = base64.b64decode(sys.argv[1][6:]), sys.stdin.buffer.read()
print("v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode(), end="")
"#;

fn sign(id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut python = Command::new("python3");
    let python = python.args(["-c", SIGN, SECRET]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().expect("python3 is there");
    let mut input = python.stdin.take().expect("its input is a pipe");
    input.write_all(&[id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()).expect("it reads");
    drop(input);
    let output = python.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("base64")
}

/// Sends a request on, and gives the status that is answered, or zero for none.
fn send(port: u16, request: &Request) -> u16 {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return 0 };
    let mut head =
        format!("POST /hook HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", request.body.len());
    let sent_on = request.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
    head.extend(sent_on.flat_map(|(name, value)| [name.as_str(), ": ", value.as_str(), "\r\n"]));
    head.push_str("connection: close\r\n\r\n");
    let mut answer = String::new();
    let sent = stream.write_all(&[head.as_bytes(), request.body.as_slice()].concat());
    let read = sent.and_then(|()| stream.read_to_string(&mut answer));
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    read.ok().and(status).unwrap_or(0)
}

/// A delivery with another header.
fn with(delivery: &Request, name: &str, value: &str) -> Request {
    let mut altered = delivery.clone();
    altered.headers.retain(|(key, _)| key != name);
    altered.headers.push((name.to_owned(), value.to_owned()));
    altered
}

/// A delivery that the daemon might have made so many seconds from now.
fn at(delivery: &Request, seconds: i64) -> Request {
    let header = |name| delivery.header(name).expect("a delivery is signed");
    let timestamp: i64 = header("webhook-timestamp").parse().expect("seconds");
    let timestamp = (timestamp + seconds).to_string();
    let signature = sign(header("webhook-id"), &timestamp, &delivery.body);
    with(&with(delivery, "webhook-timestamp", &timestamp), "webhook-signature", &signature)
}

/// Runs a receiver, which prints a line for each event that it acts on.
fn receives(language: &str, command: impl Fn(&Path, u16) -> Command) {
    let port = free_port();
    // Between the daemon and the receiver, so that what was told can be told again.
    let between = Receiver::start(move |request| (send(port, request), String::new()));
    let mut fleet = Fleet::local("max = 2");
    let snippet = fleet.path().join("receiver");
    fs::write(&snippet, &snippets(DOCUMENTATION, language)[0]).expect("the directory is ours");
    fs::write(fleet.path().join("secret"), SECRET).expect("the directory is ours");
    fs::create_dir(fleet.path().join("seen")).expect("the directory is ours");
    let hook = format!("url = \"{}/hook\"\nsecret = {{ file = \"secret\" }}\n", between.url());
    let events = LIFE.map(|event| format!("\"{event}\"")).join(", ");
    let hook = format!("[[hooks]]\nname = \"told\"\ntimeout = \"9s\"\nevents = [{events}]\n{hook}");
    fleet.reconfigure(|text| format!("{text}\n{hook}"));

    let acts = fleet.path().join("acts");
    let mut command = command(&snippet, port);
    let out = fs::File::create(&acts).expect("the directory is ours");
    let errors = fs::File::create(fleet.path().join("errors")).expect("the directory is ours");
    command.stdin(Stdio::null()).stdout(out).stderr(errors).env("PORT", port.to_string());
    command.env("HOOK_SECRET", SECRET).env("HOOK_SEEN", fleet.path().join("seen"));
    let process = Process::spawn(&mut command);
    eventually("the receiver listens", || TcpStream::connect(("127.0.0.1", port)).ok().map(drop));

    fleet.start();
    fleet.reach(1);
    fleet.reach(0);
    let acted =
        || fs::read_to_string(&acts).expect("it is ours").lines().map(str::to_owned).collect::<Vec<_>>();
    let wanted = LIFE.map(|event| format!("{event} 1"));
    eventually("all was told", || (acted().len() >= wanted.len()).then_some(()));
    assert!(fleet.stop().success());
    assert_eq!(acted(), wanted);
    let told = between.requests();
    let ids: BTreeSet<_> = told.iter().filter_map(|request| request.header(HEADERS[0])).collect();
    assert_eq!(ids.len(), wanted.len());

    let good = &told[0];
    let altered = String::from_utf8(good.body.clone()).expect("it is JSON").replace("workers", "w0rkers");
    let younger =
        with(&at(good, -301), "webhook-timestamp", good.header("webhook-timestamp").expect("signed"));
    let signed = good.header("webhook-signature").expect("a delivery is signed").to_owned();
    let others = format!("v0,AAAA {signed} v1,BBBB");
    let bad = [
        ("forged", with(good, "webhook-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
        ("forged in short", with(good, "webhook-signature", "v1,")),
        ("unsigned", with(good, "webhook-signature", "")),
        ("altered", Request { body: altered.into_bytes(), ..good.clone() }),
        ("of another id", with(good, "webhook-id", "workers-99-1")),
        ("old", at(good, -400)),
        ("made younger", younger),
        ("of tomorrow", at(good, 86_400)),
        ("without headers", Request { headers: Vec::new(), ..good.clone() }),
    ];
    for (what, request) in bad {
        assert_eq!(send(port, &request), 401, "{what}");
    }
    for request in [good.clone(), with(good, "webhook-signature", &others), at(good, 1)] {
        assert_eq!(send(port, &request), 204, "what comes twice is answered so that it comes no more");
    }
    assert_eq!(acted(), wanted, "nothing was done twice, and nothing for a stranger");
    drop(process);
}

#[test]
fn python() {
    receives("python", |snippet, _| {
        let mut command = Command::new("python3");
        command.arg(snippet);
        command
    });
}

#[test]
fn node() {
    receives("js", |snippet, _| {
        let mut command = Command::new("node");
        command.arg(snippet);
        command
    });
}

#[test]
fn php() {
    let snippet = &snippets(DOCUMENTATION, "php")[0];
    let balance = |open, close| snippet.matches(open).count() == snippet.matches(close).count();
    assert!(balance('(', ')') && balance('{', '}') && balance('[', ']'), "{snippet}");
    if is_installed("php") {
        receives("php", |snippet, port| {
            let mut command = Command::new("php");
            command.args(["-S", &format!("127.0.0.1:{port}")]).arg(snippet);
            command
        });
    }
}

#[test]
fn a_program() {
    let mut fleet = Fleet::local("max = 1");
    fleet.script("on-event", &snippets(DOCUMENTATION, "sh")[0]);
    fleet.reconfigure(|text| format!("{text}\n[[hooks]]\nname = \"log\"\ncommand = [\"./on-event\"]\n"));
    // Its first process runs and its end is not ours, so that a protected one counts as failed.
    fleet.start();
    fleet.reach(1);
    let server = fleet.list()[0]["id"].clone();
    fleet.must(&["protect", &server.to_string()]);
    let worker = fleet.at_work(1)[0];
    let worker = rustix::process::Pid::from_raw(worker).expect("a process has an id");
    rustix::process::kill_process_group(worker, rustix::process::Signal::KILL).expect("it is ours");
    let failures = fleet.path().join("failures.jsonl");
    let told = eventually("the failure was told", || {
        let text = fs::read_to_string(&failures).ok()?;
        serde_json::from_str::<serde_json::Value>(text.lines().next()?).ok()
    });
    assert_eq!((&told["event"], &told["server"]), (&"errored".into(), &server));
}
