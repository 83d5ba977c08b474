//! The snippets of the documentation, run as they stand against a real daemon.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use dynservers_tests::{Cloud, Fleet, Told, eventually, free_port, is_installed};
use serde_json::Value;

const DOCUMENTATION: &str = include_str!("../../docs/api.md");

fn snippets(language: &str) -> Vec<String> {
    dynservers_tests::snippets(DOCUMENTATION, language)
}

fn socket(fleet: &Fleet) -> PathBuf {
    fleet.path().join("dynservers.sock")
}

/// Runs a snippet, and gives what it says.
fn run(interpreter: &str, snippet: &str, fleet: &Fleet, variables: &[(&str, &str)]) -> String {
    let file = fleet.path().join("snippet");
    std::fs::write(&file, snippet).expect("the directory is ours");
    let mut command = Command::new(interpreter);
    command.arg(&file).env("DYNSERVERS_SOCKET", socket(fleet)).stdin(Stdio::null());
    let told = Told::by(command.envs(variables.iter().copied()));
    assert_eq!(told.code, Some(0), "{interpreter}: {told:?}\n{snippet}");
    told.out
}

/// Runs the first snippet of a language, which wants two servers, and waits until they are there.
fn wants_two(interpreter: &str, language: &str) -> (Cloud, Fleet, String) {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    let said = run(interpreter, &snippets(language)[0], &fleet, &[]);
    assert_eq!(fleet.default_type()["desired"], 2, "{said}");
    fleet.settles_at(2);
    (cloud, fleet, said)
}

#[test]
fn curl() {
    let (cloud, fleet, said) = wants_two("sh", "sh");
    assert!(said.contains("\"desired\":2") && said.contains("\"fleet\":\"workers\""), "{said}");
    let stream = run("sh", &snippets("sh")[1], &fleet, &[]);
    assert!(stream.contains("\nid: 1\n") && stream.contains("\nevent: running\n"), "{stream}");
    assert_eq!(fleet.agrees(&cloud).created.len(), 2);
}

#[test]
fn python() {
    let (_cloud, fleet, said) = wants_two("python3", "python");
    assert!(said.starts_with("2\n"), "{said}");
    let again = run("python3", &snippets("python")[0], &fleet, &[]);
    assert_eq!(again.matches("running").count(), 2, "{again}");
}

#[test]
fn python_on_a_port() {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::new("workers", &cloud);
    let port = free_port();
    // Its own command waits for a socket, so the daemon is started with one and told of the port by a second start.
    fleet.start();
    fleet.ensure(1);
    fleet.stop();
    fleet.reconfigure(|text| format!("{text}\n[api]\nlisten = \"127.0.0.1:{port}\"\n"));
    let mut daemon = fleet.command().arg("run").stderr(Stdio::null()).spawn().expect("it starts");
    eventually("the daemon listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
    let token = fleet.path().join("dynservers.db.token");
    eventually("there is a token", || token.exists().then_some(()));
    let token = token.to_string_lossy().into_owned();
    let variables = [("DYNSERVERS_TOKEN_FILE", token.as_str()), ("DYNSERVERS_PORT", &port.to_string())];
    let said = run("python3", &snippets("python")[1], &fleet, &variables);
    daemon.kill().expect("it is ours");
    daemon.wait().expect("it is ours");
    assert_eq!(said, "1\n");
}

#[test]
fn node() {
    let (_cloud, _fleet, said) = wants_two("node", "js");
    assert!(said.contains("desired: 2"), "{said}");
}

#[test]
fn php() {
    let snippet = &snippets("php")[0];
    let balance = |open, close| snippet.matches(open).count() == snippet.matches(close).count();
    assert!(balance('(', ')') && balance('{', '}') && balance('[', ']'), "{snippet}");
    if is_installed("php") {
        let (_cloud, _fleet, said) = wants_two("php", "php");
        assert_eq!(said.trim(), "2");
    }
}

#[test]
fn every_path_of_the_table_is_in_the_daemons_own_description() {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    let curl = "curl --silent --fail --unix-socket \"$DYNSERVERS_SOCKET\" http://localhost/v1/openapi.json";
    let document: Value = serde_json::from_str(&run("sh", curl, &fleet, &[])).expect("it is JSON");
    for path in document["paths"].as_object().expect("paths").keys() {
        let last = path.rsplit('/').next().expect("a path has a last part");
        assert!(DOCUMENTATION.contains(path) || DOCUMENTATION.contains(&format!("`{last}`")), "{path}");
    }
}
