//! The plan for one server: a pure function of its record, what was seen of it, and the time.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::ask::Question;
use crate::config::{DrainConfig, FailedPolicy, ProviderConfig, StopBeforeDelete, Timing};
use crate::effect::StopMode;
use crate::look::ProviderState;
use crate::record::{Attempt, Phase, ServerRecord};
use crate::removal::Removal;
use crate::server::{Class, Live, Server, Sighting};
use crate::status::Status;
use crate::time::Time;
use crate::types::SLOW;
use crate::why::Why;

/// What a plan depends on besides the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) now: Time,
    /// When the latest check began that found the account to be ours.
    pub(crate) confirmed: Option<Time>,
    pub(crate) timing: &'a Timing,
    pub(crate) provider: &'a ProviderConfig,
    pub(crate) stop_timeout: Duration,
    pub(crate) on_failed: FailedPolicy,
    pub(crate) drain: Option<DrainConfig>,
    pub(crate) learned: Option<&'a BTreeMap<Status, Duration>>,
}

/// What is next for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing, until something is seen or this moment comes.
    Rest(Option<Time>),
    /// Ask the provider for something.
    Do(Task),
    /// Ask its worker something.
    Ask(Question),
    /// The record itself moves on.
    Become(Turn),
}

/// Something to ask a provider for, about one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// A listing of what bears its token.
    Find,
    /// A reading of it alone.
    Inspect,
    /// The next request that its create needs.
    Continue,
    /// Stop it.
    Stop(StopMode),
    /// Delete it.
    Delete,
    /// Restart it.
    Reboot,
}

impl Task {
    /// Whether it changes nothing at the provider, and so may be done whatever is wrong.
    pub(crate) const fn is_read(self) -> bool {
        matches!(self, Self::Find | Self::Inspect)
    }
}

/// A move of a record that needs nothing of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Its attempt is proved to have made nothing.
    Unmade,
    /// It takes longer than it should.
    Hanging,
    /// It took longer than anything may.
    GivenUp,
    /// It failed and was kept long enough.
    Doomed,
    /// There is no server, and none is wanted.
    Ended,
    /// Its worker begins to drain.
    Draining,
    /// Its worker did not answer in time.
    Unanswered(Question),
    /// Nobody needs the record any more.
    Forgotten,
}

/// How long an answer of a worker is awaited. Hosts have shorter bounds of their own; this one is for those that break.
const ANSWER: Duration = Duration::from_secs(5 * 60);

/// Plans for one server.
pub(crate) fn plan(server: &Server, terms: &Terms<'_>) -> Verdict {
    let Some((question, asked_at)) = server.live.asked else { return plan_unasked(server, terms) };
    let overdue_at = asked_at + ANSWER;
    match plan_unasked(server, terms) {
        _ if terms.now >= overdue_at => Verdict::Become(Turn::Unanswered(question)),
        // One question at a time.
        Verdict::Ask(_) => Verdict::Rest(Some(overdue_at)),
        Verdict::Rest(until) => Verdict::Rest(Some(until.map_or(overdue_at, |until| until.min(overdue_at)))),
        other => other,
    }
}

fn plan_unasked(server: &Server, terms: &Terms<'_>) -> Verdict {
    let Server { record, live, .. } = server;
    if live.flight.is_some() {
        return Verdict::Rest(None);
    }
    if record.status == Status::Deleted {
        return turn_at(record.status_since + terms.timing.retention, Turn::Forgotten, terms);
    }
    if record.provider_id.is_some() && !live.absent && (live.suspected || live.inspect) {
        return read(live, Task::Inspect, terms);
    }
    if record.disowned {
        return Verdict::Rest(None);
    }
    if let Some(removal) = &record.removal {
        return end(record, removal, live, terms);
    }
    match record.status {
        Status::Starting => start(record, live, terms),
        Status::Rebooting => reboot(record, live, terms),
        Status::Hanging => hang(record, terms),
        Status::Errored => fail(record, terms),
        // A listing was faster than the answer that asks for more.
        Status::Running if record.unfinished.is_some() => due(record, Task::Continue, terms),
        Status::Running => record.recall.map_or(Verdict::Rest(None), |recall| recall_at(recall.at, terms)),
        Status::New
        | Status::Draining
        | Status::Stopping
        | Status::Stopped
        | Status::Deleting
        | Status::Deleted
        | Status::Paused => Verdict::Rest(None),
    }
}

fn start(record: &ServerRecord, live: &Live, terms: &Terms<'_>) -> Verdict {
    if record.provider_id.is_none() {
        return record.attempt.as_ref().map_or(Verdict::Rest(None), |attempt| search(attempt, live, terms));
    }
    let next =
        if record.unfinished.is_some() { due(record, Task::Continue, terms) } else { Verdict::Rest(None) };
    hanging_or(next, record, live, terms)
}

