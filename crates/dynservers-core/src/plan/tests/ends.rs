//! The end of a server: what is asked for in each state, and when it is asked for again.

use alloc::vec::Vec;

use super::*;

const HARD: Verdict = Verdict::Do(Task::Stop(StopMode::Hard));

/// A server on its way out.
fn going(status: Status, state: ProviderState) -> Case {
    let mut case = case(status, state);
    case.removal(Why::Surplus);
    case
}

#[test]
fn nothing_is_asked_for_before_a_look_that_began_after_the_last_answer() {
    let mut case = going(Status::Stopping, ProviderState::Stopped);
    case.server.live.act_after = BORN + SECOND;
    assert_eq!(case.plan(BORN + MINUTE), Verdict::Rest(None));
    case.see(ProviderState::Stopped, BORN + SECOND);
    assert_eq!(
        case.plan(BORN + MINUTE),
        Verdict::Rest(None),
        "of the same moment nobody knows which was first"
    );
    case.see(ProviderState::Stopped, BORN + MINUTE);
    assert_eq!(case.plan(BORN + MINUTE), Verdict::Do(Task::Delete));
    case.server.live.seen = None;
    assert_eq!(case.plan(BORN + MINUTE), Verdict::Rest(None), "this process has not seen it");
}

#[test]
fn an_accepted_delete_is_given_its_time_and_then_asked_for_again() {
    let mut case = going(Status::Hanging, ProviderState::Stopped);
    let accepted_at = BORN + MINUTE;
    case.removal(Why::Surplus).delete = Some(DeleteIssued { at: BORN, accepted_at: Some(accepted_at) });
    let patience = accepted_at + 10 * MINUTE;
    case.see(ProviderState::Stopped, patience.saturating_sub(INSTANT));
    assert_eq!(case.plan(BORN + HOUR), Verdict::Rest(None));
    case.see(ProviderState::Stopped, patience);
    assert_eq!(case.plan(BORN + HOUR), Verdict::Do(Task::Delete));
    case.removal(Why::Surplus).delete = Some(DeleteIssued { at: BORN, accepted_at: None });
    case.see(ProviderState::Stopped, BORN);
    assert_eq!(case.plan(BORN), Verdict::Do(Task::Delete), "one that was not accepted waits for nothing");
}

#[test]
fn one_that_runs_is_stopped_softly_and_one_that_failed_the_hard_way() {
    let mut case = going(Status::Running, ProviderState::Running);
    assert_eq!(case.plan(BORN), Verdict::Do(Task::Stop(SOFT)));
    case.record().removal = None;
    case.removal(Why::Failed);
    assert_eq!(case.plan(BORN), HARD);
    case.provider.stop_before_delete = StopBeforeDelete::Never;
    assert_eq!(case.plan(BORN), Verdict::Do(Task::Delete), "a delete stops it");
}

#[test]
fn a_stop_that_was_not_accepted_is_asked_for_as_before() {
    for mode in [SOFT, StopMode::Hard] {
        let mut case = going(Status::Stopping, ProviderState::Running);
        case.stop(mode, false);
        assert_eq!(case.plan(BORN + HOUR), Verdict::Do(Task::Stop(mode)));
    }
}

#[test]
fn a_stop_that_was_accepted_and_did_not_hold_becomes_a_hard_one() {
    let mut soft = going(Status::Hanging, ProviderState::Running);
    soft.stop(SOFT, true);
    let mut hard = going(Status::Hanging, ProviderState::Running);
    hard.stop(StopMode::Hard, true);
    for (case, patience) in [(&mut soft, 10 * MINUTE + 90 * SECOND), (&mut hard, 10 * MINUTE)] {
        let overdue_at = BORN + patience;
        case.see(ProviderState::Running, overdue_at.saturating_sub(INSTANT));
        assert_eq!(case.plan(BORN + HOUR), Verdict::Rest(None));
        case.see(ProviderState::Running, overdue_at);
        assert_eq!(case.plan(BORN + HOUR), HARD);
    }
    soft.see(ProviderState::Running, BORN).record().status = Status::Stopped;
    assert_eq!(soft.plan(BORN), HARD, "it was stopped, and runs again");
}

#[test]
fn one_in_error_is_told_to_stop_and_to_be_gone_in_turn() {
    for accepted in [false, true] {
        let asked: Vec<bool> = (0..4)
            .map(|tries| {
                let mut case = going(Status::Errored, ProviderState::Error);
                case.stop(StopMode::Hard, accepted);
                case.record().retry = Some(Retry { tries, at: BORN });
                match case.plan(BORN) {
                    HARD => true,
                    Verdict::Do(Task::Delete) => false,
                    other => panic!("{other:?}"),
                }
            })
            .collect();
        assert_eq!(asked, [!accepted, accepted, !accepted, accepted], "a stop that was accepted comes first");
    }
    assert_eq!(going(Status::Errored, ProviderState::Error).plan(BORN), HARD);
}

#[test]
fn one_in_progress_is_left_to_finish_until_it_had_all_the_time_there_is() {
    for (status, since) in [
        // Never up: from the beginning of its create.
        (Status::Starting, BORN),
        (Status::Hanging, BORN),
        // In maintenance or the like: from the beginning of its end.
        (Status::Running, BORN + HOUR),
        (Status::Errored, BORN + HOUR),
    ] {
        let mut case = going(status, ProviderState::InProgress);
        case.removal(Why::Surplus).since = BORN + HOUR;
        let ends_at = since + 2 * HOUR;
        assert_eq!(case.plan(ends_at.saturating_sub(INSTANT)), Verdict::Rest(None), "{status}");
        assert_eq!(case.plan(ends_at), HARD, "{status}");
    }
    let mut failed = case(Status::Errored, ProviderState::InProgress);
    failed.removal(Why::Failed);
    assert_eq!(failed.plan(BORN), HARD, "it had its time before it failed");
}

#[test]
fn a_hard_stop_that_was_not_accepted_is_insisted_on_while_it_is_in_progress() {
    for (mode, accepted, next) in [
        (StopMode::Hard, false, HARD),
        (StopMode::Hard, true, Verdict::Rest(None)),
        (SOFT, false, Verdict::Rest(None)),
    ] {
        let mut case = going(Status::Stopping, ProviderState::InProgress);
        case.stop(mode, accepted);
        assert_eq!(case.plan(BORN), next, "{mode:?} {accepted}");
    }
}

#[test]
fn what_is_being_deleted_or_not_understood_is_left_alone() {
    for state in [ProviderState::Deleting, ProviderState::Unknown] {
        assert_eq!(going(Status::Running, state).plan(BORN + 5 * HOUR), Verdict::Rest(None));
    }
}
