//! Creates that listings show late, with lost replies on top: waited for, found, never doubled.

use dynservers_tests::{Cloud, Fleet, WATCHFUL, calls};
use dynservers_upcloud::emulator::Call;
use serde_json::json;

/// The emulator's listings lag by 20 of its seconds: a tenth of a real one, within what is configured.
const PROVIDER: &str = "request_timeout = \"700ms\"\nlist_lag = \"400ms\"\n";

fn lives_with(faults: &serde_json::Value) -> Fleet {
    let cloud = Cloud::with(200, &json!({"list-lag-millis": 20_000, "faults": faults}));
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, PROVIDER, "max = 20");
    fleet.start();
    fleet.reach(6);
    fleet.settles_at(6);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (6, 6), "nothing is made twice");
    fleet.ensure(8);
    fleet.kill();
    fleet.start();
    fleet.reach(8);
    fleet.settles_at(8);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (8, 8), "nor after a crash");
    assert!(calls(&report, Call::Create) >= 8);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.deleted.len(), report.servers.len()), (8, 0));
    assert_eq!(fleet.events("orphan_found"), 0, "every lost one was found by its token");
    fleet
}

#[test]
fn lost_replies_and_late_listings_double_nothing() {
    let fleet = lives_with(&json!([{"on": "create", "fault": "lost", "every": 2}]));
    let is_lost = |line: &str| line.contains("op=\"create\"") && line.contains("outcome=\"lost\"");
    assert!(fleet.log().lines().any(is_lost), "none was lost");
}

#[test]
fn hung_replies_and_late_listings_double_nothing() {
    let _fleet = lives_with(&json!([{"on": "create", "fault": "hang", "every": 3}]));
}

#[test]
fn creates_that_never_arrived_are_made_once_more() {
    let cloud = Cloud::with(
        200,
        &json!({
            "list-lag-millis": 20_000,
            "faults": [{"on": "create", "fault": "refused", "every": 2, "times": 2}],
        }),
    );
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, PROVIDER, "max = 20");
    fleet.start();
    fleet.reach(4);
    fleet.settles_at(4);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak, calls(&report, Call::Create)), (4, 4, 6));
}
