//! `kill -9` between any two requests, again and again: nothing is lost, doubled, or too many.

use dynservers_tests::Loop;
use dynservers_tests::trials::{self, Storm};
use serde_json::json;

#[test]
fn a_daemon_killed_while_it_grows_goes_on() {
    trials::killed_while_it_grows(Loop::Told);
}

#[test]
fn a_daemon_killed_while_it_shrinks_goes_on() {
    let mut storm = Storm::brewing(Loop::Told, 2, 20);
    let others = storm.cloud.others(2, &json!({"dynservers-fleet": "others"}));
    storm.fleet.start();
    storm.fleet.reach(12);
    storm.fleet.ensure(1);
    storm.torment(5);
    let report = storm.ends_at(1);
    assert_eq!((report.created.len(), report.peak_by_fleet["workers"]), (12, 12));
    storm.cloud.unharmed(&others);
}

#[test]
fn a_daemon_killed_while_it_changes_its_mind_ends_where_it_was_sent_last() {
    let mut storm = Storm::brewing(Loop::Told, 3, 10);
    storm.fleet.start();
    for count in [10, 2, 8, 0, 5] {
        storm.fleet.ensure(count);
        storm.torment(1);
    }
    let report = storm.ends_at(5);
    // More than is wanted while some go and others come, and never more than may be.
    assert!(report.peak_by_fleet["workers"] <= 10, "{}", report.peak_by_fleet["workers"]);
    let _ = storm.ends_at(0);
}
