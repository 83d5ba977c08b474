//! The plan for one server, to the millisecond: what is next, and until when it waits.

use super::*;
use crate::effect::Step;
use crate::ids::{ProviderId, ProviderName, ServerId, Token, TypeName};
use crate::record::{Reboot, Retry};
use crate::removal::{DeleteIssued, Drain, StopIssued};
use alloc::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const INSTANT: Duration = Duration::from_millis(1);
/// When every server of these tests was made.
const BORN: Time = Time::from_millis(1_000_000_000);

/// A server and what its plan depends on.
struct Case {
    server: Server,
    timing: Timing,
    provider: ProviderConfig,
    on_failed: FailedPolicy,
    drain: Option<DrainConfig>,
    confirmed: Option<Time>,
    learned: BTreeMap<Status, Duration>,
}

/// A server of a status, bound, and seen in a state when it was made.
fn case(status: Status, state: ProviderState) -> Case {
    let server_type = TypeName::new("default").unwrap();
    let provider = ProviderName::new("cloud").unwrap();
    let mut record = ServerRecord::wanted(ServerId(1), server_type, provider, None, BORN);
    record.status = status;
    record.provider_id = ProviderId::new("1").ok();
    let seen = Some(Sighting { begun: BORN, state, is_listed: true });
    Case {
        server: Server::new(record, Live { seen, ..Live::default() }),
        timing: Timing::default(),
        provider: ProviderConfig::default(),
        on_failed: FailedPolicy::Delete,
        drain: None,
        confirmed: Some(BORN + HOUR),
        learned: BTreeMap::new(),
    }
}

impl Case {
    fn plan(&self, now: Time) -> Verdict {
        let terms = Terms {
            now,
            confirmed: self.confirmed,
            timing: &self.timing,
            provider: &self.provider,
            stop_timeout: 90 * SECOND,
            on_failed: self.on_failed,
            drain: self.drain,
            learned: Some(&self.learned),
        };
        plan(&self.server, &terms)
    }

    /// Demands that nothing happens from one moment to another, of which it knows beforehand, and gives what happens then.
    fn rests(&self, from: Time, until: Time) -> Verdict {
        assert_eq!(self.plan(from), Verdict::Rest(Some(until)), "from {from}");
        assert_eq!(self.plan(until.saturating_sub(INSTANT)), Verdict::Rest(Some(until)));
        let then = self.plan(until);
        assert_ne!(then, Verdict::Rest(Some(until)), "it would be planned again and again");
        then
    }

    fn record(&mut self) -> &mut ServerRecord {
        Arc::make_mut(&mut self.server.record)
    }

    fn removal(&mut self, why: Why) -> &mut Removal {
        self.record().doom(why, BORN);
        self.record().removal.as_mut().unwrap()
    }

    fn stop(&mut self, mode: StopMode, accepted: bool) {
        self.removal(Why::Surplus).stop = Some(StopIssued { mode, at: BORN, accepted });
    }

    fn see(&mut self, state: ProviderState, begun: Time) -> &mut Self {
        self.server.live.seen = Some(Sighting { begun, state, is_listed: true });
        self
    }
}

fn attempted(phase: Phase) -> Case {
    let mut case = case(Status::Starting, ProviderState::InProgress);
    case.record().provider_id = None;
    case.record().attempt = Some(Attempt { token: Token(7), not_after: BORN + 30 * SECOND, phase });
    case
}

const SOFT: StopMode = StopMode::Soft { timeout: Duration::from_secs(90) };

#[test]
fn a_record_is_forgotten_when_its_retention_ends() {
    let case = case(Status::Deleted, ProviderState::Stopped);
    assert_eq!(case.rests(BORN, BORN + 7 * 24 * HOUR), Verdict::Become(Turn::Forgotten));
}