fn hang(record: &ServerRecord, terms: &Terms<'_>) -> Verdict {
    let give_up_at = give_up_at(record, terms);
    if terms.now >= give_up_at {
        return Verdict::Become(Turn::GivenUp);
    }
    match record.unfinished.as_ref().map(|_| due(record, Task::Continue, terms)) {
        Some(Verdict::Rest(retry_at)) => Verdict::Rest(retry_at.map(|at| at.min(give_up_at))),
        Some(next) => next,
        None => Verdict::Rest(Some(give_up_at)),
    }
}

/// Waits and looks for the token of an attempt that is not settled: no second create before that.
fn search(attempt: &Attempt, live: &Live, terms: &Terms<'_>) -> Verdict {
    let (needed, from) = match attempt.phase {
        Phase::Uncertain if cfg!(dynservers_knockout = "wait") => (0, Time::ZERO),
        Phase::Issued | Phase::Bound => return Verdict::Rest(None),
        Phase::Uncertain => (2, attempt.not_after + terms.provider.list_lag + Duration::from_millis(1)),
        Phase::Throttled => (1, Time::ZERO),
    };
    if live.searches >= needed {
        // A search in another account's listing proves nothing.
        let is_ours = terms.confirmed >= live.searched_at;
        return if is_ours { Verdict::Become(Turn::Unmade) } else { Verdict::Rest(None) };
    }
    if live.exists {
        return read(live, Task::Find, terms);
    }
    let between = terms.provider.list_lag.min(terms.timing.poll_interval);
    let from = live.searched_at.map_or(from, |at| from.max(at + between));
    if terms.now < from { Verdict::Rest(Some(from)) } else { read(live, Task::Find, terms) }
}

fn reboot(record: &ServerRecord, live: &Live, terms: &Terms<'_>) -> Verdict {
    if record.reboot.is_none() {
        return hanging_or(due(record, Task::Reboot, terms), record, live, terms);
    }
    hanging_or(Verdict::Rest(None), record, live, terms)
}

fn fail(record: &ServerRecord, terms: &Terms<'_>) -> Verdict {
    let kept_until = record.failed_at.unwrap_or(record.status_since) + terms.timing.failed_retention;
    match (record.class(), terms.on_failed) {
        (Class::Failed, FailedPolicy::Keep) => Verdict::Rest(None),
        // An operator's word outlasts any retention.
        (Class::Failed, FailedPolicy::Delete) if record.protected => Verdict::Rest(None),
        (Class::Failed, FailedPolicy::Delete) => turn_at(kept_until, Turn::Doomed, terms),
        _ => turn_at(kept_until, Turn::Ended, terms),
    }
}

/// The end of a server: stop, seen stopped, delete, seen gone. Decided by the state seen, so that it matters nothing
/// how often it was asked, refused or lost before.
fn end(record: &ServerRecord, removal: &Removal, live: &Live, terms: &Terms<'_>) -> Verdict {
    if record.provider_id.is_none() {
        return match &record.attempt {
            Some(attempt) if attempt.phase != Phase::Throttled => search(attempt, live, terms),
            Some(_) | None => Verdict::Become(Turn::Ended),
        };
    }
    let Some(seen) = live.seen else { return Verdict::Rest(None) };
    if let Some(next) = drain(record, removal, live, seen, terms) {
        return next;
    }
    let next = end_by_state(record, removal, seen, terms);
    let next = if seen.begun <= live.act_after { Verdict::Rest(None) } else { next };
    hanging_or(next, record, live, terms)
}

/// Lets the worker finish first, where its type says how: nothing that the provider shows of the server cuts that short,
/// unless it is stopped already.
fn drain(
    record: &ServerRecord,
    removal: &Removal,
    live: &Live,
    seen: Sighting,
    terms: &Terms<'_>,
) -> Option<Verdict> {
    let is_past = removal.stop.is_some() || removal.delete.is_some() || seen.state == ProviderState::Stopped;
    if is_past {
        return None;
    }
    let Some(drain) = removal.drain else {
        // Whatever it shows just now: what ran has a worker with something in hand, perhaps.
        let is_up = ran(record) || (seen.state == ProviderState::Running && record.unfinished.is_none());
        let drains = terms.drain.is_some() && removal.why.drains();
        return (is_up && drains).then_some(Verdict::Become(Turn::Draining));
    };
    if drain.done || terms.now >= drain.deadline {
        return None;
    }
    let question = Question::Drain { deadline: drain.deadline };
    Some(if terms.now < live.ask_after {
        Verdict::Rest(Some(live.ask_after.min(drain.deadline)))
    } else if live.asked.is_some() {
        Verdict::Rest(Some(drain.deadline))
    } else {
        Verdict::Ask(question)
    })
}

/// Whether it was up, so that a worker was at work, as far as the record goes. A reboot ends none.
fn ran(record: &ServerRecord) -> bool {
    matches!(record.status, Status::Running | Status::Rebooting | Status::Draining)
        || (record.status == Status::Hanging && record.previous_status == Some(Status::Rebooting))
}

fn recall_at(at: Time, terms: &Terms<'_>) -> Verdict {
    if terms.now < at { Verdict::Rest(Some(at)) } else { Verdict::Ask(Question::Undrain) }
}

