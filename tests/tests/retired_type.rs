//! A type that goes from the configuration while it has servers: refused, then drained to zero, then forgotten.

use dynservers_tests::{BIG_TYPE, Cloud, Fleet, WATCHFUL, eventually};
use dynservers_upcloud::emulator::ServerSeen;

#[test]
fn a_type_with_servers_is_not_dropped_but_retired() {
    let cloud = Cloud::start(200);
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", &format!("max = 10\n{BIG_TYPE}"));
    fleet.start();
    for (server_type, count) in [("default", "2"), ("big", "3")] {
        fleet.must(&["ensure", count, "--type", server_type, "--wait", "--timeout", "90s"]);
    }
    let is_big = |server: &ServerSeen| server.labels["dynservers-type"] == "big";
    let mut kept = cloud.servers("workers");
    kept.retain(|server| !is_big(server));
    assert!(fleet.stop().success());

    fleet.reconfigure(|text| text.replace(BIG_TYPE, ""));
    let refused = fleet.tell(&["run"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for words in ["big", "3 servers", "put it back", "retired_types"] {
        assert!(refused.err.contains(words), "{words}: {refused:?}");
    }
    assert_eq!(cloud.servers("workers").len(), 5, "nothing was begun");

    fleet.reconfigure(|text| format!("retired_types = [\"big\"]\n{text}"));
    fleet.start();
    eventually("those of the type are gone", || {
        (!cloud.servers("workers").iter().any(is_big) && fleet.list().len() == 2).then_some(())
    });
    assert_eq!(fleet.tell(&["ensure", "1", "--type", "big"]).code, Some(2));
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (5, 3, 5));
    cloud.unharmed(&kept);
    assert!(fleet.stop().success());

    fleet.reconfigure(|text| text.replace("retired_types = [\"big\"]\n", ""));
    fleet.start();
    fleet.looks(2);
    fleet.settles_at(2);
    cloud.unharmed(&kept);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.servers.len()), (5, 5, 0));
}

#[test]
fn a_type_with_servers_may_be_put_back() {
    let cloud = Cloud::start(200);
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", &format!("max = 10\n{BIG_TYPE}"));
    fleet.start();
    fleet.must(&["ensure", "2", "--type", "big", "--wait", "--timeout", "90s"]);
    let before = cloud.servers("workers");
    fleet.kill();
    let mut with = String::new();
    fleet.reconfigure(|text| {
        text.clone_into(&mut with);
        text.replace(BIG_TYPE, "")
    });
    assert_eq!(fleet.tell(&["run"]).code, Some(2));
    fleet.reconfigure(|_| with);
    fleet.start();
    fleet.looks(2);
    fleet.settles_at(2);
    cloud.unharmed(&before);
    fleet.must(&["ensure", "0", "--type", "big", "--wait", "--timeout", "90s"]);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 2);
}
