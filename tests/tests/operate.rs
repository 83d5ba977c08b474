//! What an operator does to a daemon, and what a daemon does that cannot go on: exit codes, messages, nothing lost.

use std::process::Command;

use dynservers_tests::{Cloud, Fleet, TIMING, Told, calls, eventually};
use dynservers_upcloud::emulator::Call;
use serde_json::json;

/// Runs a command whose files may not grow beyond some hundred KiB: to write more is an error, as on a disk that is full.
const FULL_DISK: &str = "trap '' XFSZ; ulimit -f 800; exec \"$@\"";

fn exact() -> Cloud {
    Cloud::with(100, &json!({"durations": {"spread-percent": 0}}))
}

/// Refuses a start: the code, the words, and that nothing came of it.
#[track_caller]
fn is_refused_whole(fleet: &Fleet, cloud: &Cloud, command: &mut Command, words: &[&str]) {
    let told = Told::by(command.arg("run"));
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(words.iter().all(|words| told.err.contains(words)), "{}", told.err);
    let files = std::fs::read_dir(fleet.path()).expect("the directory is ours");
    let files: Vec<_> = files.map(|file| file.expect("it is readable").file_name()).collect();
    assert_eq!(files, ["dynservers.toml"], "nothing is half started");
    assert_eq!(cloud.report().requests, 0);
}

#[test]
fn sigterm_records_what_is_in_flight_and_leaves_the_servers() {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0, "create-answer": 30_000}}));
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    fleet.ensure(30);
    eventually("creates are in flight", || (cloud.report().created.len() >= 10).then_some(()));
    assert!(fleet.stop().success());
    let created = cloud.report().created.len();
    assert!(created < 30, "nothing new was begun");
    assert_eq!(fleet.agrees(&cloud).created.len(), created, "the store knows them all");
    let told = fleet.tell(&["list"]);
    assert_eq!(told.code, Some(0));
    assert!(told.err.contains("The daemon is down."), "{}", told.err);
    assert_eq!(fleet.status()["source"], "store");
    assert_eq!(fleet.status()["types"]["default"]["desired"], 30);
    assert_eq!(cloud.servers("workers").len(), created);
    fleet.start();
    fleet.settles_at(30);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (30, 0, 30));
}

#[test]
fn a_second_ctrl_c_ends_at_once_what_the_first_one_waits_for() {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}}));
    cloud.break_each(1, "create", "hang");
    let mut fleet = Fleet::configured("workers", &cloud, TIMING, "request_timeout = \"2m\"\n", "max = 10");
    fleet.start();
    fleet.ensure(2);
    eventually("both creates hang", || (cloud.report().created.len() == 2).then_some(()));
    fleet.interrupt();
    eventually("it says that it ends", || fleet.log().contains("nothing new is begun").then_some(()));
    assert!(fleet.is_running(), "the answers are waited for");
    fleet.interrupt();
    assert_eq!(fleet.ends().code(), Some(1));
    cloud.heal();
    fleet.start();
    fleet.settles_at(2);
    assert_eq!(fleet.agrees(&cloud).created.len(), 2);
}

#[test]
fn a_daemon_whose_disk_is_full_ends_and_its_servers_are_found_again() {
    let cloud = exact();
    let mut fleet = Fleet::new("workers", &cloud);
    let daemon = fleet.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", FULL_DISK, "sh"]).arg(daemon.get_program()).args(daemon.get_args()).arg("run");
    shell.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("RUST_LOG", "warn");
    fleet.start_as(&mut shell);
    let mut wanted = 0;
    eventually("the disk is full", || {
        wanted = (wanted + 20) % 80;
        // Refused once the daemon is gone.
        let _ = fleet.tell(&["ensure", &wanted.to_string(), "--wait", "--timeout", "1s"]);
        (!fleet.is_running()).then_some(())
    });
    assert_eq!(fleet.ends().code(), Some(1));
    assert!(fleet.log().contains("the ledger could not be written"), "{}", fleet.log());
    let left = cloud.servers("workers").len();
    fleet.start();
    fleet.reach(5);
    fleet.settles_at(5);
    let report = fleet.agrees(&cloud);
    assert!(report.peak <= 60, "{}, of which {left} were left", report.peak);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!(report.created.len(), report.deleted.len());
}

