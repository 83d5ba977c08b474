//! Reboots: every running server once, those that start as soon as they are up, and no other type's.

use dynservers_tests::{BIG_TYPE, Cloud, Fleet, WATCHFUL, calls, eventually};
use dynservers_upcloud::emulator::{Call, ServerSeen};
use serde_json::json;

fn boots(cloud: &Cloud) -> Vec<u64> {
    cloud.servers("workers").iter().map(|server: &ServerSeen| server.boots).collect()
}

#[test]
fn every_running_server_is_rebooted_once() {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", "max = 10");
    fleet.start();
    fleet.reach(3);
    let ids = fleet.running();
    fleet.must(&["reboot", "--wait", "--timeout", "90s"]);
    fleet.settles_at(3);
    assert_eq!((boots(&cloud), fleet.running()), (vec![2; 3], ids.clone()));
    fleet.looks(2);
    assert!(fleet.stop().success());
    fleet.start();
    fleet.looks(2);
    assert_eq!(
        (boots(&cloud), fleet.running()),
        (vec![2; 3], ids),
        "a restart of the daemon repeats nothing"
    );
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak, calls(&report, Call::Restart)), (3, 3, 3));
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 3);
}

#[test]
fn a_server_that_starts_is_rebooted_when_it_is_up() {
    let cloud = Cloud::with(100, &json!({"durations": {"create": 150_000, "spread-percent": 0}}));
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", "max = 10");
    fleet.start();
    fleet.ensure(2);
    eventually("both start", || (fleet.count("starting") == 2).then_some(()));
    assert!(fleet.must(&["reboot"]).contains("2 servers to be rebooted"));
    assert_eq!(calls(&cloud.report(), Call::Restart), 0);
    fleet.reach(2);
    fleet.settles_at(2);
    assert_eq!((boots(&cloud), calls(&fleet.agrees(&cloud), Call::Restart)), (vec![2; 2], 2));
}

#[test]
fn a_reboot_whose_answer_is_lost_is_not_sent_again() {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", "max = 10");
    fleet.start();
    fleet.reach(2);
    cloud.break_each(1, "restart", "lost");
    fleet.must(&["reboot", "--wait", "--timeout", "90s"]);
    fleet.settles_at(2);
    fleet.looks(2);
    assert_eq!((boots(&cloud), calls(&fleet.agrees(&cloud), Call::Restart)), (vec![2; 2], 2));
}

#[test]
fn a_reboot_honours_its_type() {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", &format!("max = 10\n{BIG_TYPE}"));
    fleet.start();
    for server_type in ["default", "big"] {
        fleet.must(&["ensure", "2", "--type", server_type, "--wait", "--timeout", "90s"]);
    }
    assert_eq!(fleet.tell(&["reboot"]).code, Some(2), "which type?");
    fleet.must(&["reboot", "--type", "big", "--wait", "--timeout", "90s"]);
    fleet.settles_at(4);
    let report = fleet.agrees(&cloud);
    for server in &report.servers {
        let is_big = server.labels["dynservers-type"] == "big";
        assert_eq!(
            (server.boots, server.plan.as_str()),
            if is_big { (2, "2xCPU-4GB") } else { (1, "1xCPU-1GB") }
        );
    }
    assert_eq!((report.peak, calls(&report, Call::Restart)), (4, 2));
    for server_type in ["default", "big"] {
        fleet.must(&["ensure", "0", "--type", server_type, "--wait", "--timeout", "90s"]);
    }
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).servers.len(), 0);
}
