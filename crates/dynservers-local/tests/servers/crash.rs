//! Crashes: a daemon is killed at any moment, and the next one finds or sweeps all that it began.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dynservers_core::{Op, Outcome, StopMode, Token};
use serde_json::json;

use crate::support::{create, execute, look, open, remove, wait_for};

const ROUNDS: u64 = 200;
/// Tells a copy of this program where to be a daemon that works until it is killed.
const HOME: &str = "TEST_DAEMON_HOME";
const SNAPSHOT: &str = "TEST_DAEMON_SNAPSHOT";

#[test]
fn this_program_becomes_a_daemon() {
    let (Some(home), Some(snapshot)) = (std::env::var_os(HOME), std::env::var_os(SNAPSHOT)) else {
        assert!(std::env::var_os("DYNSERVERS_SERVER_TOKEN").is_none(), "a server is no daemon");
        return;
    };
    let local = open(Path::new(&home), "workers");
    println!("ready!");
    let base = u128::from(std::process::id()) << 64;
    for number in 1.. {
        let spec = json!({ "snapshot": PathBuf::from(&snapshot), "command": ["sleep", "1000"] });
        let Outcome::Created(server) = execute(&local, create("workers", Token(base + number), &spec)) else {
            panic!("a create failed")
        };
        let provider_id = server.provider_id;
        match number % 4 {
            0 => continue,
            1 => {
                execute(&local, Op::Reboot { provider_id: provider_id.clone(), timeout: Duration::ZERO });
            }
            _ => {}
        }
        let mode = StopMode::Soft { timeout: Duration::from_millis(20) };
        execute(&local, Op::Stop { provider_id: provider_id.clone(), mode });
        wait_for("a delete", || {
            let outcome = execute(&local, Op::Delete { provider_id: provider_id.clone(), seen: None });
            outcome == Outcome::Accepted
        });
    }
}

#[test]
fn a_daemon_killed_at_any_moment_leaks_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (home, snapshot) = (directory.path().join("home"), directory.path().join("snapshot"));
    fs::create_dir(&snapshot).unwrap();
    for number in 0..20 {
        fs::write(snapshot.join(number.to_string()), "x").unwrap();
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut found = 0;
    for round in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        work_and_die(&home, &snapshot, Duration::from_micros((random >> 33) % 30_000));
        let local = open(&home, "workers");
        let seen = look(&local);
        found += seen.len();
        let mut names: Vec<String> = seen.iter().map(|seen| seen.provider_id.to_string()).collect();
        names.sort();
        assert_eq!(entries(&home), names, "round {round}: everything is listed or swept");
        for server in seen {
            remove(&local, &server.provider_id);
        }
        assert_eq!(entries(&home), [""; 0], "round {round}");
        #[cfg(target_os = "linux")]
        assert_eq!(processes_of(&home), [0; 0], "round {round}");
    }
    assert!(found > 20, "the daemon was never killed while it had a server: {found}");
}

/// Runs a daemon and kills it so long after it began to work.
fn work_and_die(home: &Path, snapshot: &Path, after: Duration) {
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args(["crash::this_program_becomes_a_daemon", "--exact", "--nocapture"])
        .env(HOME, home)
        .env(SNAPSHOT, snapshot)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = daemon.stdout.take().unwrap();
    let (mut said, mut buffer) = (Vec::new(), [0; 64]);
    while !said.contains(&b'!') {
        let count = output.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the daemon ended by itself: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&buffer[..count]);
    }
    // A moment of the daemon's work to die in, not something to wait for.
    thread::sleep(after);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

fn entries(home: &Path) -> Vec<String> {
    let entries = fs::read_dir(home.join("servers")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The living processes that say that they belong to a server in this directory.
#[cfg(target_os = "linux")]
fn processes_of(home: &Path) -> Vec<u32> {
    let mark = format!("DYNSERVERS_SERVER_DIR={}", home.canonicalize().unwrap().display());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes()))
        })
        .collect()
}