#[test]
fn a_second_daemon_on_the_same_ledger_is_refused() {
    let cloud = exact();
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    fleet.reach(2);
    let second = fleet.tell(&["run"]);
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("is in use by another process"), "{}", second.err);
    assert_eq!(fleet.status()["source"], "daemon", "the first one is still there");
    fleet.reach(3);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (3, 3));
}

#[test]
fn without_a_daemon_nothing_is_changed() {
    let cloud = exact();
    let mut fleet = Fleet::new("workers", &cloud);
    for command in [&["ensure", "3"][..], &["increase"], &["reboot"], &["takeover"], &["list"], &["status"]] {
        let told = fleet.tell(command);
        assert_eq!((told.code, told.out.as_str()), (Some(3), ""), "{told:?}");
        assert!(told.err.contains("start it with `dynservers run`"), "{}", told.err);
    }
    fleet.start();
    fleet.reach(2);
    assert!(fleet.stop().success());
    assert_eq!(fleet.tell(&["ensure", "3"]).code, Some(3));
    // What it left is shown all the same, and also after it was killed.
    assert_eq!((fleet.list().len(), fleet.count("running")), (2, 2));
    fleet.start();
    fleet.kill();
    assert_eq!((fleet.list().len(), fleet.status()["source"].as_str()), (2, Some("store")));
    assert_eq!(fleet.agrees(&cloud).created.len(), 2);
}

#[test]
fn waiting_for_what_does_not_come_ends_in_time() {
    let cloud = exact();
    cloud.set(&json!({"capacity": "exhausted"}));
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    let told = fleet.tell(&["ensure", "2", "--wait", "--timeout", "1s"]);
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.out.contains("2 servers wanted") && told.err.contains("not there after 1s"), "{told:?}");
    assert_eq!(fleet.status()["types"]["default"]["desired"], 2, "it is still wanted");
    cloud.set(&json!({"capacity": "available"}));
    fleet.reach(2);
    fleet.settles_at(2);
    assert_eq!(fleet.agrees(&cloud).peak, 2);
}

#[test]
fn a_type_that_is_not_there_is_named_with_those_that_are() {
    let cloud = exact();
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    let told = fleet.tell(&["ensure", "1", "--type", "fancy"]);
    assert_eq!((told.code, told.out.as_str()), (Some(2), ""));
    assert!(told.err.contains("fancy") && told.err.contains("default"), "{}", told.err);
    let told = fleet.tell(&["ensure", "301"]);
    assert!(told.out.contains("300 servers wanted (301 is more than its max allows)"), "{told:?}");
    fleet.must(&["ensure", "0"]);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!(calls(&report, Call::Create) as usize, report.created.len());
}

#[test]
fn a_configuration_that_is_wrong_starts_nothing() {
    let cloud = exact();
    let wrong = "max = 3\nmin = 5\ncolour = \"red\"";
    let fleet = Fleet::configured("workers", &cloud, TIMING, "list_lag = \"soon\"\n", wrong);
    let words = ["dynservers.toml", "colour", "list_lag", "min", "above max = 3"];
    is_refused_whole(&fleet, &cloud, &mut fleet.command(), &words);
}

#[test]
fn credentials_that_are_missing_start_nothing() {
    let cloud = exact();
    let fleet = Fleet::new("workers", &cloud);
    let words = ["credentials are missing", "TEST_TOKEN", "is not set"];
    is_refused_whole(&fleet, &cloud, fleet.command().env_remove("TEST_TOKEN"), &words);
}
