//! What workers are asked, and how long an answer is awaited.

use super::*;

/// How long the workers of these tests may drain.
const DRAIN: DrainConfig =
    DrainConfig { deadline: Duration::from_secs(20 * 60), interval: Duration::from_secs(15) };
const ENDS: Time = Time::from_millis(BORN.as_millis() + 20 * 60_000);
const QUESTION: Question = Question::Drain { deadline: ENDS };

/// A server whose worker drains.
fn draining() -> Case {
    let mut case = case(Status::Draining, ProviderState::Running);
    case.drain = Some(DRAIN);
    case.removal(Why::Surplus).drain = Some(Drain { since: BORN, deadline: ENDS, done: false });
    case
}

fn soft_stop() -> Verdict {
    Verdict::Do(Task::Stop(SOFT))
}

#[test]
fn a_worker_is_asked_until_it_is_done_or_its_deadline_passes() {
    let mut case = draining();
    assert_eq!(case.plan(BORN), Verdict::Ask(QUESTION));
    case.server.live.ask_after = BORN + 15 * SECOND;
    assert_eq!(case.rests(BORN, BORN + 15 * SECOND), Verdict::Ask(QUESTION));
    case.server.live.ask_after = ENDS + MINUTE;
    assert_eq!(case.rests(BORN, ENDS), soft_stop(), "its deadline ends the wait");
    case.record().removal.as_mut().unwrap().drain.as_mut().unwrap().done = true;
    assert_eq!(case.plan(BORN), soft_stop());
}

#[test]
fn nothing_that_is_seen_of_a_server_cuts_its_drain_short_but_that_it_is_stopped() {
    for state in [ProviderState::InProgress, ProviderState::Error, ProviderState::Unknown] {
        assert_eq!(draining().see(state, BORN).plan(BORN), Verdict::Ask(QUESTION), "{state:?}");
    }
    assert_eq!(draining().see(ProviderState::Stopped, BORN).plan(BORN), Verdict::Do(Task::Delete));
}

#[test]
fn a_stop_or_delete_that_was_issued_is_past_any_drain() {
    let mut stopping = draining();
    stopping.stop(SOFT, false);
    assert_eq!(stopping.plan(BORN), soft_stop());
    let mut deleting = draining();
    deleting.removal(Why::Surplus).delete = Some(DeleteIssued { at: BORN, accepted_at: None });
    assert_eq!(deleting.plan(BORN), soft_stop());
}

#[test]
fn only_who_may_have_work_in_hand_is_drained() {
    let begins = Verdict::Become(Turn::Draining);
    let plan = |status, state, why, changes: fn(&mut Case)| {
        let mut case = case(status, state);
        case.drain = Some(DRAIN);
        case.removal(why);
        changes(&mut case);
        case.plan(BORN)
    };
    let (up, busy) = (ProviderState::Running, ProviderState::InProgress);
    assert_eq!(plan(Status::Running, up, Why::Surplus, |_| ()), begins);
    assert_eq!(plan(Status::Running, busy, Why::Surplus, |_| ()), begins, "it ran, whatever it shows now");
    assert_eq!(plan(Status::Starting, up, Why::Surplus, |_| ()), begins, "it is up by now");
    assert_ne!(plan(Status::Starting, busy, Why::Surplus, |_| ()), begins);
    assert_eq!(plan(Status::Rebooting, busy, Why::Surplus, |_| ()), begins, "it comes back");
    let rebooted: fn(&mut Case) = |case| case.record().previous_status = Some(Status::Rebooting);
    assert_eq!(plan(Status::Hanging, busy, Why::Surplus, rebooted), begins, "it may yet come back");
    let started: fn(&mut Case) = |case| case.record().previous_status = Some(Status::Starting);
    assert_ne!(plan(Status::Hanging, busy, Why::Surplus, started), begins, "it never came up");
    let unfinished: fn(&mut Case) = |case| case.record().unfinished = Some(Step("2".into()));
    assert_eq!(plan(Status::Starting, up, Why::Surplus, unfinished), soft_stop(), "it never was whole");
    assert_ne!(plan(Status::Running, up, Why::Failed, |_| ()), begins, "it failed");
    assert_eq!(plan(Status::Running, up, Why::Surplus, |case| case.drain = None), soft_stop());
}

#[test]
fn an_answer_is_awaited_for_five_minutes_and_nothing_else_is_asked_meanwhile() {
    let mut case = draining();
    case.server.live.asked = Some((QUESTION, BORN));
    let unanswered = Verdict::Become(Turn::Unanswered(QUESTION));
    assert_eq!(case.rests(BORN, BORN + 5 * MINUTE), unanswered);
    case.removal(Why::Surplus).drain = Some(Drain { since: BORN, deadline: BORN + MINUTE, done: false });
    assert_eq!(case.rests(BORN, BORN + MINUTE), soft_stop(), "a deadline waits for no answer");

    let mut case = super::case(Status::Running, ProviderState::Running);
    case.server.live.asked = Some((Question::Score, BORN));
    let unanswered = Verdict::Become(Turn::Unanswered(Question::Score));
    assert_eq!(case.rests(BORN, BORN + 5 * MINUTE), unanswered);
    case.record().recall = Some(Retry { tries: 0, at: BORN });
    assert_eq!(case.rests(BORN, BORN + 5 * MINUTE), unanswered, "one question at a time");
    case.server.live.suspected = true;
    assert_eq!(case.plan(BORN), Verdict::Do(Task::Inspect), "its provider is asked all the same");
}

#[test]
fn a_worker_that_is_kept_is_called_back_when_its_wait_is_over() {
    let mut case = case(Status::Running, ProviderState::Running);
    case.record().recall = Some(Retry { tries: 1, at: BORN + MINUTE });
    assert_eq!(case.rests(BORN, BORN + MINUTE), Verdict::Ask(Question::Undrain));
}
