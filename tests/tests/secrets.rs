//! What was told in confidence is sent to the provider and shows nowhere else: not in a file, a log, an answer or a message.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use dynservers_tests::{Cloud, Fleet, Loop, TIMING, Told, eventually};
use serde_json::json;
use tempfile::TempDir;

const TOKEN: &str = "ucat_hunter2AAtoken";
const PASSWORD: &str = "hunter2BBpassword";
/// `robot:hunter2BBpassword` as it is sent.
const BASIC: &str = "cm9ib3Q6aHVudGVyMkJCcGFzc3dvcmQ=";
/// Contains what no line of it may show by itself.
const SCRIPT: &str = "#!/bin/sh\nexport QUEUE_PASSWORD=hunter2CCqueue\n";
const KEY: &str = "ssh-ed25519 AAAAhunter2DDkey worker";
const LABEL: &str = "hunter2EElabel";
const PLAN: &str = "hunter2FFplan";

/// Every text of which no trace may be found.
const SECRETS: [&str; 7] =
    ["hunter2AA", "hunter2BB", BASIC, "hunter2CC", "hunter2DD", "hunter2EE", "hunter2FF"];

/// A fleet whose secrets come from the environment and from files beside its directory.
struct Confidant {
    cloud: Cloud,
    fleet: Fleet,
    outside: TempDir,
}

impl Confidant {
    fn new() -> Self {
        Self::on(Loop::Told)
    }

