//! Servers on this machine, as real processes.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dynservers_core::{Completion, Effect, Executor, FleetName, Time};
use dynservers_http::SystemSecrets;
use dynservers_local::{Local, Settings, guard};
use dynservers_sim::conformance::{ExecutorSubject, check_executor};
use serde_json::{Value, json};

/// Two snapshots: one whose program ends when it is asked to, and one whose program does not.
struct Snapshots(tempfile::TempDir);

impl Snapshots {
    fn new() -> Self {
        let snapshots = Self(tempfile::tempdir().unwrap());
        snapshots.write("obedient", "exec sleep 1000");
        snapshots.write("stubborn", "trap '' TERM; while :; do sleep 0.05; done");
        snapshots
    }

    fn write(&self, name: &str, script: &str) {
        let start = self.path(name).join("start");
        fs::create_dir(self.path(name)).unwrap();
        fs::write(&start, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&start, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A provider in a directory that goes with it.
struct Here {
    local: Local,
    _directory: tempfile::TempDir,
}

impl Executor for Here {
    fn execute(&self, effect: &Effect) -> Completion {
        self.local.execute(effect)
    }
}

impl ExecutorSubject for Snapshots {
    type Executor = Here;

    fn executor(&self, fleet: FleetName, clock: Arc<dyn Fn() -> Time + Send + Sync>) -> Here {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            fleet,
            directory: directory.path().join("home"),
            guard: guard_command(),
            log_limit: 1024 * 1024,
            clock,
        };
        Here { local: Local::new(settings, Arc::new(SystemSecrets)).unwrap(), _directory: directory }
    }

    fn spec(&self) -> Value {
        json!({ "snapshot": self.path("obedient") })
    }

    fn stubborn_spec(&self) -> Option<Value> {
        Some(json!({ "snapshot": self.path("stubborn") }))
    }
}

/// This very program with the arguments by which it becomes a guard.
fn guard_command() -> Vec<OsString> {
    let program = std::env::current_exe().unwrap().into_os_string();
    let arguments = ["this_program_becomes_a_guard", "--exact", "--nocapture", "--quiet"];
    [program].into_iter().chain(arguments.into_iter().map(Into::into)).collect()
}

#[test]
fn this_program_becomes_a_guard() {
    let directory = std::env::args_os().next_back().unwrap();
    // Alone as a test, its last argument is no server's directory, and nothing is started.
    let error = guard::run(Path::new(&directory)).unwrap_err();
    if std::env::var_os("DYNSERVERS_SERVER_TOKEN").is_some() {
        eprintln!("{error}");
        std::process::exit(127);
    }
}

#[test]
fn servers_on_this_machine_pass() {
    let report = check_executor(&Snapshots::new()).unwrap();
    println!("{report}");
}
