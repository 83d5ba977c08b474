//! Workers on this machine that misbehave: they crash, resist, freeze, are killed, or were never there.

use std::fs;

use dynservers_tests::{Fleet, eventually, is_alive};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Says who it is, and does not end when asked to.
const STUBBORN: &str =
    "#!/bin/sh\ntrap '' TERM\necho $$ > pid.new && mv pid.new pid\nwhile :; do sleep 1; done\n";

fn pid(process: i32) -> Pid {
    Pid::from_raw(process).expect("a process has an id")
}

fn fleet_of(count: u32, server_type: &str) -> (Fleet, Vec<i32>) {
    let mut fleet = Fleet::local(server_type);
    fleet.start();
    fleet.reach(count);
    let begun = fleet.at_work(count as usize);
    (fleet, begun)
}

fn replaced(fleet: &Fleet, gone: i32, count: usize) {
    eventually("another worker is at work", || {
        let workers = fleet.workers();
        let is_whole = workers.len() == count && workers.iter().all(|worker| is_alive(*worker));
        (is_whole && !workers.contains(&gone)).then_some(())
    });
    fleet.settles_at(count);
}

#[test]
fn servers_that_crash_at_once_are_made_again_more_and_more_slowly() {
    let mut fleet = Fleet::local("max = 4");
    fleet.script("worker/start", "#!/bin/sh\necho 'no queue in sight' >&2\nexit 7\n");
    fleet.start();
    fleet.ensure(2);
    eventually("creates wait", || fleet.must(&["status"]).contains("the next one is tried").then_some(()));
    fleet.looks(4);
    let made = fleet.events("creating");
    assert!((1..=6).contains(&made), "made as fast as they crash: {made}");
    eventually("what crashed is gone", || fleet.places().is_empty().then_some(()));
    let status = fleet.must(&["status"]);
    let ended = fleet.path().join("dynservers.local/ended");
    assert!(status.contains("servers ended by themselves soon after they were made, the first"), "{status}");
    assert!(status.contains(&format!("What they said last is in {}", ended.display())), "{status}");
    let log = fs::read_dir(&ended).expect("logs are kept").flatten().next().expect("there is one").path();
    let words = fs::read_to_string(log).expect("it is ours");
    assert!(words.contains("no queue in sight") && words.contains("exited with 7"), "{words}");
    fleet.script("worker/start", dynservers_tests::WORKER);
    fleet.ensure(0);
    fleet.vanishes();
}

#[test]
fn a_program_that_does_not_exist_costs_no_more_than_a_crash() {
    let mut fleet = Fleet::local("max = 4\ncommand = [\"./not-there\"]");
    fleet.start();
    fleet.ensure(1);
    eventually("creates wait", || fleet.must(&["status"]).contains("the next one is tried").then_some(()));
    let made = fleet.events("creating");
    assert!((1..=4).contains(&made), "{made}");
    fleet.ensure(0);
    fleet.vanishes();
}

