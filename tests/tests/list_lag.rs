//! Creates that listings show late, with lost replies on top: waited for, found, never doubled.

use dynservers_tests::trials::{self, LAGGING};
use dynservers_tests::{Cloud, Fleet, Loop, WATCHFUL, calls};
use dynservers_upcloud::emulator::Call;
use serde_json::json;

#[test]
fn lost_replies_and_late_listings_double_nothing() {
    let fleet = trials::list_lag(Loop::Told, &json!([{"on": "create", "fault": "lost", "every": 2}]));
    let is_lost = |line: &str| line.contains("op=\"create\"") && line.contains("outcome=\"lost\"");
    assert!(fleet.log().lines().any(is_lost), "none was lost");
}

#[test]
fn hung_replies_and_late_listings_double_nothing() {
    let _fleet = trials::list_lag(Loop::Told, &json!([{"on": "create", "fault": "hang", "every": 3}]));
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
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, LAGGING, "max = 20");
    fleet.start();
    fleet.reach(4);
    fleet.settles_at(4);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak, calls(&report, Call::Create)), (4, 4, 6));
}
