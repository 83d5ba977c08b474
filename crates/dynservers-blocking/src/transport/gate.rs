//! The gate: a request's body that does not leave after its time.

use std::io::{self, Read};
use std::time::Duration;

use dynservers_core::Time;
use dynservers_host::FleetClock;
use dynservers_http::Sent;

/// What is said of a request whose time passed while it waited for a connection.
pub(super) const CLOSED: &str = "its time had passed before there was a connection to send it by";

/// How much earlier than asked for the client may end a wait: it and the system count in whole ticks. Who ends it before
/// its time has passed tells of no connection, and not that it was late.
const LEEWAY: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Passed,
    Shut,
}

/// Lets the body of one request through, or not any more.
///
/// A client asks for the body when it has a connection and has written the head; a request whose body never came is no
/// request to any server. So the wait for a connection, of which the client tells nothing, cannot carry a create past
/// the moment after which others may rely on its not being sent.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    clock: &'a FleetClock,
    not_after: Time,
    state: State,
    body: &'a [u8],
}

impl<'a> Gate<'a> {
    pub(super) const fn new(clock: &'a FleetClock, not_after: Time, body: &'a [u8]) -> Self {
        Self { clock, not_after, state: State::Waiting, body }
    }

    /// Gives after how long a wait for a connection is certainly in vain: never nothing.
    pub(super) fn closes_in(&self) -> Duration {
        self.clock.until(self.not_after) + LEEWAY
    }

    /// Whether a request that failed so was kept from leaving by the gate.
    pub(super) fn kept_back(&self, sent: Sent) -> bool {
        match self.state {
            State::Shut => true,
            State::Waiting => sent == Sent::No && self.is_late(),
            State::Passed => false,
        }
    }

    fn is_late(&self) -> bool {
        self.clock.now() > self.not_after
    }
}

impl Read for Gate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.state == State::Waiting {
            self.state = if self.is_late() { State::Shut } else { State::Passed };
        }
        match self.state {
            State::Passed => self.body.read(buffer),
            State::Waiting | State::Shut => Err(io::Error::other(CLOSED)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_AFTER: Time = Time::from_millis(10);

    fn read(gate: &mut Gate<'_>) -> Option<usize> {
        gate.read(&mut [0; 4]).ok()
    }

    #[test]
    fn what_is_asked_for_in_time_passes_whole_and_stays_passed() {
        let clock = FleetClock::ticking_by(NOT_AFTER, || Duration::ZERO);
        let mut gate = Gate::new(&clock, NOT_AFTER, b"create");
        assert_eq!(gate.closes_in(), LEEWAY);
        assert_eq!(read(&mut gate), Some(4));
        clock.raise(Time::from_millis(11));
        assert_eq!((read(&mut gate), read(&mut gate)), (Some(2), Some(0)));
        assert!(!gate.kept_back(Sent::Maybe));
    }

    #[test]
    fn what_is_asked_for_late_does_not_pass_and_stays_shut() {
        let clock = FleetClock::ticking_by(Time::from_millis(11), || Duration::ZERO);
        let mut gate = Gate::new(&clock, NOT_AFTER, b"create");
        assert_eq!((read(&mut gate), read(&mut gate)), (None, None));
        assert!(gate.kept_back(Sent::Maybe));
    }

    #[test]
    fn what_was_never_asked_for_is_late_only_if_nothing_has_left() {
        let clock = FleetClock::ticking_by(NOT_AFTER, || Duration::ZERO);
        let gate = Gate::new(&clock, NOT_AFTER, b"create");
        assert!(!gate.kept_back(Sent::No));
        clock.raise(Time::from_millis(11));
        assert!(gate.kept_back(Sent::No) && !gate.kept_back(Sent::Maybe));
    }
}