#[test]
fn a_snapshot_that_went_missing_is_told_and_waited_for() {
    let (fleet, begun) = fleet_of(1, "max = 4");
    let (there, away) = (fleet.path().join("worker"), fleet.path().join("away"));
    fs::rename(&there, &away).expect("the directory is ours");
    fleet.ensure(2);
    eventually("creates wait", || fleet.must(&["status"]).contains("the next one is tried").then_some(()));
    assert!(fleet.log().contains(&there.display().to_string()), "nobody is told what is missing");
    assert_eq!((fleet.workers(), fleet.places().len()), (begun.clone(), 1));
    fs::rename(&away, &there).expect("the directory is ours");
    fleet.reach(2);
    assert!(fleet.at_work(2).contains(&begun[0]));
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_worker_that_ignores_sigterm_is_killed() {
    let mut fleet = Fleet::local("max = 4");
    fleet.reconfigure(|text| text.replace("stop_timeout = \"5s\"", "stop_timeout = \"300ms\""));
    fleet.script("worker/start", STUBBORN);
    fleet.start();
    fleet.reach(2);
    let begun = fleet.at_work(2);
    fleet.reach(1);
    fleet.settles_at(1);
    assert_eq!(begun.iter().filter(|worker| is_alive(**worker)).count(), 1);
    fleet.reach(0);
    fleet.vanishes();
    assert!(!begun.iter().any(|worker| is_alive(*worker)));
}

#[test]
fn a_worker_that_is_frozen_is_stopped_all_the_same() {
    let (fleet, begun) = fleet_of(2, "max = 4");
    fleet.reconfigure(|text| text.replace("stop_timeout = \"5s\"", "stop_timeout = \"300ms\""));
    let mut fleet = fleet;
    fleet.kill();
    fleet.start();
    for worker in &begun {
        kill_process_group(pid(*worker), Signal::STOP).expect("the worker is ours");
    }
    fleet.looks(3);
    assert_eq!(fleet.running().len(), 2, "a frozen worker is one that runs");
    fleet.reach(0);
    fleet.vanishes();
    assert!(!begun.iter().any(|worker| is_alive(*worker)));
}

#[test]
fn a_worker_killed_from_outside_is_replaced_and_the_others_stay() {
    let (fleet, begun) = fleet_of(3, "max = 4");
    kill_process_group(pid(begun[1]), Signal::KILL).expect("the worker is ours");
    replaced(&fleet, begun[1], 3);
    let workers = fleet.workers();
    assert!(workers.contains(&begun[0]) && workers.contains(&begun[2]));
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_worker_killed_while_nobody_looks_is_replaced_by_the_next_daemon() {
    let (mut fleet, begun) = fleet_of(2, "max = 4");
    fleet.kill();
    kill_process(pid(begun[0]), Signal::KILL).expect("the worker is ours");
    kill_process_group(pid(begun[0]), Signal::KILL).ok();
    fleet.start();
    replaced(&fleet, begun[0], 2);
    assert!(fleet.workers().contains(&begun[1]));
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn after_a_reboot_of_the_machine_nobody_s_process_is_taken_for_a_server() {
    let (mut fleet, begun) = fleet_of(2, "max = 4");
    fleet.kill();
    // A reboot ends them all, and their numbers go to others.
    for worker in &begun {
        kill_process_group(pid(*worker), Signal::KILL).expect("the worker is ours");
    }
    eventually("they are gone", || (!begun.iter().any(|worker| is_alive(*worker))).then_some(()));
    let mut foreign = std::process::Command::new("sleep").arg("600").spawn().expect("sleep is there");
    for place in fleet.places() {
        let path = place.join("process.json");
        let text = fs::read_to_string(&path).expect("the process was written down");
        let mut process: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        process["boot"] = "00000000-0000-0000-0000-000000000000".into();
        process["pid"] = foreign.id().into();
        fs::write(&path, process.to_string()).expect("the directory is ours");
    }
    fleet.start();
    eventually("others are at work", || {
        let workers = fleet.workers();
        let is_whole = workers.len() == 2 && workers.iter().all(|worker| is_alive(*worker));
        (is_whole && !workers.iter().any(|worker| begun.contains(worker))).then_some(())
    });
    fleet.settles_at(2);
    fleet.reach(0);
    fleet.vanishes();
    assert!(foreign.try_wait().expect("it is ours").is_none(), "a foreign process was signalled");
    foreign.kill().expect("it is ours");
    foreign.wait().expect("it is ours");
}

#[test]
fn a_reboot_starts_each_worker_again_in_its_place() {
    let (fleet, begun) = fleet_of(2, "max = 4");
    let ids = fleet.running();
    fleet.must(&["reboot", "--wait", "--timeout", "60s"]);
    let again = eventually("each was started again", || {
        let workers = fleet.workers();
        let is_new = workers.iter().all(|worker| is_alive(*worker) && !begun.contains(worker));
        (workers.len() == 2 && is_new).then_some(workers)
    });
    fleet.settles_at(2);
    assert_eq!((fleet.running(), fleet.workers()), (ids, again));
    assert!(!begun.iter().any(|worker| is_alive(*worker)));
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_rolling_reboot_never_takes_two_at_once() {
    let (fleet, begun) = fleet_of(3, "max = 4");
    let (status, told) = fleet.say("POST", "/v1/types/default/reboot", &serde_json::json!({"at_a_time": 1}));
    assert_eq!(status, 200, "{told}");
    eventually("each was started again", || {
        let workers = fleet.workers();
        assert!(workers.iter().filter(|worker| is_alive(**worker)).count() >= 2, "two were down at once");
        let is_new = workers.iter().all(|worker| is_alive(*worker) && !begun.contains(worker));
        (workers.len() == 3 && is_new).then_some(())
    });
    fleet.settles_at(3);
    assert_eq!(fleet.events("rebooting"), 3);
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn what_was_never_made_tells_why_it_was_not() {
    let mut fleet = Fleet::local("max = 1\ncommand = [\"./start\"]");
    fleet.start();
    fs::remove_dir_all(fleet.path().join("worker")).expect("it is ours");
    fleet.ensure(1);
    eventually("the create failed", || (fleet.events("create_refused") > 0).then_some(()));
    let status = fleet.must(&["status"]);
    assert!(status.contains("creates failed, the first") && status.contains("worker"), "{status}");
    fleet.ensure(0);
    let told = eventually("it is gone", || {
        let events = fleet.must(&["events", "--json"]);
        let mut events =
            events.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        events.rfind(|event| event["event"] == "deleted")
    });
    assert!(told["why"].is_null(), "{told}");
    assert!(told["failure"]["message"].as_str().is_some_and(|words| words.contains("worker")), "{told}");
}
