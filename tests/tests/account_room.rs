//! Room in the account: exact where a number is configured, and the provider's own word where it refuses.

use dynservers_tests::{Cloud, Fleet, WATCHFUL, eventually};
use serde_json::{Value, json};

#[test]
fn foreign_servers_take_room_and_give_it_back() {
    let cloud = Cloud::start(200);
    let others = cloud.others(3, &json!({"team": "web"}));
    let mut fleet =
        Fleet::configured("workers", &cloud, WATCHFUL, "max_servers_in_account = 7\n", "max = 20");
    fleet.start();
    fleet.ensure(10);
    eventually("four run", || (fleet.count("running") == 4).then_some(()));
    fleet.looks(3);
    assert_eq!(fleet.agrees(&cloud).created.len(), 4);
    assert_ne!(fleet.default_type()["limited_since"], Value::Null);
    cloud.act(&others[0].uuid, &json!({"action": "vanish"}));
    eventually("a fifth runs", || (fleet.count("running") == 5).then_some(()));
    fleet.looks(3);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (5, 7));
    assert_eq!(fleet.events("limit_hit"), 1, "one episode, told once");
    fleet.reach(2);
    fleet.settles_at(2);
    assert_eq!(fleet.default_type()["limited_since"], Value::Null, "the episode is over");
    fleet.ensure(9);
    eventually("five run again", || (fleet.count("running") == 5).then_some(()));
    eventually("the second episode is told", || (fleet.events("limit_hit") == 2).then_some(()));
    fleet.reach(0);
    fleet.settles_at(0);
    cloud.unharmed(&others[1..]);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (8, 9, 7));
}

#[test]
fn two_fleets_fill_one_account_and_not_more() {
    let cloud = Cloud::start(200);
    let provider = "max_servers_in_account = 6\n";
    let mut red = Fleet::configured("red", &cloud, WATCHFUL, provider, "max = 20");
    let mut blue = Fleet::configured("blue", &cloud, WATCHFUL, provider, "max = 20");
    red.start();
    blue.start();
    red.reach(4);
    blue.ensure(10);
    eventually("two run", || (blue.count("running") == 2).then_some(()));
    blue.looks(2);
    assert_eq!((cloud.report().peak, blue.agrees(&cloud).created.len()), (6, 6));
    red.reach(0);
    red.settles_at(0);
    eventually("six run", || (blue.count("running") == 6).then_some(()));
    blue.looks(2);
    assert_eq!(cloud.report().peak, 6);
    blue.reach(0);
    blue.settles_at(0);
    assert_eq!(blue.agrees(&cloud).servers.len(), 0);
}

#[test]
fn a_quota_of_the_provider_is_told_and_waited_for() {
    let cloud = Cloud::with(200, &json!({"limits": {"servers": 4}}));
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", "max = 20");
    fleet.start();
    fleet.ensure(5);
    eventually("four run", || (fleet.count("running") == 4).then_some(()));
    eventually("a refusal is told", || (fleet.events("create_refused") > 0).then_some(()));
    eventually("the type waits", || (fleet.default_type()["next_create"] != Value::Null).then_some(()));
    assert_eq!((cloud.report().created.len(), cloud.report().peak), (4, 4));
    assert!(fleet.log().contains("SERVER_CORE_LIMIT_REACHED"));
    cloud.set(&json!({"limits": {"servers": null}}));
    fleet.settles_at(5);
    assert_eq!(fleet.agrees(&cloud).created.len(), 5);
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 5);
}
