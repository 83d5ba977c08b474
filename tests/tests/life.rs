//! A fleet's ordinary life over real sockets: up, down, to zero, restarted, rebooted.

use dynservers_tests::{Cloud, Fleet};

#[test]
fn a_fleet_goes_up_and_down_and_to_zero() {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::new("workers", &cloud);
    fleet.start();
    fleet.reach(4);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (4, 4));
    fleet.reach(1);
    fleet.settles_at(1);
    assert_eq!(fleet.agrees(&cloud).servers.len(), 1);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (4, 4, 4));
    assert!(fleet.stop().success());
}
