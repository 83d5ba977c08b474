//! Servers on this machine whose ledger was lost, or is another one: nobody is stopped, nobody is made twice.

use std::fs;
use std::path::{Path, PathBuf};

use dynservers_tests::{Fleet, eventually, is_alive};
use serde_json::Value;

fn fleet_of(count: u32, provider: &str) -> Fleet {
    let mut fleet = Fleet::local("max = 8");
    fleet.reconfigure(|text| text.replace("kind = \"local\"", &format!("kind = \"local\"\n{provider}")));
    fleet.start();
    fleet.reach(count);
    fleet.at_work(count as usize);
    fleet
}

fn database(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory is ours").flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains("dynservers.db"))
        .collect()
}

fn delete_database(fleet: &Fleet) {
    for file in database(fleet.path()).into_iter().filter(|file| file.is_file()) {
        fs::remove_file(file).expect("the file is ours");
    }
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

/// The same processes as before, each alive.
fn same_workers(fleet: &Fleet, begun: &[i32]) {
    assert_eq!(fleet.at_work(begun.len()), begun);
}

#[test]
fn a_deleted_ledger_holds_its_servers_until_takeover() {
    let mut fleet = fleet_of(3, "");
    let (ids, begun) = (sorted(fleet.running()), fleet.workers());
    assert!(fleet.stop().success());
    delete_database(&fleet);
    fleet.start();
    eventually("they are held", || (fleet.default_type()["held"] == 3).then_some(()));
    assert!(fleet.alarms("takeover"));
    assert!(fleet.must(&["status"]).contains("3 of other owners held"));
    fleet.reach(3);
    fleet.ensure(0);
    fleet.looks(2);
    same_workers(&fleet, &begun);
    assert!(fleet.list().is_empty());
    fleet.reach(3);
    assert!(fleet.must(&["takeover"]).contains("3 servers taken over"));
    fleet.settles_at(3);
    assert_eq!(sorted(fleet.running()), ids);
    same_workers(&fleet, &begun);
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_ledger_that_is_lost_where_that_is_expected_adopts_its_servers() {
    let mut fleet = fleet_of(3, "other_owner = \"takeover\"");
    let (ids, begun) = (sorted(fleet.running()), fleet.workers());
    fleet.kill();
    delete_database(&fleet);
    fleet.start();
    fleet.settles_at(3);
    fleet.looks(2);
    assert_eq!(sorted(fleet.running()), ids);
    same_workers(&fleet, &begun);
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_ledger_restored_from_an_older_copy_finds_its_servers_again() {
    let mut fleet = fleet_of(1, "");
    assert!(fleet.stop().success());
    let files = database(fleet.path());
    let copy: Vec<_> = files.iter().map(|file| (file, fs::read(file).expect("ours"))).collect();
    fleet.start();
    fleet.reach(4);
    let (ids, begun) = (sorted(fleet.running()), fleet.at_work(4));
    fleet.kill();
    delete_database(&fleet);
    for (file, content) in copy {
        fs::write(file, content).expect("the directory is ours");
    }
    fleet.start();
    fleet.settles_at(4);
    fleet.looks(2);
    assert_eq!((sorted(fleet.running()), fleet.events("ledger_restored")), (ids, 1));
    assert_eq!(fleet.default_type()["desired"], Value::Null, "what was wanted since is not known");
    same_workers(&fleet, &begun);
    fleet.reach(0);
    fleet.vanishes();
}

#[test]
fn a_second_controller_with_a_ledger_of_its_own_holds_and_is_noticed() {
    let mut first = fleet_of(2, "");
    let begun = first.workers();
    let mut second = Fleet::local("max = 8");
    let shared = first.path().join("dynservers.local");
    second.reconfigure(|text| {
        text.replace("kind = \"local\"", &format!("kind = \"local\"\ndirectory = \"{}\"", shared.display()))
    });
    second.start();
    eventually("the second one holds them", || (second.default_type()["held"] == 2).then_some(()));
    second.ensure(0);
    second.looks(2);
    assert!(second.alarms("belong to another ledger"));
    same_workers(&first, &begun);
    second.reach(3);
    eventually("the first one notices", || first.alarms("another controller").then_some(()));
    assert_eq!(first.running().len(), 2, "and leaves it alone");
    let theirs = second.running();
    assert_eq!(theirs.len(), 1, "the held ones count");
    first.looks(2);
    assert_eq!(second.running(), theirs);
    second.ensure(0);
    second.settles_at(0);
    first.reach(3);
    first.settles_at(3);
    assert!(begun.iter().all(|worker| is_alive(*worker)));
    drop(second);
    first.reach(0);
    first.vanishes();
    assert!(first.stop().success());
}
