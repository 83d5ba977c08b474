//! Creates whose answers are lost, cut, late, garbled or errors: nothing leaks, nothing is doubled, nothing is too many.

use dynservers_tests::{Loop, trials};

/// A create that was done is found and kept: asking again would be one too many.
#[track_caller]
fn is_found_again(fault: &str) {
    assert_eq!(trials::create_fault(Loop::Told, fault), 6);
}

/// A create that was not done is done again, once that is known for sure.
#[track_caller]
fn is_made_again(fault: &str) {
    assert!(trials::create_fault(Loop::Told, fault) > 6);
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
