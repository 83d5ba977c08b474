//! Looks that fail or lie while servers are deleted: nothing is taken for gone, and nothing is forgotten.

use std::collections::BTreeSet;

use dynservers_tests::{Cloud, Fleet, calls, eventually};
use dynservers_upcloud::emulator::Call;
use serde_json::json;

/// Looks often even where looks fail, so that a cure is soon seen.
const WATCHFUL: &str = r#"
poll_interval = "100ms"
resync_interval = "200ms"
hanging_after = "2m"
failed_retention = "1s"
"#;

fn fleet_of(count: u32) -> (Cloud, Fleet) {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}}));
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", "max = 20");
    fleet.start();
    fleet.reach(count);
    (cloud, fleet)
}

/// Whether every living server has its row: nothing is taken for gone that is not.
#[track_caller]
fn knows_the_living(fleet: &Fleet, cloud: &Cloud) {
    let living: BTreeSet<_> = cloud.servers("workers").into_iter().map(|server| server.uuid).collect();
    let known: BTreeSet<_> =
        fleet.list().iter().filter_map(|row| row["provider_id"].as_str().map(str::to_owned)).collect();
    assert!(known.is_superset(&living), "{living:?} live, and {known:?} are known");
}

/// Goes from six to two while every look meets this fault, until `is_noticed`; then the fault is over.
#[track_caller]
fn shrink_blindly(fault: &str, is_noticed: impl Fn(&Fleet) -> bool) {
    let (cloud, fleet) = fleet_of(6);
    let others = cloud.others(2, &json!({"dynservers-fleet": "others"}));
    cloud.break_each(1, "list", fault);
    fleet.ensure(2);
    eventually("what is wrong with the looks shows", || is_noticed(&fleet).then_some(()));
    let before = cloud.report();
    let looks = || calls(&cloud.report(), Call::List);
    let enough = looks() + 3;
    eventually("more looks are tried", || (looks() >= enough).then_some(()));
    knows_the_living(&fleet, &cloud);
    let after = cloud.report();
    let changes = [Call::Create, Call::Stop, Call::Delete];
    assert_eq!(changes.map(|call| calls(&after, call)), changes.map(|call| calls(&before, call)));
    cloud.heal();
    fleet.settles_at(2);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak_by_fleet["workers"]), (6, 4, 6));
    fleet.reach(0);
    fleet.settles_at(0);
    assert!(fleet.agrees(&cloud).deleted.iter().all(|deleted| deleted.with_disks));
    cloud.unharmed(&others);
}

/// The fleet tells that it cannot see, and changes nothing while that is so.
#[track_caller]
fn fails(fault: &str) {
    shrink_blindly(fault, |fleet| fleet.provider()["failed_looks"].as_u64() >= Some(3));
}

#[test]
fn looks_that_are_refused_convict_nobody() {
    fails("unauthorized");
}

#[test]
fn looks_that_end_at_a_page_of_html_convict_nobody() {
    fails("html-not-found");
}

#[test]
fn looks_that_end_in_an_error_convict_nobody() {
    fails("error-after");
}

#[test]
fn looks_that_are_garbage_convict_nobody() {
    fails("garbage");
}

#[test]
fn looks_without_a_body_convict_nobody() {
    fails("empty-body");
}

#[test]
fn looks_that_show_nothing_at_all_convict_nobody() {
    shrink_blindly("empty-list", |fleet| !fleet.provider()["hold"].is_null());
}

#[test]
fn an_answer_that_is_no_word_on_a_server_does_not_convict_it() {
    let (cloud, fleet) = fleet_of(8);
    let mut gone = fleet.running();
    let living = gone.split_off(6);
    // The first question meets the last of them, the sixth the first, and so on until they are over.
    let faults = ["unauthorized", "html-not-found", "error-after", "garbage", "empty-body", "empty-list"];
    let rules = faults.iter().zip((1..=6).rev());
    let rules: Vec<_> =
        rules.map(|(fault, every)| json!({"on": "inspect", "fault": fault, "every": every})).collect();
    cloud.set(&json!({"faults": rules}));
    for id in &gone {
        cloud.act(id, &json!({"action": "vanish"}));
    }
    eventually("all are asked for", || (calls(&cloud.report(), Call::Inspect) >= 6).then_some(()));
    fleet.looks(2);
    assert_eq!(
        (fleet.running().len(), cloud.report().created.len()),
        (8, 8),
        "nobody said that they are gone"
    );
    cloud.heal();
    eventually("they are replaced", || (cloud.report().created.len() == 14).then_some(()));
    fleet.settles_at(8);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (14, 8));
    assert!(living.iter().all(|id| cloud.find(id).is_some()));
}

#[test]
fn credentials_that_stop_serving_change_nothing_and_are_told() {
    let (cloud, mut fleet) = fleet_of(3);
    cloud.set(&json!({"faults": [{"fault": "unauthorized"}]}));
    fleet.ensure(6);
    eventually("they are known to be refused", || (fleet.provider()["denied"] == true).then_some(()));
    let refused = cloud.report().statuses[&401];
    eventually("it is tried again", || (cloud.report().statuses[&401] >= refused + 3).then_some(()));
    let told = fleet.must(&["status"]);
    assert!(told.contains("does not let us in") && told.contains("Authentication failed"), "{told}");
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len()), (3, 0));
    // It comes up without them as well, and knows what it knew.
    assert!(fleet.stop().success());
    fleet.start();
    assert_eq!(fleet.list().len(), 6, "three that run and three that are wanted");
    cloud.heal();
    fleet.settles_at(6);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (6, 6));
}