    fn on(carrier: Loop) -> Self {
        let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}}));
        let outside = TempDir::with_prefix("dynservers-test-").expect("there is a temporary directory");
        std::fs::write(outside.path().join("worker.sh"), SCRIPT).expect("the directory is ours");
        std::fs::write(outside.path().join("key.pub"), KEY).expect("the directory is ours");
        let server_type = format!(
            "max = 20\nuser_data_file = \"{0}/worker.sh\"\nssh_keys = [{{ file = \"{0}/key.pub\" }}]\n\
             labels = {{ team = {{ env = \"TEST_LABEL\" }} }}\n\
             configuration = {{ plan = {{ env = \"TEST_PLAN\" }} }}\n",
            outside.path().display()
        );
        let fleet = Fleet::configured("workers", &cloud, TIMING, "", &server_type).on(carrier);
        Self { cloud, fleet, outside }
    }

    /// Makes a command that is in on everything and logs all it does.
    fn command(&self, plan: &str) -> Command {
        let mut command = self.fleet.command();
        command.env("TEST_TOKEN", TOKEN).env("TEST_PASSWORD", PASSWORD).env("TEST_USERNAME", "robot");
        command.env("TEST_LABEL", LABEL).env("TEST_PLAN", plan).env("RUST_LOG", "trace");
        command
    }

    fn start(&mut self, plan: &str) {
        let mut command = self.command(plan);
        self.fleet.start_as(command.arg("run"));
    }

    fn tell(&self, arguments: &[&str]) -> Told {
        Told::by(self.command(PLAN).args(arguments))
    }

    /// Asks for everything that can be asked for, and looks for secrets in it and in every file.
    #[track_caller]
    fn keeps_quiet(&self) {
        for arguments in
            [&["list", "--all"][..], &["list", "--all", "--json"], &["status"], &["status", "--json"]]
        {
            let told = self.tell(arguments);
            assert_eq!(told.code, Some(0), "{told:?}");
            is_clean(told.out.as_bytes(), "an answer");
            is_clean(told.err.as_bytes(), "the log of a command");
        }
        let files = walk(self.fleet.path());
        assert!(files.iter().any(|(name, _)| name == "dynservers.db"), "the store was searched");
        assert!(
            files.iter().any(|(name, bytes)| name == "daemon.log" && has(bytes, "TRACE")),
            "so was the log"
        );
        for (name, bytes) in files {
            is_clean(&bytes, &name);
        }
    }

    /// Asks the daemon without a client between.
    fn api(&self, path: &str) -> Vec<u8> {
        let socket = self.fleet.path().join("dynservers.sock");
        let mut stream = UnixStream::connect(socket).expect("the daemon listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        answer
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[track_caller]
fn is_clean(bytes: &[u8], what: &str) {
    for secret in SECRETS {
        let Some(at) = bytes.windows(secret.len()).position(|window| window == secret.as_bytes()) else {
            continue;
        };
        let from = at.saturating_sub(300);
        panic!("{secret} shows in {what}: {}", String::from_utf8_lossy(&bytes[from..at + secret.len()]));
    }
}

/// Gives every file of a directory, by name.
fn walk(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).expect("the directory is ours");
    let paths = entries.map(|entry| entry.expect("it is readable").path()).filter(|path| path.is_file());
    paths
        .map(|path| {
            (
                path.file_name().expect("a file has a name").to_string_lossy().into_owned(),
                std::fs::read(&path).expect("it is readable"),
            )
        })
        .collect()
}

#[test]
fn a_fleet_that_comes_and_goes_gives_nothing_away() {
    let mut confidant = Confidant::new();
    confidant.start("1xCPU-1GB");
    confidant.fleet.reach(3);
    assert!(
        confidant.cloud.servers("workers").iter().all(|server| server.labels["team"] == LABEL),
        "it is sent"
    );
    for path in ["/v1/servers", "/v1/status", "/v1/nothing"] {
        is_clean(&confidant.api(path), path);
    }
    confidant.keeps_quiet();
    confidant.cloud.set(&json!({"faults": [{"fault": "unauthorized"}]}));
    eventually("the token is refused", || (confidant.fleet.provider()["denied"] == true).then_some(()));
    confidant.keeps_quiet();
    confidant.cloud.heal();
    confidant.fleet.reach(1);
    assert!(confidant.fleet.stop().success());
    confidant.keeps_quiet();
    let report = confidant.fleet.agrees(&confidant.cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (3, 2, 3));
}

/// ureq, which also calls hooks and asks sources, writes down every byte that it sends where everything is logged.
#[test]
fn a_client_that_writes_down_what_it_sends_is_not_heard() {
    let mut confidant = Confidant::on(Loop::Threads);
    confidant.start("1xCPU-1GB");
    confidant.fleet.reach(1);
    confidant.keeps_quiet();
    assert!(confidant.fleet.log().contains("ureq::run"), "nothing else of it is kept back");
    confidant.fleet.ends_well();
}

#[test]
fn an_error_that_repeats_a_secret_is_told_without_it() {
    let mut confidant = Confidant::new();
    confidant.start(PLAN);
    confidant.fleet.ensure(2);
    // The provider's words are "The plan .. does not exist.", with the secret in their midst.
    eventually("the create is refused", || (confidant.fleet.count("errored") > 0).then_some(()));
    let list = confidant.tell(&["list"]);
    assert!(list.out.contains("[redacted]") && list.out.contains("does not exist"), "{}", list.out);
    let told = confidant.tell(&["ensure", "2", "--wait", "--timeout", "1s"]);
    assert_eq!(told.code, Some(4), "{told:?}");
    is_clean(told.err.as_bytes(), "a command that fails");
    is_clean(&confidant.api("/v1/servers"), "/v1/servers");
    confidant.keeps_quiet();
    assert!(confidant.fleet.agrees(&confidant.cloud).created.is_empty());
}

#[test]
fn a_secret_that_cannot_be_read_is_told_by_its_name() {
    let mut confidant = Confidant::new();
    confidant.start("1xCPU-1GB");
    std::fs::remove_file(confidant.outside.path().join("key.pub")).expect("the directory is ours");
    confidant.fleet.ensure(1);
    eventually("the create comes to nothing", || (confidant.fleet.count("errored") > 0).then_some(()));
    let list = confidant.tell(&["list"]);
    assert!(list.out.contains("key.pub"), "{}", list.out);
    confidant.keeps_quiet();
    assert!(confidant.fleet.agrees(&confidant.cloud).created.is_empty());
}

#[test]
fn a_password_shows_neither_as_it_is_nor_as_it_is_sent() {
    let mut confidant = Confidant::new();
    confidant.fleet.reconfigure(|text| {
        let named = "username = { env = \"TEST_USERNAME\" }\npassword = { env = \"TEST_PASSWORD\" }";
        text.replace("token = { env = \"TEST_TOKEN\" }", named)
    });
    confidant.start("1xCPU-1GB");
    confidant.fleet.reach(1);
    confidant.keeps_quiet();
    assert_eq!(confidant.fleet.agrees(&confidant.cloud).peak, 1);
}
