//! What people and the provider do to servers behind the daemon's back.

use dynservers_tests::{Cloud, Fleet, calls, eventually};
use dynservers_upcloud::emulator::{Call, State};
use serde_json::json;

/// A fleet of this many running servers.
fn fleet_of(count: u32) -> (Cloud, Fleet) {
    let cloud = Cloud::start(100);
    let fleet = Fleet::of(count, &cloud);
    (cloud, fleet)
}

#[test]
fn a_server_stopped_by_hand_is_told_of_deleted_and_replaced() {
    let (cloud, fleet) = fleet_of(2);
    let stopped = fleet.running().remove(0);
    cloud.act(&stopped, &json!({"action": "stop"}));
    eventually("the stopped server is gone", || cloud.find(&stopped).is_none().then_some(()));
    fleet.settles_at(2);
    assert_eq!((fleet.events_of("stopped", &stopped), fleet.events_of("deleted", &stopped)), (1, 1));
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), calls(&report, Call::Stop)), (3, 1, 0));
    assert!(!report.deleted[0].by_hand && report.deleted[0].with_disks);
}

#[test]
fn a_server_deleted_by_hand_is_replaced() {
    let (cloud, fleet) = fleet_of(2);
    let vanished = fleet.running().remove(0);
    cloud.act(&vanished, &json!({"action": "vanish"}));
    eventually("its end is known", || (fleet.events_of("deleted", &vanished) == 1).then_some(()));
    fleet.settles_at(2);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (3, 1, 2));
    assert_eq!((calls(&report, Call::Stop), calls(&report, Call::Delete)), (0, 0));
}

#[test]
fn a_server_that_the_provider_works_on_is_left_alone() {
    let (cloud, fleet) = fleet_of(2);
    let ids = fleet.running();
    let worked_on = ids[0].clone();
    cloud.act(&worked_on, &json!({"action": "maintenance"}));
    fleet.looks(3);
    let report = fleet.agrees(&cloud);
    assert_eq!(cloud.server(&worked_on).state, State::Maintenance);
    assert_eq!(report.created.len(), 2, "nothing stands in for it");
    let touched = [Call::Stop, Call::Restart, Call::Delete, Call::Modify];
    assert_eq!(touched.map(|call| calls(&report, call)), [0; 4]);
    cloud.act(&worked_on, &json!({"action": "end-maintenance"}));
    fleet.looks(2);
    assert_eq!(fleet.running(), ids);
    assert_eq!(fleet.agrees(&cloud).created.len(), 2);
}

#[test]
fn a_server_to_go_is_waited_for_while_the_provider_works_on_it() {
    let (cloud, fleet) = fleet_of(2);
    let worked_on = fleet.running().remove(0);
    cloud.act(&worked_on, &json!({"action": "maintenance"}));
    fleet.looks(2);
    fleet.ensure(0);
    eventually("only that server is left", || (fleet.list().len() == 1).then_some(()));
    fleet.looks(2);
    assert_eq!(cloud.server(&worked_on).state, State::Maintenance);
    cloud.act(&worked_on, &json!({"action": "end-maintenance"}));
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 2);
}

#[test]
fn a_server_whose_label_was_removed_is_replaced_and_never_touched_again() {
    let labels = json!({"dynservers-fleet": null});
    disowned_after(&labels);
}

#[test]
fn a_server_whose_owner_was_changed_is_replaced_and_never_touched_again() {
    let labels = json!({"dynservers-owner": "somebody-else"});
    disowned_after(&labels);
}

fn disowned_after(labels: &serde_json::Value) {
    let (cloud, mut fleet) = fleet_of(2);
    let lost = fleet.running().remove(0);
    cloud.act(&lost, &json!({"action": "label", "labels": labels}));
    let before = [cloud.server(&lost)];
    eventually("it is known to be ours no more", || (fleet.events_of("disowned", &lost) == 1).then_some(()));
    fleet.comes_to(2);
    let others = [lost.clone()];
    assert_eq!(fleet.agrees_beside(&cloud, "workers", &others).created.len(), 3);
    fleet.ensure(0);
    fleet.comes_to(0);
    fleet.looks(2);
    cloud.unharmed(&before);
    assert!(fleet.stop().success());
    fleet.start();
    fleet.looks(2);
    fleet.reach(1);
    fleet.reach(0);
    fleet.comes_to(0);
    let report = fleet.agrees_beside(&cloud, "workers", &others);
    cloud.unharmed(&before);
    assert_eq!((report.created.len(), report.deleted.len(), report.servers.len()), (4, 3, 1));
    assert_eq!(fleet.events("disowned"), 1, "it is told once");
}

#[test]
fn a_server_whose_labels_come_back_is_ours_again() {
    let (cloud, fleet) = fleet_of(1);
    let lost = fleet.running().remove(0);
    cloud.act(&lost, &json!({"action": "label", "labels": {"dynservers-fleet": null}}));
    eventually("it is known to be ours no more", || (fleet.events_of("disowned", &lost) == 1).then_some(()));
    fleet.comes_to(1);
    cloud.act(&lost, &json!({"action": "label", "labels": {"dynservers-fleet": "workers"}}));
    eventually("one of the two is let go", || (fleet.running().len() == 1).then_some(()));
    fleet.settles_at(1);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len()), (2, 1));
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 2);
}
