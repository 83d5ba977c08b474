//! What was decided about a number of servers can be asked, of the daemon and of what it left; and a fleet that only watches says
//! what it would do, and does none of it.

use dynservers_tests::{Fleet, eventually};
use serde_json::Value;

/// A fleet whose work asks for three servers, and which falls back to one half a second after nobody knows.
fn fleet() -> Fleet {
    let fleet = Fleet::local(
        r#"
max = 6
demand_interval = "100ms"
policy = { jobs_per_server = 2, scale_in_after = "0s", hold = "500ms", fallback = 1 }
sources = [{ kind = "command", command = ["./queue-length"] }]
"#,
    );
    fleet.script(
        "queue-length",
        "#!/bin/sh\necho '{\"waiting\": 5, \"in_flight\": 1, \"oldest_wait\": 61}'\n",
    );
    fleet
}

/// Waits until the last decision says something.
fn says(fleet: &Fleet, words: &str) -> String {
    eventually(words, || Some(fleet.must(&["explain"])).filter(|told| told.contains(words)))
}

#[test]
fn a_decision_is_told_in_words_by_the_daemon_and_by_what_it_left() {
    let mut fleet = fleet();
    fleet.start();
    fleet.settles_at(3);
    let told = says(&fleet, "There are 3 running: nothing to do.");
    for words in [
        "default: 3 servers as before",
        "Measured: queue-length: 5 jobs wait, the oldest for 1m, 1 in hand.",
        "The rule asks for 3 servers.",
        "So 3 are wanted.",
    ] {
        assert!(told.contains(words), "{words:?} is missing in\n{told}");
    }
    let first: Vec<Value> = fleet
        .must(&["explain", "--last", "1000", "--json"])
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let begun = first.iter().find(|decision| decision["orders"]["made"] == 3).expect("three were made");
    assert_eq!((&begun["before"], &begun["desired"]), (&Value::Null, &Value::from(3)));
    // The same is what held at its own moment.
    let at = begun["at"].as_str().expect("a moment");
    let then: Value = serde_json::from_str(&fleet.must(&["explain", "--at", at, "--json"])).expect("one");
    assert_eq!(then["at"], begun["at"]);
    fleet.script("queue-length", "#!/bin/sh\necho 'the queue is down' >&2\nexit 1\n");
    says(&fleet, "by fallback: the work has not been known for longer than hold");
    let told = says(&fleet, "which is not taken for no work");
    assert!(told.contains("the queue is down"), "{told}");
    fleet.script("queue-length", "#!/bin/sh\necho 4\n");
    says(&fleet, "The rule asks for 2 servers.");
    fleet.kill();
    let left = fleet.tell(&["explain", "--type", "default"]);
    assert!(left.out.contains("The rule asks for 2 servers."), "{left:?}");
    assert!(left.err.contains("The daemon is down."), "{left:?}");
    fleet.script("queue-length", "#!/bin/sh\necho 0\n");
    fleet.start();
    fleet.vanishes();
}

#[test]
fn a_fleet_that_only_watches_says_what_it_would_do_and_does_nothing() {
    let mut fleet = fleet();
    fleet.start_as(fleet.command().args(["run", "--shadow"]));
    let told = says(&fleet, "3 more would be made");
    assert!(told.contains("(only watching: nothing is changed)"), "{told}");
    assert!(fleet.must(&["status"]).contains("Only watching"), "{}", fleet.must(&["status"]));
    fleet.script("queue-length", "#!/bin/sh\necho 9\n");
    says(&fleet, "5 more would be made");
    assert_eq!((fleet.workers(), fleet.places().len(), fleet.list().len()), (Vec::new(), 0, 0));
    assert!(fleet.stop().success());
    // The ledger that it left is one to begin with.
    fleet.script("queue-length", "#!/bin/sh\necho 2\n");
    fleet.start();
    fleet.settles_at(1);
    // And who only watches it leaves alone what runs.
    let begun = fleet.workers();
    assert!(fleet.stop().success());
    fleet.script("queue-length", "#!/bin/sh\necho 0\n");
    fleet.start_as(fleet.command().args(["run", "--shadow"]));
    says(&fleet, "1 would have to go");
    assert_eq!(fleet.workers(), begun);
    assert!(fleet.stop().success());
    fleet.start();
    fleet.vanishes();
}

#[test]
fn where_nothing_was_decided_that_is_said() {
    let mut fleet = Fleet::local("max = 1");
    fleet.start();
    let told = fleet.tell(&["explain"]);
    assert!(told.out.is_empty() && told.err.contains("only types with sources have decisions"), "{told:?}");
    assert!(fleet.stop().success());
}
