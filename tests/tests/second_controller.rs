//! A second daemon for the same fleet, with a database of its own: it holds, and the first one notices it.

use dynservers_tests::{Cloud, Fleet, WATCHFUL, calls, eventually};
use dynservers_upcloud::emulator::Call;

fn fleet(cloud: &Cloud) -> Fleet {
    let mut fleet = Fleet::configured("workers", cloud, WATCHFUL, "", "max = 10");
    fleet.start();
    fleet
}

#[test]
fn a_second_daemon_holds_and_does_nothing() {
    let cloud = Cloud::start(200);
    let first = fleet(&cloud);
    first.reach(2);
    let ids = first.running();
    let second = fleet(&cloud);
    eventually("the second one holds them", || (second.default_type()["held"] == 2).then_some(()));
    second.must(&["ensure", "2", "--wait", "--timeout", "90s"]);
    second.must(&["reboot", "--wait", "--timeout", "90s"]);
    second.ensure(0);
    second.looks(3);
    assert!(second.alarms("belong to another ledger"));
    let report = first.agrees(&cloud);
    assert_eq!((first.running(), second.list().len(), report.created.len()), (ids, 0, 2));
    let touched = [Call::Stop, Call::Restart, Call::Delete].map(|call| calls(&report, call));
    assert_eq!(touched, [0; 3]);
    first.reach(0);
    first.settles_at(0);
    eventually("nothing is held any more", || (second.default_type()["held"] == 0).then_some(()));
    assert_eq!(second.agrees(&cloud).servers.len(), 0);
}

#[test]
fn the_first_daemon_notices_what_a_second_one_makes() {
    let cloud = Cloud::start(200);
    let first = fleet(&cloud);
    first.reach(2);
    let ids = first.running();
    let second = fleet(&cloud);
    eventually("the second one holds them", || (second.default_type()["held"] == 2).then_some(()));
    second.reach(3);
    let theirs = second.running();
    assert_eq!(theirs.len(), 1, "the held ones count");
    eventually("the first one notices", || first.alarms("another controller").then_some(()));
    first.ensure(5);
    first.looks(3);
    assert_eq!((first.running(), cloud.report().created.len()), (ids.clone(), 3), "nothing is created");
    // What the first one lets go no longer stands in for what the second one wants.
    second.ensure(1);
    first.ensure(1);
    eventually("what it has, it may let go", || (first.list().len() == 1).then_some(()));
    assert_eq!(second.running(), theirs);
    // Once the second one is gone, the first goes on by itself.
    second.reach(0);
    second.settles_at(0);
    first.reach(3);
    first.settles_at(3);
    eventually("there is no alarm", || (!first.alarms("another controller")).then_some(()));
    assert_eq!(first.events("second_controller"), 1);
    let report = first.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (5, 3));
    drop(second);
    first.reach(0);
    first.settles_at(0);
    assert_eq!(first.agrees(&cloud).deleted.len(), 5);
}

#[test]
fn the_first_daemon_finds_what_a_second_one_made_while_it_was_away() {
    let cloud = Cloud::start(200);
    let mut first = fleet(&cloud);
    first.reach(2);
    let ids = first.running();
    first.kill();
    let mut second = fleet(&cloud);
    eventually("the second one holds them", || (second.default_type()["held"] == 2).then_some(()));
    second.reach(4);
    let theirs = second.running();
    assert!(second.stop().success());
    first.start();
    eventually("they are held", || (first.default_type()["held"] == 2).then_some(()));
    first.looks(2);
    assert_eq!(first.running(), ids);
    assert!(first.must(&["takeover"]).contains("2 servers taken over"));
    // Two are wanted, and the oldest go first.
    first.settles_at(2);
    let report = first.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len()), (4, 2));
    assert!(first.running().iter().all(|id| ids.contains(id) || theirs.contains(id)));
    first.reach(0);
    first.settles_at(0);
    assert_eq!(first.agrees(&cloud).deleted.len(), 4);
}
