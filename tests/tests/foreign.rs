//! Servers of others: no labels, another fleet's, another live owner's. Nothing of theirs is ever touched.

use dynservers_tests::{Cloud, Fleet, eventually};
use dynservers_upcloud::emulator::ServerSeen;
use serde_json::json;

const TIMING: &str = r#"
poll_interval = "100ms"
resync_interval = "300ms"
hanging_after = "2m"
"#;

/// A fleet goes up and down to zero beside servers of others; it makes `ours` servers where six are wanted.
fn live_beside(cloud: &Cloud, others: &[ServerSeen], ours: usize) {
    let ids: Vec<String> = others.iter().map(|other| other.uuid.clone()).collect();
    let mut fleet = Fleet::configured("workers", cloud, TIMING, "restart_time = \"500ms\"\n", "max = 20");
    fleet.start();
    fleet.reach(6);
    fleet.settles_at(ours);
    assert_eq!(fleet.agrees_beside(cloud, "workers", &ids).created.len(), ours);
    cloud.unharmed(others);
    fleet.must(&["reboot", "--wait", "--timeout", "90s"]);
    fleet.kill();
    fleet.start();
    fleet.reach(3);
    cloud.unharmed(others);
    fleet.reach(0);
    fleet.settles_at(0);
    fleet.looks(1);
    let report = fleet.agrees_beside(cloud, "workers", &ids);
    assert_eq!(
        (report.created.len(), report.deleted.len(), report.servers.len()),
        (ours, ours, others.len())
    );
    assert!(report.deleted.iter().all(|deleted| !ids.contains(&deleted.uuid)));
    cloud.unharmed(others);
}

#[test]
fn servers_without_labels_are_never_touched() {
    let cloud = Cloud::start(200);
    let mut others = cloud.others(3, &json!({}));
    others.extend(cloud.others(1, &json!({"team": "jobs", "dynservers": "workers"})));
    cloud.act(&others[0].uuid, &json!({"action": "stop"}));
    cloud.act(&others[1].uuid, &json!({"action": "error"}));
    let others: Vec<ServerSeen> = others.iter().map(|other| cloud.server(&other.uuid)).collect();
    live_beside(&cloud, &others, 6);
}

#[test]
fn servers_of_another_fleet_are_never_touched() {
    let cloud = Cloud::start(200);
    let labels = json!({
        "dynservers-fleet": "workers-2",
        "dynservers-owner": "0123456789abcdef0123456789abcdef",
        "dynservers-type": "default",
    });
    let others = cloud.others(3, &labels);
    live_beside(&cloud, &others, 6);
}

#[test]
fn servers_of_another_owner_are_counted_and_never_touched() {
    let cloud = Cloud::start(200);
    let owned = |id: &str| {
        json!({
            "dynservers-fleet": "workers",
            "dynservers-owner": "0123456789abcdef0123456789abcdef",
            "dynservers-type": "default",
            "dynservers-id": id,
        })
    };
    let mut others = cloud.others(1, &owned("1"));
    others.extend(cloud.others(1, &owned("7")));
    live_beside(&cloud, &others, 4);
}

#[test]
fn servers_whose_labels_are_half_gone_are_never_touched() {
    let cloud = Cloud::start(200);
    let mut others = cloud.others(1, &json!({"dynservers-fleet": "workers"}));
    others.extend(cloud.others(1, &json!({"dynservers-fleet": "workers", "dynservers-owner": "?!"})));
    live_beside(&cloud, &others, 6);
}

#[test]
fn two_fleets_in_one_account_do_not_see_each_other() {
    let cloud = Cloud::start(200);
    let make = |name| Fleet::configured(name, &cloud, TIMING, "", "max = 20");
    let (mut red, mut blue) = (make("red"), make("blue"));
    red.start();
    blue.start();
    red.ensure(3);
    blue.reach(2);
    red.settles_at(3);
    blue.reach(0);
    blue.settles_at(0);
    assert_eq!(red.agrees(&cloud).servers.len(), 3);
    red.reach(0);
    red.settles_at(0);
    let report = red.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.servers.len()), (5, 5, 0));
    assert_eq!((report.peak_by_fleet["red"], report.peak_by_fleet["blue"]), (3, 2));
    eventually("no alarm", || red.provider()["alarms"].as_array().is_some_and(Vec::is_empty).then_some(()));
    assert_eq!(red.events("other_owner_found") + blue.events("other_owner_found"), 0);
}
