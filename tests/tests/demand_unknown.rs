//! Work that is not known is never none: the servers stay, whatever a source does instead of answering.

use dynservers_tests::{Fleet, eventually};

/// Says how much work there is, and counts how often it was asked.
const FOUR: &str = "#!/bin/sh\necho x >> asked\necho 4\n";
const FAILS: &str = "#!/bin/sh\necho x >> asked\necho 'the queue is down' >&2\nexit 1\n";
const HANGS: &str = "#!/bin/sh\necho x >> asked\nexec sleep 600\n";
const RUBBISH: &str = "#!/bin/sh\necho x >> asked\necho '<html>0</html>'\n";
const SILENT: &str = "#!/bin/sh\necho x >> asked\n";

fn fleet(policy: &str) -> Fleet {
    let fleet = Fleet::local(&format!(
        r#"
max = 8
demand_interval = "100ms"
policy = {{ jobs_per_server = 2, scale_in_after = "0s", {policy} }}
sources = [{{ kind = "command", command = ["./queue-length"], timeout = "300ms" }}]
"#
    ));
    fleet.script("queue-length", FOUR);
    fleet
}

/// Waits until the source was asked a few times more.
fn asked_again(fleet: &Fleet) {
    let asked = || std::fs::read_to_string(fleet.path().join("asked")).unwrap_or_default().lines().count();
    let enough = asked() + 4;
    eventually("the source is asked again", || (asked() >= enough).then_some(()));
}

fn is_unknown(fleet: &Fleet, reason: &str) {
    eventually("the demand is unknown", || fleet.log().contains(reason).then_some(()));
}

fn holds_while(script: &str, reason: &str) {
    let mut fleet = fleet("hold = \"1h\"");
    fleet.start();
    fleet.settles_at(2);
    let begun = fleet.workers();
    fleet.script("queue-length", script);
    is_unknown(&fleet, reason);
    asked_again(&fleet);
    fleet.settles_at(2);
    // A daemon that has never heard of any work does not begin with none either.
    fleet.kill();
    fleet.start();
    asked_again(&fleet);
    fleet.settles_at(2);
    assert_eq!(fleet.workers(), begun);
    fleet.script("queue-length", "#!/bin/sh\necho 0\n");
    fleet.settles_at(0);
    assert!(fleet.stop().success());
}

#[test]
fn a_source_that_fails() {
    holds_while(FAILS, "the queue is down");
}

#[test]
fn a_source_that_hangs() {
    holds_while(HANGS, "took longer than");
}

#[test]
fn a_source_that_prints_rubbish() {
    holds_while(RUBBISH, "<html>0</html>");
}

#[test]
fn a_source_that_prints_nothing() {
    holds_while(SILENT, "it printed nothing");
}

#[test]
fn after_the_hold_there_is_the_fallback() {
    let mut fleet = fleet("hold = \"500ms\", fallback = 3");
    fleet.start();
    fleet.settles_at(2);
    fleet.script("queue-length", FAILS);
    fleet.settles_at(3);
    fleet.script("queue-length", "#!/bin/sh\necho 0\n");
    fleet.settles_at(0);
    assert!(fleet.stop().success());
}
