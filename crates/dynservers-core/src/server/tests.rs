//! A server: what each record counts as, what of it can be undone, and what looks are to show of it.

use super::*;
use crate::effect::StopMode;
use crate::ids::{ProviderId, Token};
use crate::record::Attempt;
use crate::removal::{DeleteIssued, Drain, StopIssued};

/// A server of a status that was never asked for, so far as its record goes.
fn record(status: Status) -> ServerRecord {
    let (server_type, provider) = (TypeName::new("default").unwrap(), ProviderName::new("cloud").unwrap());
    let wanted = ServerRecord::wanted(ServerId(1), server_type, provider, None, Time::ZERO);
    ServerRecord { status, ..wanted }
}

fn bound(status: Status) -> ServerRecord {
    ServerRecord { provider_id: ProviderId::new("1").ok(), ..record(status) }
}

fn attempted(phase: Phase) -> ServerRecord {
    let attempt = Some(Attempt { token: Token(1), not_after: Time::ZERO, phase });
    ServerRecord { attempt, ..record(Status::Starting) }
}

fn doomed(status: Status, why: Why, change: impl FnOnce(&mut Removal)) -> ServerRecord {
    let mut record = bound(status);
    record.doom(why, Time::ZERO);
    change(record.removal.as_mut().unwrap());
    record
}

const DELETE: Option<DeleteIssued> = Some(DeleteIssued { at: Time::ZERO, accepted_at: None });

#[test]
fn whatever_may_be_at_the_provider_and_is_ours_fills_the_ceilings() {
    assert!(!record(Status::New).may_exist(), "nothing was asked for");
    assert!(attempted(Phase::Issued).may_exist() && attempted(Phase::Uncertain).may_exist());
    assert!(!attempted(Phase::Throttled).may_exist(), "the provider said that it did not happen");
    for status in Status::ALL {
        assert_eq!(bound(status).may_exist(), status != Status::Deleted, "{status}");
        assert!(!ServerRecord { disowned: true, ..bound(status) }.may_exist(), "{status}");
    }
    let given_up = ServerRecord { status: Status::Deleted, ..attempted(Phase::Uncertain) };
    assert!(!given_up.may_exist());
    let known = ServerRecord { provider_id: ProviderId::new("1").ok(), ..attempted(Phase::Issued) };
    assert!(!known.is_undecided() && attempted(Phase::Issued).is_undecided());
}

#[test]
fn an_end_is_undone_only_while_nothing_of_it_was_issued_and_the_count_alone_wanted_it() {
    let is_undone = |status, why, change: fn(&mut Removal)| doomed(status, why, change).is_reprievable();
    for why in [Why::Surplus, Why::Superseded, Why::Retired] {
        for status in [Status::Starting, Status::Running, Status::Rebooting, Status::Draining] {
            assert!(is_undone(status, why, |_| ()), "{status} {why}");
        }
    }
    for status in [Status::Stopping, Status::Stopped, Status::Hanging, Status::Errored, Status::Deleted] {
        assert!(!is_undone(status, Why::Surplus, |_| ()), "{status}");
    }
    for why in [Why::Failed, Why::FoundStopped, Why::Duplicate, Why::Orphan, Why::Drained] {
        assert!(!is_undone(Status::Running, why, |_| ()), "{why}");
    }
    let stop = |removal: &mut Removal| {
        removal.stop = Some(StopIssued { mode: StopMode::Hard, at: Time::ZERO, accepted: false });
    };
    assert!(!is_undone(Status::Running, Why::Surplus, stop));
    assert!(!is_undone(Status::Running, Why::Surplus, |removal| removal.delete = DELETE));
    let drain = |done| Some(Drain { since: Time::ZERO, deadline: Time::ZERO, done });
    assert!(doomed(Status::Draining, Why::Surplus, |removal| removal.drain = drain(false)).is_reprievable());
    assert!(!doomed(Status::Draining, Why::Surplus, |removal| removal.drain = drain(true)).is_reprievable());
    assert!(!bound(Status::Running).is_reprievable(), "it is not going");
}

#[test]
fn it_is_worth_looking_soon_while_something_is_expected() {
    let is_restless = |record: ServerRecord| record.is_restless();
    for status in [Status::Starting, Status::Rebooting, Status::Draining, Status::Hanging, Status::Stopping] {
        assert!(is_restless(bound(status)), "{status}");
    }
    for status in [Status::New, Status::Running, Status::Errored, Status::Deleted] {
        assert!(!is_restless(bound(status)), "{status}");
    }
    assert!(is_restless(doomed(Status::Running, Why::Surplus, |_| ())));
    assert!(!is_restless(ServerRecord { disowned: true, ..bound(Status::Stopping) }));
}

#[test]
fn its_absence_is_a_surprise_if_listings_showed_it_and_nobody_asked_for_its_deletion() {
    let is_expected = |record: ServerRecord, seen: bool, listed: bool| {
        let sighting = Sighting { begun: Time::ZERO, state: ProviderState::Running, is_listed: listed };
        let live = Live { seen: seen.then_some(sighting), listed, ..Live::default() };
        Server::new(record, live).is_expected()
    };
    assert!(is_expected(bound(Status::Running), true, true));
    assert!(!is_expected(bound(Status::Running), true, false), "no listing showed it yet");
    assert!(is_expected(bound(Status::Running), false, false), "a process before this one saw it");
    assert!(!is_expected(bound(Status::Starting), false, false), "perhaps nobody did");
    assert!(is_expected(doomed(Status::Stopped, Why::Surplus, |_| ()), true, true));
    assert!(!is_expected(
        doomed(Status::Deleting, Why::Surplus, |removal| removal.delete = DELETE),
        true,
        true
    ));
}

#[test]
fn an_absence_is_explained_by_a_deletion_that_is_under_way() {
    let explains =
        |record, flight| Server::new(record, Live { flight, ..Live::default() }).is_being_deleted();
    let deleting = || doomed(Status::Deleting, Why::Surplus, |removal| removal.delete = DELETE);
    assert!(explains(deleting(), Some(EffectId(1))));
    assert!(!explains(deleting(), None), "it was answered");
    assert!(
        !explains(doomed(Status::Stopping, Why::Surplus, |_| ()), Some(EffectId(1))),
        "a stop explains none"
    );
}

#[test]
fn looks_are_about_what_is_bound_and_ours_and_not_gone() {
    let is_watched = |record| Server::new(record, Live::default()).is_watched();
    assert!(is_watched(bound(Status::Running)) && is_watched(bound(Status::Errored)));
    assert!(!is_watched(record(Status::Running)) && !is_watched(bound(Status::Deleted)));
    assert!(!is_watched(ServerRecord { disowned: true, ..bound(Status::Running) }));
}
