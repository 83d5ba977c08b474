//! A clone of 45 minutes in fast time: one extra server the first time, and none once it is learned.

use dynservers_tests::{Cloud, Fleet};
use serde_json::json;

/// The reference's times, a thousand times as fast: hanging after 10 minutes, given up after 2 hours.
const TIMING: &str = r#"
poll_interval = "50ms"
resync_interval = "300ms"
hanging_after = "600ms"
create_deadline = "7200ms"
failed_retention = "3600ms"
"#;

fn slow_cloud() -> (Cloud, Fleet) {
    let cloud = Cloud::with(1_000, &json!({"durations": {"create": 2_700_000, "spread-percent": 0}}));
    let mut fleet = Fleet::configured("workers", &cloud, TIMING, "", "max = 20");
    fleet.start();
    (cloud, fleet)
}

#[test]
fn a_slow_clone_costs_one_extra_server_once() {
    let (cloud, fleet) = slow_cloud();
    fleet.reach(1);
    fleet.settles_at(1);
    let report = fleet.agrees(&cloud);
    let first = report.created[0].uuid.clone();
    assert_eq!(fleet.running(), [first], "the first is taken back, its stand-in goes");
    assert_eq!((report.created.len(), fleet.events("hanging") >= 1), (2, true));
    fleet.reach(0);
    fleet.settles_at(0);
    let hanging = fleet.events("hanging");
    fleet.reach(2);
    fleet.settles_at(2);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), fleet.events("hanging")), (4, hanging), "it is learned");
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 4);
}

#[test]
fn three_slow_clones_at_once_cost_one_extra_server() {
    let (cloud, fleet) = slow_cloud();
    fleet.reach(3);
    fleet.settles_at(3);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (4, 4));
    let mut first: Vec<String> = report.created[..3].iter().map(|created| created.uuid.clone()).collect();
    let mut running = fleet.running();
    first.sort();
    running.sort();
    assert_eq!(running, first);
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 4);
}
