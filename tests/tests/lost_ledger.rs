//! A ledger that is deleted, or restored from an older copy: nobody is stopped, nothing is doubled, all are found.

use std::path::PathBuf;

use dynservers_tests::{Cloud, Fleet, WATCHFUL, calls, eventually};
use dynservers_upcloud::emulator::{Call, Report};
use serde_json::{Value, json};

/// A grace of less than a second for orphans, and for a fleet at rest a look as often.
const PROVIDER: &str = "request_timeout = \"700ms\"\nlist_lag = \"200ms\"\n";

fn fleet(cloud: &Cloud, provider: &str) -> Fleet {
    let mut fleet =
        Fleet::configured("workers", cloud, WATCHFUL, &format!("{PROVIDER}{provider}"), "max = 20");
    fleet.start();
    fleet
}

/// The files of the database: itself, its log and its lock.
fn database(fleet: &Fleet) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fleet.path()).expect("the directory is ours");
    let paths = entries.map(|entry| entry.expect("the directory is ours").path());
    paths.filter(|path| path.to_string_lossy().contains("dynservers.db")).collect()
}

fn delete_database(fleet: &Fleet) {
    let files = database(fleet);
    assert!(!files.is_empty());
    for file in files {
        std::fs::remove_file(file).expect("the file is ours");
    }
}

fn copy_database(fleet: &Fleet) -> Vec<(PathBuf, Vec<u8>)> {
    database(fleet).into_iter().map(|file| (file.clone(), std::fs::read(file).expect("ours"))).collect()
}

fn restore_database(fleet: &Fleet, copy: &[(PathBuf, Vec<u8>)]) {
    delete_database(fleet);
    for (file, content) in copy {
        std::fs::write(file, content).expect("the directory is ours");
    }
}

/// Nobody was stopped, rebooted or deleted.
fn nobody_was_touched(report: &Report) {
    let touched = [Call::Stop, Call::Restart, Call::Delete].map(|call| calls(report, call));
    assert_eq!((touched, report.deleted.len()), ([0; 3], 0));
}

#[test]
fn a_deleted_ledger_holds_its_servers_until_takeover() {
    let cloud = Cloud::start(200);
    let mut fleet = fleet(&cloud, "");
    fleet.reach(3);
    let ids = fleet.running();
    assert!(fleet.stop().success());
    delete_database(&fleet);
    fleet.start();
    eventually("they are held", || (fleet.default_type()["held"] == 3).then_some(()));
    assert_eq!(fleet.default_type()["desired"], Value::Null);
    assert!(fleet.alarms("takeover"));
    fleet.must(&["ensure", "3", "--wait", "--timeout", "90s"]);
    fleet.looks(2);
    fleet.ensure(0);
    fleet.looks(2);
    let report = cloud.report();
    assert_eq!((report.created.len(), fleet.list().len()), (3, 0));
    nobody_was_touched(&report);
    fleet.must(&["ensure", "3", "--wait", "--timeout", "90s"]);
    assert!(fleet.must(&["takeover"]).contains("3 servers taken over"));
    fleet.settles_at(3);
    let mut found = fleet.running();
    found.sort();
    let mut known = ids;
    known.sort();
    assert_eq!(found, known);
    assert_eq!(fleet.agrees(&cloud).created.len(), 3);
    fleet.reach(4);
    assert!(fleet.stop().success());
    fleet.start();
    fleet.settles_at(4);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (4, 4, 4));
}

#[test]
fn a_deleted_ledger_takes_its_servers_over_by_itself_where_that_is_configured() {
    let cloud = Cloud::start(200);
    let mut fleet = fleet(&cloud, "other_owner = \"takeover\"\n");
    fleet.reach(3);
    let ids = fleet.running();
    fleet.kill();
    delete_database(&fleet);
    fleet.start();
    fleet.settles_at(3);
    assert_eq!(fleet.running(), ids);
    fleet.looks(2);
    assert_eq!((fleet.running(), fleet.events("disowned")), (ids, 0));
    let report = fleet.agrees(&cloud);
    assert_eq!(report.created.len(), 3);
    nobody_was_touched(&report);
    fleet.reach(4);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (4, 4, 4));
}

