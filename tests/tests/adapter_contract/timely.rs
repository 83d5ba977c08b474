//! Requests that leave in time or not at all.

use std::time::Duration;

use dynservers_core::Time;
use http::Method;

use crate::answers::{keeps_saying, says};
use crate::connections::Full;
use crate::server::Talk;
use crate::table::{Case, answered, hold, hold_at_once, unsent};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
pub(crate) const LATER: Time = Time::from_millis(3_600_000);

#[test]
fn a_request_whose_time_has_passed_makes_no_connection() {
    let late = |name: &str| {
        let told = unsent("its time had passed before it could be sent");
        Case::new(name, told, says("")).beginning_at(LATER).not_after(Time::from_millis(10)).unseen(0)
    };
    hold(&[late("a post"), late("a get").by(Method::GET).with_body(""), late("over TLS").over_tls()]);
}

#[test]
fn a_wait_for_a_connection_does_not_carry_a_request_past_its_time() {
    let full = Full::new();
    let hung = |talk: &mut Talk, _: usize| talk.wait_for_end();
    let told = unsent("its time had passed before there was a connection to send it by");
    hold_at_once(
        &[
            Case::new("a handshake that hangs", told.clone(), hung).over_tls().unseen(1),
            Case::new("a full queue", told, hung).elsewhere(full.uri()),
        ]
        .map(|case| case.not_after(Time::from_millis(1000))),
    );
}

#[test]
fn a_request_that_left_in_time_may_be_answered_after_it() {
    let slow = |talk: &mut Talk, _: usize| {
        talk.request();
        talk.clock.raise(LATER + Duration::from_millis(1));
        talk.say(OK);
    };
    hold(&[Case::new("late", answered(200, "ok"), slow).not_after(LATER)]);
}

#[test]
fn a_time_beyond_every_clock_is_as_good_as_for_ever() {
    hold(&[Case::new("for ever", answered(200, "ok"), keeps_saying(OK)).within(Duration::MAX)]);
}