#[test]
fn a_failed_server_is_kept_from_its_failure_for_its_retention() {
    let mut case = case(Status::Errored, ProviderState::Error);
    case.record().failed_at = Some(BORN + MINUTE);
    assert_eq!(case.rests(BORN, BORN + MINUTE + HOUR), Verdict::Become(Turn::Doomed));
    case.record().protected = true;
    assert_eq!(case.plan(BORN + 2 * HOUR), Verdict::Rest(None), "an operator keeps it");
    case.record().protected = false;
    case.on_failed = FailedPolicy::Keep;
    assert_eq!(case.plan(BORN + 2 * HOUR), Verdict::Rest(None), "the configuration does");
    case.record().provider_id = None;
    assert_eq!(case.plan(BORN + 2 * HOUR), Verdict::Become(Turn::Ended), "there is nothing to keep");
}

#[test]
fn a_lost_create_is_searched_for_when_it_must_show_and_again_after_a_while() {
    let mut case = attempted(Phase::Uncertain);
    let shows_at = BORN + 60 * SECOND + INSTANT;
    assert_eq!(case.rests(BORN, shows_at), Verdict::Do(Task::Find));
    case.server.live.searches = 1;
    case.server.live.searched_at = Some(shows_at);
    assert_eq!(case.rests(shows_at, shows_at + 20 * SECOND), Verdict::Do(Task::Find));
    case.provider.list_lag = 5 * SECOND;
    assert_eq!(case.rests(shows_at, shows_at + 5 * SECOND), Verdict::Do(Task::Find));
    case.server.live.searches = 2;
    assert_eq!(case.plan(shows_at), Verdict::Become(Turn::Unmade));
    for confirmed in [None, Some(shows_at.saturating_sub(INSTANT))] {
        case.confirmed = confirmed;
        assert_eq!(case.plan(BORN + HOUR), Verdict::Rest(None), "nobody knows whose listing that was");
    }
    case.confirmed = Some(shows_at);
    assert_eq!(case.plan(shows_at), Verdict::Become(Turn::Unmade));
}

#[test]
fn a_create_that_is_under_way_or_throttled_or_said_to_exist_is_not_waited_for_like_a_lost_one() {
    assert_eq!(attempted(Phase::Issued).plan(BORN + HOUR), Verdict::Rest(None));
    let mut throttled = attempted(Phase::Throttled);
    assert_eq!(throttled.plan(BORN), Verdict::Do(Task::Find));
    throttled.server.live.searches = 1;
    assert_eq!(throttled.plan(BORN), Verdict::Become(Turn::Unmade));
    throttled.removal(Why::Surplus);
    throttled.server.live.searches = 0;
    assert_eq!(throttled.plan(BORN), Verdict::Become(Turn::Ended), "it did not happen, and is not wanted");
    let mut exists = attempted(Phase::Uncertain);
    exists.server.live.exists = true;
    assert_eq!(exists.plan(BORN), Verdict::Do(Task::Find));
    exists.removal(Why::Surplus);
    assert_eq!(exists.plan(BORN), Verdict::Do(Task::Find), "what may be there is looked for all the same");
}

#[test]
fn whatever_was_refused_or_lost_is_tried_again_when_its_wait_is_over() {
    let retry = Some(Retry { tries: 1, at: BORN + MINUTE });
    let mut changes = case(Status::Stopped, ProviderState::Stopped);
    changes.removal(Why::Surplus);
    changes.record().retry = retry;
    assert_eq!(changes.rests(BORN, BORN + MINUTE), Verdict::Do(Task::Delete));
    let mut reads = case(Status::Running, ProviderState::Running);
    (reads.server.live.suspected, reads.server.live.retry) = (true, retry);
    assert_eq!(reads.rests(BORN, BORN + MINUTE), Verdict::Do(Task::Inspect));
}

