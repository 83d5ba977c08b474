//! `kill -9` between any two requests, again and again: nothing is lost, doubled, or too many.

use dynservers_tests::{Cloud, Fleet, TIMING, eventually};
use dynservers_upcloud::emulator::Report;
use serde_json::json;

/// Two requests at a time, so that there is something to be killed in the midst of.
const NARROW: &str = "request_timeout = \"500ms\"\nconcurrency = 2\n";

/// Answers take a while, and of those to what changes something each fourth or so is lost.
fn cloud() -> Cloud {
    let lost = |on, every| json!({"on": on, "fault": "lost", "every": every});
    let durations =
        json!({"spread-percent": 0, "create-answer": 3_000, "delete-answer": 3_000, "answer": 1_000});
    let faults = [lost("create", 4), lost("stop", 5), lost("delete", 4)];
    Cloud::with(100, &json!({"durations": durations, "faults": faults}))
}

/// Numbers that look drawn and are the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides + 1
    }
}

/// Kills the daemon and starts it again, so many times, each time after a few more requests.
fn torment(fleet: &mut Fleet, cloud: &Cloud, dice: &mut Dice, times: u32) {
    for _ in 0..times {
        let enough = cloud.report().requests + dice.throw(8);
        eventually("a few more requests", || (cloud.report().requests >= enough).then_some(()));
        fleet.kill();
        fleet.start();
    }
}

fn ends_well(fleet: &Fleet, cloud: &Cloud, servers: usize) -> Report {
    fleet.reach(u32::try_from(servers).expect("few"));
    fleet.settles_at(servers);
    let report = fleet.agrees(cloud);
    assert_eq!(report.created.len() - report.deleted.len(), servers);
    report
}

#[test]
fn a_daemon_killed_while_it_grows_goes_on() {
    let cloud = cloud();
    let others = cloud.others(2, &json!({"dynservers-fleet": "others"}));
    let mut fleet = Fleet::configured("workers", &cloud, TIMING, NARROW, "max = 20");
    fleet.start();
    fleet.ensure(20);
    torment(&mut fleet, &cloud, &mut Dice(1), 5);
    let report = ends_well(&fleet, &cloud, 20);
    assert_eq!((report.created.len(), report.peak_by_fleet["workers"]), (20, 20));
    cloud.unharmed(&others);
}

#[test]
fn a_daemon_killed_while_it_shrinks_goes_on() {
    let cloud = cloud();
    let others = cloud.others(2, &json!({"dynservers-fleet": "others"}));
    let mut fleet = Fleet::configured("workers", &cloud, TIMING, NARROW, "max = 20");
    fleet.start();
    fleet.reach(12);
    fleet.ensure(1);
    torment(&mut fleet, &cloud, &mut Dice(2), 5);
    let report = ends_well(&fleet, &cloud, 1);
    assert_eq!((report.created.len(), report.peak_by_fleet["workers"]), (12, 12));
    cloud.unharmed(&others);
}

#[test]
fn a_daemon_killed_while_it_changes_its_mind_ends_where_it_was_sent_last() {
    let cloud = cloud();
    let mut fleet = Fleet::configured("workers", &cloud, TIMING, NARROW, "max = 20");
    fleet.start();
    let mut dice = Dice(3);
    for count in [10, 2, 8, 0, 5] {
        fleet.ensure(count);
        torment(&mut fleet, &cloud, &mut dice, 1);
    }
    let report = ends_well(&fleet, &cloud, 5);
    assert!(report.peak_by_fleet["workers"] <= 10, "{}", report.peak_by_fleet["workers"]);
    ends_well(&fleet, &cloud, 0);
}
