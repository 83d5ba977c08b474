//! Credentials that lead to another account: an empty listing is believed only when an operator says so.

use dynservers_tests::{Cloud, Fleet, calls, eventually};
use dynservers_upcloud::emulator::Call;
use serde_json::{Value, json};

fn fleet_of(count: u32) -> (Cloud, Fleet) {
    let cloud = Cloud::start(200);
    let fleet = Fleet::of(count, &cloud);
    (cloud, fleet)
}

fn is_held(fleet: &Fleet) -> bool {
    fleet.provider()["hold"] != Value::Null
}

/// In the wrong account nothing is created, deleted or forgotten.
fn stands_still(cloud: &Cloud, fleet: &Fleet, ids: &[String]) {
    eventually("everything is held", || is_held(fleet).then_some(()));
    assert!(fleet.alarms("resume"));
    let creates = calls(&cloud.report(), Call::Create);
    for count in [6, 0] {
        fleet.ensure(count);
        // Whoever stands still asks who it is, and little else.
        let asked = cloud.report().requests;
        eventually("the provider was asked again", || (cloud.report().requests >= asked + 3).then_some(()));
    }
    let report = fleet.agrees(cloud);
    assert_eq!((fleet.running(), calls(&report, Call::Create)), (ids.to_vec(), creates));
    let touched = [Call::Stop, Call::Restart, Call::Delete].map(|call| calls(&report, call));
    assert_eq!((touched, fleet.events("deleted"), report.deleted.len()), ([0; 3], 0, 0));
}

/// Back in the right one it goes on by itself.
fn recovers(cloud: &Cloud, fleet: &Fleet, ids: &[String], count: u32) {
    fleet.ensure(u32::try_from(ids.len()).expect("few"));
    cloud.heal();
    eventually("the hold is over", || (!is_held(fleet)).then_some(()));
    fleet.reach(u32::try_from(ids.len()).expect("few"));
    assert_eq!(fleet.running(), ids);
    fleet.reach(count);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(cloud);
    assert_eq!((report.created.len(), report.peak), (count as usize, u64::from(count)));
}

#[test]
fn a_daemon_that_lands_in_the_wrong_account_stands_still_until_it_is_back() {
    let (cloud, fleet) = fleet_of(3);
    let ids = fleet.running();
    cloud.set(&json!({"account": "other"}));
    stands_still(&cloud, &fleet, &ids);
    recovers(&cloud, &fleet, &ids, 4);
}

#[test]
fn one_server_alone_is_not_believed_lost_in_the_wrong_account() {
    let (cloud, fleet) = fleet_of(1);
    let ids = fleet.running();
    cloud.set(&json!({"account": "other"}));
    stands_still(&cloud, &fleet, &ids);
    recovers(&cloud, &fleet, &ids, 2);
}

#[test]
fn a_daemon_that_starts_in_the_wrong_account_stands_still_until_it_is_back() {
    let (cloud, mut fleet) = fleet_of(3);
    let ids = fleet.running();
    fleet.kill();
    cloud.set(&json!({"account": "other"}));
    fleet.start();
    stands_still(&cloud, &fleet, &ids);
    assert!(fleet.stop().success());
    fleet.start();
    eventually("it is still held", || is_held(&fleet).then_some(()));
    recovers(&cloud, &fleet, &ids, 5);
}

#[test]
fn an_emptied_account_is_accepted_after_resume() {
    let (cloud, fleet) = fleet_of(3);
    let ids = fleet.running();
    let others = cloud.others(1, &json!({}));
    for id in &ids {
        cloud.act(id, &json!({"action": "vanish"}));
    }
    eventually("everything is held", || is_held(&fleet).then_some(()));
    fleet.looks(2);
    assert_eq!((fleet.running(), cloud.report().created.len()), (ids.clone(), 3), "nothing is believed");
    fleet.must(&["resume"]);
    eventually("the loss is accepted", || (fleet.events("deleted") == 3).then_some(()));
    fleet.settles_at(3);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len()), (6, 3));
    assert!(report.deleted.iter().all(|deleted| deleted.by_hand));
    assert!(fleet.running().iter().all(|id| !ids.contains(id)));
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 6);
    cloud.unharmed(&others);
}
