//! Trials that a fleet must stand on every loop: its ordinary life, and the worst that a cloud and a power cut do to it.

use dynservers_upcloud::emulator::{Call, Report};
use serde_json::{Value, json};

use crate::fleet::{TIMING, WATCHFUL};
use crate::{Cloud, Fleet, Loop, calls, eventually};

/// Goes up, down and to zero.
///
/// # Panics
///
/// If anything is lost, doubled or left.
pub fn life(carrier: Loop) {
    let cloud = Cloud::start(100);
    let mut fleet = Fleet::new("workers", &cloud).on(carrier);
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
    fleet.ends_well();
}

/// Goes up to six and down to zero while each second create meets this fault; gives how many were asked for.
///
/// # Panics
///
/// If anything is lost, doubled or left, or what is somebody else's was touched.
#[must_use]
pub fn create_fault(carrier: Loop, fault: &str) -> u64 {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}}));
    let others = cloud.others(2, &json!({"dynservers-fleet": "others"}));
    let patience = "request_timeout = \"500ms\"\n";
    let mut fleet = Fleet::configured("workers", &cloud, TIMING, patience, "max = 20").on(carrier);
    fleet.start();
    cloud.break_each(2, "create", fault);
    fleet.reach(6);
    fleet.settles_at(6);
    let up = fleet.agrees(&cloud);
    assert_eq!((up.created.len() - up.deleted.len(), up.peak_by_fleet["workers"]), (6, 6));
    fleet.reach(0);
    fleet.settles_at(0);
    let down = fleet.agrees(&cloud);
    assert_eq!((down.created.len(), down.deleted.len()), (6, 6));
    assert_eq!(calls(&down, Call::Create), calls(&up, Call::Create), "nothing is created on the way down");
    assert_eq!(down.peak_by_fleet["workers"], 6);
    cloud.unharmed(&others);
    fleet.ends_well();
    calls(&down, Call::Create)
}

/// Lives with listings that are late and with these faults, and through a crash; gives the fleet, to look at its log.
///
/// # Panics
///
/// If anything is lost, doubled or left.
#[must_use]
pub fn list_lag(carrier: Loop, faults: &Value) -> Fleet {
    let cloud = Cloud::with(200, &json!({"list-lag-millis": 20_000, "faults": faults}));
    let mut fleet = Fleet::configured("workers", &cloud, WATCHFUL, LAGGING, "max = 20").on(carrier);
    fleet.start();
    fleet.reach(6);
    fleet.settles_at(6);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (6, 6), "nothing is made twice");
    fleet.ensure(8);
    fleet.kill();
    fleet.start();
    fleet.reach(8);
    fleet.settles_at(8);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak), (8, 8), "nor after a crash");
    assert!(calls(&report, Call::Create) >= 8);
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.deleted.len(), report.servers.len()), (8, 0));
    assert_eq!(fleet.events("orphan_found"), 0, "every lost one was found by its token");
    fleet
}

/// The emulator's listings lag by 20 of its seconds: a tenth of a real one, within what is configured.
pub const LAGGING: &str = "request_timeout = \"700ms\"\nlist_lag = \"400ms\"\n";

/// `kill -9` between any two requests, while answers take a while and some are lost.
#[derive(Debug)]
pub struct Storm {
    /// Where it happens.
    pub cloud: Cloud,
    /// To whom; its daemon is not started yet.
    pub fleet: Fleet,
    dice: Dice,
}

impl Storm {
    /// Makes one, whose moments look drawn and are the same for each seed.
    #[must_use]
    pub fn brewing(carrier: Loop, seed: u64, max: u32) -> Self {
        let lost = |on, every| json!({"on": on, "fault": "lost", "every": every});
        let durations =
            json!({"spread-percent": 0, "create-answer": 3_000, "delete-answer": 3_000, "answer": 1_000});
        let faults = [lost("create", 4), lost("stop", 5), lost("delete", 4)];
        let cloud = Cloud::with(100, &json!({"durations": durations, "faults": faults}));
        let max = format!("max = {max}");
        let fleet = Fleet::configured("workers", &cloud, RESTLESS, NARROW, &max).on(carrier);
        Self { cloud, fleet, dice: Dice(seed) }
    }

    /// Kills the daemon and starts it again, so many times, each time after a few more requests.
    pub fn torment(&mut self, times: u32) {
        for _ in 0..times {
            let enough = self.cloud.report().requests + self.dice.throw(8);
            eventually("a few more requests", || (self.cloud.report().requests >= enough).then_some(()));
            self.fleet.kill();
            self.fleet.start();
        }
    }

    /// Waits until as many servers run as given, and holds that against what the provider saw.
    ///
    /// # Panics
    ///
    /// If anything is lost, doubled or left.
    #[must_use]
    pub fn ends_at(&self, servers: usize) -> Report {
        self.fleet.reach(u32::try_from(servers).expect("few"));
        self.fleet.settles_at(servers);
        let report = self.fleet.agrees(&self.cloud);
        assert_eq!(report.created.len() - report.deleted.len(), servers);
        report
    }
}

/// Is killed again and again while it grows to twenty.
///
/// # Panics
///
/// If anything is lost, doubled or left, or what is somebody else's was touched.
pub fn killed_while_it_grows(carrier: Loop) {
    let mut storm = Storm::brewing(carrier, 1, 20);
    let others = storm.cloud.others(2, &json!({"dynservers-fleet": "others"}));
    storm.fleet.start();
    storm.fleet.ensure(20);
    storm.torment(5);
    let report = storm.ends_at(20);
    assert_eq!((report.created.len(), report.peak_by_fleet["workers"]), (20, 20));
    storm.cloud.unharmed(&others);
    storm.fleet.ends_well();
}

/// Looks often even at rest, so that there are always a few more requests.
const RESTLESS: &str = r#"
poll_interval = "150ms"
resync_interval = "300ms"
hanging_after = "2m"
"#;

/// Two requests at a time, so that there is something to be killed in the midst of.
const NARROW: &str = "request_timeout = \"500ms\"\nconcurrency = 2\n";

/// Numbers that look drawn and are the same each time.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides + 1
    }
}
