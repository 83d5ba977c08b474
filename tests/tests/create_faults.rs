//! Creates whose answers are lost, cut, late, garbled or errors: nothing leaks, nothing is doubled, nothing is too many.

use dynservers_tests::{Cloud, Fleet, TIMING, calls};
use dynservers_upcloud::emulator::{Call, Report};
use serde_json::json;

/// Goes up to six and down to zero while each second create meets this fault; gives what the provider saw.
fn survive(fault: &str) -> Report {
    let cloud = Cloud::with(100, &json!({"durations": {"spread-percent": 0}}));
    let others = cloud.others(2, &json!({"dynservers-fleet": "others"}));
    let mut fleet = Fleet::configured("workers", &cloud, TIMING, "request_timeout = \"500ms\"\n", "max = 20");
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
    assert!(fleet.stop().success());
    down
}

/// A create that was done is found and kept: asking again would be one too many.
#[track_caller]
fn is_found_again(fault: &str) {
    assert_eq!(calls(&survive(fault), Call::Create), 6);
}

/// A create that was not done is done again, once that is known for sure.
#[track_caller]
fn is_made_again(fault: &str) {
    assert!(calls(&survive(fault), Call::Create) > 6);
}

#[test]
fn a_create_whose_answer_is_lost_is_found_again() {
    is_found_again("lost");
}

#[test]
fn a_create_whose_answer_is_cut_is_found_again() {
    is_found_again("cut");
}

#[test]
fn a_create_that_is_never_answered_is_found_again() {
    is_found_again("hang");
}

#[test]
fn a_create_whose_answer_is_garbage_is_found_again() {
    is_found_again("garbage");
}

#[test]
fn a_create_that_was_done_and_answered_with_an_error_is_found_again() {
    is_found_again("error-after");
}

#[test]
fn a_create_that_was_not_done_and_answered_with_an_error_is_made_again() {
    is_made_again("error-before");
}

#[test]
fn a_create_whose_connection_closes_is_made_again() {
    is_made_again("refused");
}
