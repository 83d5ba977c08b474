//! Servers that fail: created in error, broken later, healed by themselves, stuck for a while.

use dynservers_tests::{Cloud, Fleet, calls, eventually};
use dynservers_upcloud::emulator::{Call, State};
use serde_json::json;

const QUICK: &str = r#"
poll_interval = "100ms"
resync_interval = "300ms"
hanging_after = "2m"
failed_retention = "1s"
"#;

/// Keeps a failed server for longer than any test takes.
const PATIENT: &str = r#"
poll_interval = "100ms"
resync_interval = "300ms"
hanging_after = "2m"
failed_retention = "1h"
"#;

fn fleet(cloud: &Cloud, timing: &str) -> Fleet {
    let mut fleet = Fleet::configured("workers", cloud, timing, "", "max = 10");
    fleet.start();
    fleet
}

#[test]
fn servers_that_come_up_in_error_are_replaced_and_deleted() {
    let settings = json!({"create-error-every": 3, "durations": {"notice": 0, "hard-stop": 0}});
    let cloud = Cloud::with(100, &settings);
    let fleet = fleet(&cloud, QUICK);
    fleet.ensure(4);
    fleet.settles_at(4);
    let report = fleet.agrees(&cloud);
    let failed = report.created.len() - 4;
    assert_eq!(failed, 1, "the third of five");
    assert_eq!((report.deleted.len(), fleet.events("errored")), (failed, failed));
    assert_eq!(report.deleted[0].uuid, report.created[2].uuid);
    assert!(report.peak <= 5, "one stand-in at a time: {}", report.peak);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.servers.len(), report.deleted.len()), (0, report.created.len()));
}

#[test]
fn a_server_that_breaks_is_replaced_and_after_its_retention_deleted() {
    let cloud = Cloud::with(100, &json!({"durations": {"notice": 0, "hard-stop": 0}}));
    let fleet = fleet(&cloud, QUICK);
    fleet.reach(2);
    let broken = fleet.running().remove(0);
    cloud.act(&broken, &json!({"action": "error"}));
    eventually("the broken server is gone", || cloud.find(&broken).is_none().then_some(()));
    fleet.settles_at(2);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (3, 1, 3));
    assert_eq!((fleet.events_of("errored", &broken), fleet.events_of("deleted", &broken)), (1, 1));
}

#[test]
fn a_broken_server_that_heals_is_taken_back_and_its_stand_in_goes() {
    let cloud = Cloud::start(100);
    let fleet = fleet(&cloud, PATIENT);
    fleet.reach(2);
    let ids = fleet.running();
    cloud.act(&ids[0], &json!({"action": "error"}));
    eventually("a stand-in runs beside it", || {
        (fleet.count("errored") == 1 && fleet.count("running") == 2).then_some(())
    });
    cloud.act(&ids[0], &json!({"action": "clear-error"}));
    fleet.settles_at(2);
    assert_eq!(fleet.running(), ids, "the two from before");
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (3, 1, 3));
    assert_eq!(report.deleted[0].uuid, report.created[2].uuid);
}

#[test]
fn a_failed_server_may_be_kept_for_somebody_to_look_at() {
    let cloud = Cloud::with(100, &json!({"durations": {"notice": 0, "hard-stop": 0}}));
    let mut fleet = Fleet::configured("workers", &cloud, QUICK, "", "max = 10\non_failed = \"keep\"");
    fleet.start();
    fleet.reach(1);
    let broken = fleet.running().remove(0);
    cloud.act(&broken, &json!({"action": "error"}));
    eventually("a stand-in runs beside it", || {
        (fleet.count("errored") == 1 && fleet.count("running") == 1).then_some(())
    });
    fleet.looks(3);
    let report = fleet.agrees(&cloud);
    assert_eq!((cloud.server(&broken).state, report.deleted.len()), (State::Error, 0));
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).servers.len(), 0);
}

#[test]
fn a_create_that_is_stuck_for_a_while_costs_one_extra_server_and_is_taken_back() {
    let settings = json!({
        "create-stuck-every": 3,
        "create-stuck-millis": 500_000,
        "durations": {"create": 1_000, "spread-percent": 0},
    });
    let cloud = Cloud::with(100, &settings);
    let timing = r#"
poll_interval = "100ms"
resync_interval = "300ms"
hanging_after = "2s"
failed_retention = "1h"
"#;
    let fleet = fleet(&cloud, timing);
    fleet.ensure(3);
    eventually("a stand-in runs beside the stuck one", || {
        (fleet.count("hanging") == 1 && fleet.count("running") == 3).then_some(())
    });
    let stuck = cloud.report().created[2].uuid.clone();
    assert_eq!(cloud.server(&stuck).state, State::Maintenance);
    assert_eq!(fleet.events_of("hanging", &stuck), 1);
    fleet.settles_at(3);
    assert!(fleet.running().contains(&stuck), "it was taken back");
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (4, 1, 4));
}

#[test]
fn a_guest_that_ignores_its_shutdown_is_forced() {
    let cloud = Cloud::start(100);
    let fleet = fleet(&cloud, QUICK);
    fleet.reach(2);
    cloud.set(&json!({"guests": "ignore-shutdown"}));
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.deleted.len(), calls(&report, Call::Stop)), (2, 2), "one call each");
}

#[test]
fn a_stop_that_was_accepted_and_forgotten_is_asked_for_again_and_hard() {
    let settings = json!({"durations": {"create": 1_000, "spread-percent": 0}});
    let cloud = Cloud::with(100, &settings);
    let timing = r#"
poll_interval = "100ms"
resync_interval = "300ms"
hanging_after = "1s"
failed_retention = "1h"
"#;
    let fleet = fleet(&cloud, timing);
    fleet.reach(1);
    cloud.set(&json!({"faults": [{"on": "stop", "fault": "empty-body", "times": 1}]}));
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.deleted.len(), calls(&report, Call::Stop)), (1, 2));
}