#[test]
fn who_is_suspected_is_asked_about_until_its_absence_is_the_providers_word() {
    let mut case = case(Status::Running, ProviderState::Running);
    assert_eq!(case.plan(BORN), Verdict::Rest(None));
    case.server.live.inspect = true;
    assert_eq!(case.plan(BORN), Verdict::Do(Task::Inspect));
    case.server.live.absent = true;
    assert_eq!(case.plan(BORN), Verdict::Rest(None));
    (case.server.live.absent, case.server.live.suspected) = (false, true);
    case.record().disowned = true;
    assert_eq!(case.plan(BORN), Verdict::Do(Task::Inspect), "a reading touches nobody");
    case.server.live.flight = Some(crate::ids::EffectId(1));
    assert_eq!(case.plan(BORN), Verdict::Rest(None), "one request at a time");
    case.server.live.flight = None;
    case.record().provider_id = None;
    assert_eq!(case.plan(BORN), Verdict::Rest(None), "there is nothing to ask about");
}

#[test]
fn a_passing_status_hangs_when_a_look_shows_it_after_its_time_and_not_before() {
    let passing = [
        (Status::Starting, 10 * MINUTE),
        (Status::Rebooting, 10 * MINUTE),
        (Status::Stopping, 10 * MINUTE + 90 * SECOND),
        (Status::Stopped, 10 * MINUTE),
        (Status::Deleting, 10 * MINUTE),
    ];
    for (status, time) in passing {
        let mut case = case(status, ProviderState::Unknown);
        if status == Status::Rebooting {
            let reboot = Reboot { at: BORN, accepted_at: Some(BORN), seen_down: true };
            case.record().reboot = Some(reboot);
        } else if status != Status::Starting {
            case.removal(Why::Surplus);
        }
        let deadline = BORN + time;
        case.see(ProviderState::Unknown, deadline.saturating_sub(INSTANT));
        assert_eq!(case.plan(BORN + HOUR), Verdict::Rest(None), "{status}: time convicts nobody");
        case.see(ProviderState::Unknown, deadline);
        assert_eq!(case.plan(BORN + HOUR), Verdict::Become(Turn::Hanging), "{status}");
        case.learned.insert(status, 10 * MINUTE);
        assert_eq!(case.plan(BORN + HOUR), Verdict::Rest(None), "{status}: it is known to be slow");
        case.see(ProviderState::Unknown, deadline + 20 * MINUTE);
        assert_eq!(case.plan(BORN + HOUR), Verdict::Become(Turn::Hanging), "{status}: slower than that");
    }
}

#[test]
fn a_hanging_server_is_given_up_when_its_create_had_all_its_time_or_it_hung_as_long_again() {
    let mut case = case(Status::Hanging, ProviderState::InProgress);
    case.record().status_since = BORN + 10 * MINUTE;
    assert_eq!(case.rests(BORN, BORN + 2 * HOUR), Verdict::Become(Turn::GivenUp));
    case.record().status_since = BORN + 3 * HOUR;
    assert_eq!(case.rests(BORN, BORN + 3 * HOUR + 10 * MINUTE), Verdict::Become(Turn::GivenUp));
}

#[test]
fn what_its_create_still_needs_is_asked_for_until_then() {
    for status in [Status::Starting, Status::Running, Status::Hanging] {
        let mut case = case(status, ProviderState::Running);
        case.record().unfinished = Some(Step("2".into()));
        assert_eq!(case.plan(BORN), Verdict::Do(Task::Continue), "{status}");
        case.record().retry = Some(Retry { tries: 1, at: BORN + MINUTE });
        assert_eq!(case.rests(BORN, BORN + MINUTE), Verdict::Do(Task::Continue), "{status}");
    }
    let mut case = case(Status::Hanging, ProviderState::InProgress);
    case.record().unfinished = Some(Step("2".into()));
    case.record().retry = Some(Retry { tries: 9, at: BORN + 5 * HOUR });
    assert_eq!(case.rests(BORN, BORN + 2 * HOUR), Verdict::Become(Turn::GivenUp));
}

mod ends;
mod questions;
