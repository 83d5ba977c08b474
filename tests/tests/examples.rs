//! The library's examples, run as a reader would run them: against a cloud, to their end.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dynservers_tests::{Cloud, Process, Told, eventually};
use serde_json::{Value, json};

/// Gives an example that was built beside the tests, to be run against this cloud.
fn example(name: &str, cloud: &Cloud) -> Command {
    let tests = std::env::current_exe().expect("a test has a path");
    let program: Option<PathBuf> = tests.ancestors().nth(2).map(|target| target.join("examples").join(name));
    let program = program.filter(|path| path.exists());
    let mut command = Command::new(program.expect("the examples are not built: run `cargo xtask test`"));
    command.env("UPCLOUD_TOKEN", "any").env("UPCLOUD_API_URL", cloud.url()).env("SPEED", "100");
    command.env_remove("UPCLOUD_USERNAME").env_remove("UPCLOUD_PASSWORD");
    command
}

/// Runs the reference's program: thirty minutes of waiting, and a server for every ten.
fn works_its_queue_off(name: &str) {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}}));
    let told = Told::by(&mut example(name, &cloud));
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    let lines: Vec<&str> = told.out.lines().map(str::trim).collect();
    assert!(lines.contains(&"running  dynamic-server-default-1"), "{}", told.out);
    assert!(lines.iter().any(|line| line.starts_with("deleted")), "{}", told.out);
    assert!(lines.contains(&"the queue is empty, and so is the fleet: 0 servers"), "{}", told.out);
    let report = cloud.report();
    assert_eq!((report.servers.len(), report.disks_left.len()), (0, 0));
    assert_eq!((report.created.len(), report.peak), (3, 3), "a server for every ten minutes");
}

#[test]
fn on_tokio() {
    works_its_queue_off("tokio");
}

#[test]
fn on_async_std() {
    works_its_queue_off("async_std");
}

#[test]
fn on_threads() {
    works_its_queue_off("blocking");
}

#[test]
fn in_a_web_app() {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}}));
    let mut command = example("web_app", &cloud);
    command.env("LISTEN", "127.0.0.1:0").stdout(Stdio::piped());
    let mut app = Process::spawn(&mut command);
    let mut lines = BufReader::new(app.output()).lines();
    let line = lines.next().expect("it says where it listens").expect("it speaks");
    let base = line.strip_prefix("listening on ").expect("it says where it listens").to_owned();
    let show = || -> Value {
        let body = ureq::get(format!("{base}/workers")).call().expect("it shows its workers");
        serde_json::from_str(&body.into_body().read_to_string().expect("text")).expect("JSON")
    };
    assert_eq!(show()["servers"], json!([]));
    let put = ureq::put(format!("{base}/workers/2")).send_empty().expect("it takes a wish");
    let answer: Value = serde_json::from_str(&put.into_body().read_to_string().expect("text")).expect("JSON");
    assert_eq!(answer, json!({"requested": 2, "desired": 2}));
    eventually("both run", || (show()["counts"]["running"] == 2).then_some(()));
    let servers = show()["servers"].clone();
    assert_eq!(servers[0]["name"], "dynamic-server-default-1");
    assert!(servers[0]["ip"].is_string(), "{servers}");
    app.interrupt();
    assert_eq!(lines.next().expect("it says that it ends").expect("it speaks"), "ended");
    assert_eq!(cloud.report().servers.len(), 2, "servers stay");
}

#[test]
fn a_test_of_your_app() {
    let told = Told::by(&mut example("test_your_app", &Cloud::start(1)));
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    assert_eq!(told.out, "  0 jobs wait:  1 servers\n 95 jobs wait: 10 servers\n 20 jobs wait:  3 servers\n");
}

#[test]
fn on_this_machine() {
    let told = Told::by(&mut example("local", &Cloud::start(1)));
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    assert_eq!(told.out, "dynamic-server-default-1 is running\ndynamic-server-default-2 is running\n");
}