fn end_by_state(record: &ServerRecord, removal: &Removal, seen: Sighting, terms: &Terms<'_>) -> Verdict {
    if let Some(accepted_at) = removal.delete.and_then(|delete| delete.accepted_at) {
        let patience = accepted_at + limit(Status::Deleting, terms);
        if seen.begun < patience {
            return Verdict::Rest(None);
        }
    }
    match seen.state {
        ProviderState::Stopped => due(record, Task::Delete, terms),
        ProviderState::Running => stop_running(record, removal, seen, terms),
        ProviderState::Error => {
            // Nothing is documented of what an erroneous server obeys: ask for both in turn.
            let was_stopped = removal.stop.is_some_and(|stop| stop.accepted);
            let stops = tries(record).is_multiple_of(2) != was_stopped;
            due(record, if stops { Task::Stop(StopMode::Hard) } else { Task::Delete }, terms)
        }
        ProviderState::InProgress => {
            // One that came up once is in maintenance or the like, and no create that never ends.
            let never_up = matches!(record.status, Status::Starting | Status::Hanging);
            let since = if never_up { record.created_at } else { removal.since };
            let insists = removal.stop.is_some_and(|stop| stop.mode == StopMode::Hard && !stop.accepted);
            if insists || removal.why == Why::Failed || terms.now >= since + terms.timing.create_deadline {
                due(record, Task::Stop(StopMode::Hard), terms)
            } else {
                Verdict::Rest(None)
            }
        }
        ProviderState::Deleting | ProviderState::Unknown => Verdict::Rest(None),
    }
}

fn stop_running(record: &ServerRecord, removal: &Removal, seen: Sighting, terms: &Terms<'_>) -> Verdict {
    let Some(stop) = removal.stop else {
        if removal.why == Why::Failed {
            let free = terms.provider.stop_before_delete == StopBeforeDelete::Never;
            return due(record, if free { Task::Delete } else { Task::Stop(StopMode::Hard) }, terms);
        }
        return due(record, Task::Stop(StopMode::Soft { timeout: terms.stop_timeout }), terms);
    };
    if !stop.accepted {
        return due(record, Task::Stop(stop.mode), terms);
    }
    let patience = match stop.mode {
        StopMode::Soft { timeout } => timeout + terms.timing.hanging_after,
        StopMode::Hard => terms.timing.hanging_after,
    };
    // Stopped before, or told to and still up long after: what it was told did not hold.
    let overdue = record.status == Status::Stopped || seen.begun >= stop.at + patience;
    if overdue { due(record, Task::Stop(StopMode::Hard), terms) } else { Verdict::Rest(None) }
}

/// Lets a passing status become hanging once its time is over and a look begun after that still shows it.
fn hanging_or(otherwise: Verdict, record: &ServerRecord, live: &Live, terms: &Terms<'_>) -> Verdict {
    let is_passing = match record.status {
        Status::Starting | Status::Rebooting | Status::Stopping | Status::Stopped | Status::Deleting => true,
        Status::New
        | Status::Running
        | Status::Draining
        | Status::Deleted
        | Status::Errored
        | Status::Hanging
        | Status::Paused => false,
    };
    let deadline = record.status_since + limit(record.status, terms);
    if is_passing && live.seen.is_some_and(|seen| seen.begun >= deadline) {
        Verdict::Become(Turn::Hanging)
    } else {
        otherwise
    }
}

/// How long a passing status may last.
fn limit(status: Status, terms: &Terms<'_>) -> Duration {
    let learned = terms.learned.and_then(|learned| learned.get(&status)).copied().unwrap_or_default();
    let extra = if status == Status::Stopping { terms.stop_timeout } else { Duration::ZERO };
    terms.timing.hanging_after.max(learned.saturating_mul(SLOW)).saturating_add(extra)
}

/// When a hanging server has had all the time there is: a create from its beginning, anything else as long again.
fn give_up_at(record: &ServerRecord, terms: &Terms<'_>) -> Time {
    (record.created_at + terms.timing.create_deadline).max(record.status_since + terms.timing.hanging_after)
}

fn tries(record: &ServerRecord) -> u32 {
    record.retry.map_or(0, |retry| retry.tries)
}

fn due(record: &ServerRecord, task: Task, terms: &Terms<'_>) -> Verdict {
    match record.retry {
        Some(retry) if terms.now < retry.at => Verdict::Rest(Some(retry.at)),
        Some(_) | None => Verdict::Do(task),
    }
}

fn read(live: &Live, task: Task, terms: &Terms<'_>) -> Verdict {
    match live.retry {
        Some(retry) if terms.now < retry.at => Verdict::Rest(Some(retry.at)),
        Some(_) | None => Verdict::Do(task),
    }
}

fn turn_at(at: Time, turn: Turn, terms: &Terms<'_>) -> Verdict {
    if terms.now < at { Verdict::Rest(Some(at)) } else { Verdict::Become(turn) }
}

#[cfg(test)]
mod tests;
