//! A number by hand over what the work asks for: for a while or until it is ended, past a daemon that is killed.

use dynservers_tests::{Fleet, eventually};
use serde_json::{Value, json};

const PATH: &str = "/v1/types/default/override";

/// A fleet whose work asks for two servers.
fn fleet_at_work() -> Fleet {
    let mut fleet = Fleet::local(
        r#"
max = 6
demand_interval = "100ms"
policy = { jobs_per_server = 2, scale_in_after = "0s" }
sources = [{ kind = "command", command = ["./queue-length"] }]
"#,
    );
    fleet.script("queue-length", "#!/bin/sh\necho 4\n");
    fleet.start();
    fleet.settles_at(2);
    fleet
}

fn overrides(fleet: &Fleet, body: &Value) {
    let (status, told) = fleet.say("PUT", PATH, body);
    assert_eq!(status, 200, "{told}");
}

#[test]
fn without_an_end_it_counts_until_it_is_ended() {
    let mut fleet = fleet_at_work();
    let begun = fleet.at_work(2);
    overrides(&fleet, &json!({"count": 4}));
    fleet.settles_at(4);
    fleet.kill();
    fleet.start();
    fleet.settles_at(4);
    assert_eq!(fleet.default_type()["desired"], 4);
    let (status, told) = fleet.say("DELETE", PATH, &Value::Null);
    assert_eq!(status, 200, "{told}");
    fleet.settles_at(2);
    assert_eq!(fleet.at_work(2).len(), begun.len());
    fleet.script("queue-length", "#!/bin/sh\necho 0\n");
    fleet.vanishes();
}

#[test]
fn with_an_end_it_ends_by_itself_past_a_killed_daemon() {
    let mut fleet = fleet_at_work();
    overrides(&fleet, &json!({"count": 3, "for_seconds": 4}));
    eventually("more are wanted", || (fleet.default_type()["desired"] == 3).then_some(()));
    fleet.kill();
    fleet.start();
    fleet.settles_at(2);
    assert_eq!(fleet.events("creating"), 3, "it counted");
    fleet.script("queue-length", "#!/bin/sh\necho 0\n");
    fleet.vanishes();
}

#[test]
fn to_none_it_empties_a_fleet_that_has_work() {
    let fleet = fleet_at_work();
    overrides(&fleet, &json!({"count": 0}));
    fleet.vanishes();
    let (status, told) = fleet.say("DELETE", PATH, &Value::Null);
    assert_eq!(status, 200, "{told}");
    fleet.settles_at(2);
}

#[test]
fn beyond_the_ceiling_there_is_nothing() {
    let fleet = fleet_at_work();
    let _ = fleet.say("PUT", PATH, &json!({"count": 50}));
    fleet.looks(3);
    assert!(fleet.places().len() <= 6);
    let (status, told) = fleet.say("PUT", PATH, &json!({"count": -1}));
    assert!((400..500).contains(&status), "{told}");
}

#[test]
fn every_number_by_hand_is_refused_with_what_to_do_instead() {
    let fleet = fleet_at_work();
    for arguments in [&["ensure", "5"][..], &["increase"], &["decrease"]] {
        let told = fleet.tell(arguments);
        assert!(told.code == Some(1) && told.err.contains("override"), "{arguments:?}: {told:?}");
    }
    assert_eq!((fleet.default_type()["desired"].clone(), fleet.at_work(2).len()), (json!(2), 2));
}
