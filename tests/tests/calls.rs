//! What many servers cost in calls, and what becomes of them where few calls are let through.

use dynservers_tests::{Cloud, Fleet, calls};
use dynservers_upcloud::emulator::Call;
use serde_json::json;

/// A poll is long enough that a busy machine does not add looks of its own.
const CALM: &str = r#"
poll_interval = "1s"
resync_interval = "5m"
hanging_after = "5m"
"#;

/// What may be asked beyond that which makes or removes a server: looks, their pages, and the account.
const EXTRA: u64 = 40;

#[test]
fn two_hundred_servers_take_a_call_each_and_a_look_a_poll() {
    let cloud = Cloud::with(20, &json!({"durations": {"spread-percent": 0}}));
    let others = cloud.others(2, &json!({"dynservers-fleet": "others"}));
    let provider = "request_timeout = \"30s\"\nlist_lag = \"1s\"\n";
    let mut fleet = Fleet::configured("workers", &cloud, CALM, provider, "max = 300");
    fleet.start();
    fleet.reach(200);
    let up = fleet.agrees(&cloud);
    assert_eq!((up.created.len(), calls(&up, Call::Create), up.peak_by_fleet["workers"]), (200, 200, 200));
    assert_eq!(calls(&up, Call::Inspect), 0, "looks and the answers to creates show all there is to know");
    assert!(fleet.list().iter().all(|server| server["address"].is_string()));
    assert!(up.requests <= 200 + EXTRA, "{:?}", up.calls);
    fleet.reach(0);
    fleet.settles_at(0);
    let down = fleet.agrees(&cloud);
    assert_eq!((down.created.len(), down.deleted.len()), (200, 200));
    let changes = [Call::Create, Call::Stop, Call::Delete, Call::Inspect];
    assert_eq!(changes.map(|call| calls(&down, call)), [200, 200, 200, 0]);
    assert!(down.requests - up.requests <= 2 * 200 + EXTRA, "{:?} before, {:?} after", up.calls, down.calls);
    cloud.unharmed(&others);
}

#[test]
fn forty_servers_come_and_go_at_fifteen_requests_a_second() {
    // Fifteen a second of real time, as the emulator's clock runs twenty times as fast.
    let throttle = json!({"per-second": 15.0 / 20.0});
    let cloud = Cloud::with(20, &json!({"durations": {"spread-percent": 0}, "throttle": throttle}));
    let others = cloud.others(2, &json!({"dynservers-fleet": "others"}));
    let mut fleet = Fleet::configured("workers", &cloud, CALM, "", "max = 60");
    fleet.start();
    fleet.reach(40);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.peak_by_fleet["workers"]), (40, 40));
    fleet.reach(0);
    fleet.settles_at(0);
    let report = fleet.agrees(&cloud);
    assert_eq!((report.created.len(), report.deleted.len(), report.peak_by_fleet["workers"]), (40, 40, 40));
    let refused = report.statuses.get(&429).copied().unwrap_or_default();
    assert!(refused > 0, "it was too fast at first");
    assert!(refused < report.requests / 4, "{refused} of {} requests were too fast", report.requests);
    cloud.unharmed(&others);
}