#[test]
fn a_ledger_restored_from_an_older_copy_finds_its_servers_again() {
    let cloud = Cloud::start(200);
    let mut fleet = fleet(&cloud, "");
    let (ids, copy) = go_on_after_a_copy(&mut fleet);
    restore_database(&fleet, &copy);
    fleet.start();
    fleet.settles_at(5);
    fleet.looks(2);
    assert_eq!((fleet.running(), fleet.events("ledger_restored")), (ids, 1));
    assert_eq!(fleet.default_type()["desired"], Value::Null, "what was wanted since is not known");
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (5, 5));
    nobody_was_touched(&report);
    // The number goes on from what was found, and no number of a server is used twice.
    fleet.must(&["increase", "--wait", "--timeout", "90s"]);
    assert_eq!(fleet.default_type()["desired"], 6);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (6, 6, 6));
}

#[test]
fn a_command_said_at_once_counts_although_the_ledger_was_restored() {
    let cloud = Cloud::start(200);
    let mut fleet = fleet(&cloud, "");
    let (ids, copy) = go_on_after_a_copy(&mut fleet);
    restore_database(&fleet, &copy);
    fleet.start();
    fleet.reach(5);
    fleet.settles_at(5);
    assert_eq!((fleet.running(), fleet.agrees(&cloud).created.len()), (ids, 5));
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 5);
}

#[test]
fn servers_deleted_since_the_copy_are_made_again_as_the_copy_wants_them() {
    let cloud = Cloud::start(200);
    let mut fleet = fleet(&cloud, "");
    fleet.reach(4);
    assert!(fleet.stop().success());
    let copy = copy_database(&fleet);
    fleet.start();
    fleet.reach(2);
    fleet.settles_at(2);
    let ids = fleet.running();
    assert!(fleet.stop().success());
    restore_database(&fleet, &copy);
    fleet.start();
    eventually("the loss is known", || (fleet.events("deleted") == 4).then_some(()));
    fleet.settles_at(4);
    let report = fleet.agrees(&cloud);
    assert_eq!((fleet.running()[..2].to_vec(), report.created.len(), report.deleted.len()), (ids, 6, 2));
    assert_eq!(report.peak, 4);
}

#[test]
fn orphans_are_deleted_where_that_is_configured() {
    let cloud = Cloud::start(200);
    let mut fleet = fleet(&cloud, "orphans = \"delete\"\n");
    let (ids, copy) = go_on_after_a_copy(&mut fleet);
    let others = cloud.others(2, &json!({"dynservers-fleet": "other", "dynservers-owner": "me"}));
    restore_database(&fleet, &copy);
    fleet.start();
    eventually("the orphans are gone", || (cloud.servers("workers").len() == 2).then_some(()));
    fleet.settles_at(2);
    assert_eq!(fleet.running(), ids[..2], "those of the copy stay");
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (5, 3, 7));
    cloud.unharmed(&others);
}

#[test]
fn orphans_are_reported_and_left_alone_where_that_is_configured() {
    let cloud = Cloud::start(200);
    let mut fleet = fleet(&cloud, "orphans = \"report\"\n");
    let (ids, copy) = go_on_after_a_copy(&mut fleet);
    let orphans: Vec<_> = ids[2..].iter().map(|id| cloud.server(id)).collect();
    restore_database(&fleet, &copy);
    fleet.start();
    eventually("an operator is told", || fleet.alarms("3 servers bear our labels").then_some(()));
    fleet.reach(5);
    fleet.looks(2);
    assert_eq!((fleet.running(), cloud.report().created.len()), (ids[..2].to_vec(), 5));
    fleet.ensure(0);
    fleet.comes_to(0);
    fleet.looks(2);
    cloud.unharmed(&orphans);
    let report = fleet.agrees_beside(&cloud, "workers", &ids[2..]);
    assert_eq!((report.deleted.len(), report.servers.len()), (2, 3));
}

/// Two servers, a copy of the ledger, three more servers; then the daemon is stopped.
fn go_on_after_a_copy(fleet: &mut Fleet) -> (Vec<String>, Vec<(PathBuf, Vec<u8>)>) {
    fleet.reach(2);
    assert!(fleet.stop().success());
    let copy = copy_database(fleet);
    fleet.start();
    fleet.reach(5);
    let ids = fleet.running();
    assert!(fleet.stop().success());
    (ids, copy)
}
