//! Listings of many short pages while servers come and go between them: nobody who lives is taken for gone.

use dynservers_tests::{Cloud, Fleet, calls, eventually};
use dynservers_upcloud::emulator::{Call, Report, ServerSeen};
use serde_json::{Value, json};

/// Looks all the time.
const WATCHFUL: &str = r#"
poll_interval = "50ms"
resync_interval = "50ms"
hanging_after = "2m"
failed_retention = "1s"
"#;

/// Servers of a fleet that somebody else keeps making and removing, from all over the listing.
struct Coming<'a> {
    cloud: &'a Cloud,
    labels: Value,
    there: Vec<String>,
}

impl<'a> Coming<'a> {
    fn and_going(cloud: &'a Cloud, labels: Value) -> Self {
        let there = cloud.add(&json!({"count": 4, "labels": labels}));
        Self { cloud, labels, there }
    }

    /// The oldest goes, and a new one comes.
    fn turn(&mut self) {
        self.cloud.act(&self.there.remove(0), &json!({"action": "vanish"}));
        self.there.extend(self.cloud.add(&json!({"labels": self.labels})));
    }

    fn leave(self) {
        self.there.iter().for_each(|id| self.cloud.act(id, &json!({"action": "vanish"})));
    }
}

fn ours(report: &Report, fleet: &Fleet) -> usize {
    let ids = fleet.running();
    report.servers.iter().filter(|server: &&ServerSeen| ids.contains(&server.uuid)).count()
}

#[test]
fn sixty_servers_on_pages_of_ten_are_seen_while_others_come_and_go() {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}, "page-cap": 10}));
    // In the way of our own: the same fleet, another owner. Out of it: another fleet.
    let mut held =
        Coming::and_going(&cloud, json!({"dynservers-fleet": "workers", "dynservers-owner": "somebody"}));
    let mut others = Coming::and_going(&cloud, json!({"dynservers-fleet": "others"}));
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", "max = 80");
    fleet.start();
    fleet.reach(60);
    let until = calls(&cloud.report(), Call::List) + 100;
    eventually("a hundred pages are read", || {
        held.turn();
        others.turn();
        (calls(&cloud.report(), Call::List) >= until).then_some(())
    });
    let report = cloud.report();
    assert_eq!((report.created.len(), ours(&report, &fleet), fleet.list().len()), (60, 60, 60));
    assert!(report.deleted.iter().all(|deleted| deleted.by_hand), "nothing of anybody was deleted");
    held.leave();
    others.leave();
    fleet.settles_at(60);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.servers.len()), (60, 60));
}

#[test]
fn servers_that_vanish_from_the_midst_of_the_pages_are_replaced_and_no_others() {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}, "page-cap": 10}));
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, "", "max = 80");
    fleet.start();
    fleet.reach(60);
    let ids = fleet.running();
    for index in [5, 15, 38] {
        cloud.act(&ids[index], &json!({"action": "vanish"}));
    }
    eventually("three are replaced", || (cloud.report().created.len() >= 63).then_some(()));
    fleet.settles_at(60);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak), (63, 3, 60));
    fleet.reach(25);
    fleet.settles_at(25);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 38);
    fleet.reach(0);
    fleet.settles_at(0);
    assert_eq!(fleet.agrees(&cloud).deleted.len(), 63);
}
