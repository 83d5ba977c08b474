//! The ledger: what is counted, found by its names, remembered and forgotten.

use super::*;
use crate::ids::{FleetName, OwnerId};
use crate::input::{Action, Command};
use crate::look::ProviderState;
use crate::output::Done;
use crate::record::{Attempt, Phase};
use crate::server::Sighting;

fn empty() -> Ledger {
    Ledger::restore(Stored::empty(FleetName::new("workers").unwrap(), OwnerId::from_random(1)))
}

fn type_name() -> TypeName {
    TypeName::new("default").unwrap()
}

fn provider() -> ProviderName {
    ProviderName::new("cloud").unwrap()
}

fn running(id: u64) -> ServerRecord {
    let mut record = ServerRecord::wanted(ServerId(id), type_name(), provider(), None, Time::ZERO);
    record.status = Status::Running;
    record
}

fn at(seconds: u64) -> Time {
    Time::from_millis(seconds * 1_000)
}

fn sighting(seconds: u64, state: ProviderState) -> Sighting {
    Sighting { begun: at(seconds), state, is_listed: true }
}

#[test]
fn servers_that_are_no_longer_ours_do_not_count() {
    let mut ledger = empty();
    for id in 1..=3 {
        ledger.insert(running(id));
    }
    let counted = |ledger: &Ledger| {
        let (running, provisioned) =
            (ledger.count(&type_name(), Status::Running), ledger.provisioned(&type_name()));
        assert_eq!(running, provisioned);
        running
    };
    assert_eq!(counted(&ledger), 3);
    ledger.update(ServerId(1), |record| record.disowned = true);
    assert_eq!(counted(&ledger), 2);
    ledger.update(ServerId(1), |record| record.disowned = false);
    assert_eq!(counted(&ledger), 3);
    ledger.update(ServerId(1), |record| record.disowned = true);
    ledger.forget(ServerId(1));
    assert_eq!(counted(&ledger), 2);
}

#[test]
fn a_number_is_never_given_twice_whatever_a_label_says() {
    let mut ledger = empty();
    assert_eq!(ledger.next_server_id(), ServerId(1));
    ledger.skip_server_ids(ServerId(7));
    assert_eq!(ledger.next_server_id(), ServerId(8));
    ledger.skip_server_ids(ServerId(3));
    assert_eq!(ledger.next_server_id(), ServerId(9));
    for number in [u64::MAX, u64::MAX - 1, 1 << 62] {
        ledger.skip_server_ids(ServerId(number));
    }
    assert_eq!(ledger.next_server_id(), ServerId(10), "a number that nobody counts to is nobody's word");
    ledger.skip_server_ids(ServerId((1 << 62) - 1));
    assert_eq!(ledger.next_server_id(), ServerId(1 << 62));
    assert_eq!(ledger.next_server_id(), ServerId((1 << 62) + 1), "there are more");
}

#[test]
fn a_number_that_was_seen_is_written_and_one_that_changes_nothing_hides_no_other_change() {
    let mut ledger = empty();
    ledger.forget_unsaved();
    ledger.skip_server_ids(ServerId(7));
    assert!(ledger.unsaved.fleet, "the next process must not give it either");
    ledger.skip_server_ids(ServerId(3));
    assert!(ledger.unsaved.fleet);
    ledger.forget_unsaved();
    ledger.skip_server_ids(ServerId(3));
    assert!(!ledger.unsaved.fleet, "nothing changed");
}

#[test]
fn a_sighting_older_than_what_is_known_says_nothing() {
    let mut ledger = empty();
    ledger.insert(running(1));
    let state = |ledger: &Ledger| ledger.get(ServerId(1)).unwrap().live.seen.unwrap().state;
    assert!(
        ledger.sight_quietly(ServerId(1), sighting(20, ProviderState::Running)),
        "that it runs is no news"
    );
    assert!(
        ledger.sight_quietly(ServerId(1), sighting(10, ProviderState::Stopped)),
        "nor is what was before"
    );
    assert_eq!(state(&ledger), ProviderState::Running);
    assert!(!ledger.sight_quietly(ServerId(1), sighting(20, ProviderState::Error)), "what came later is");
    assert_eq!(state(&ledger), ProviderState::Error);
    assert!(!ledger.sight_quietly(ServerId(1), sighting(30, ProviderState::Stopped)));
    assert_eq!(state(&ledger), ProviderState::Stopped);
    assert!(ledger.sight_quietly(ServerId(2), sighting(30, ProviderState::Running)), "nobody knows it");
}

#[test]
fn that_a_server_runs_is_no_news_only_where_that_was_all_that_was_known() {
    let changes: [fn(&mut Ledger); 5] = [
        |ledger| {
            ledger.update(ServerId(1), |record| record.status = Status::Starting);
        },
        |ledger| {
            ledger.update(ServerId(1), |record| record.doom(crate::why::Why::Surplus, at(1)));
        },
        |ledger| {
            ledger.update(ServerId(1), |record| record.disowned = true);
        },
        |ledger| {
            ledger.update_live(ServerId(1), |live| live.suspected = true);
        },
        |_| (),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut ledger = empty();
        ledger.insert(running(1));
        change(&mut ledger);
        let is_all = ledger.sight_quietly(ServerId(1), sighting(20, ProviderState::Running));
        assert_eq!(is_all, index == 4, "{index}");
    }
}

#[test]
fn what_a_listing_showed_once_was_listed_and_is_no_longer_missed() {
    let mut ledger = empty();
    ledger.insert(running(1));
    let read = |seconds| Sighting { is_listed: false, ..sighting(seconds, ProviderState::Running) };
    let live = |ledger: &Ledger| ledger.get(ServerId(1)).unwrap().live.clone();
    ledger.sight_quietly(ServerId(1), read(10));
    assert!(!live(&ledger).listed, "a reading of it alone is no listing");
    ledger.update_live(ServerId(1), |live: &mut Live| live.missed(Time::ZERO));
    ledger.sight_quietly(ServerId(1), sighting(20, ProviderState::Running));
    assert!(live(&ledger).listed && live(&ledger).misses == 0);
    ledger.sight_quietly(ServerId(1), read(30));
    assert!(live(&ledger).listed);
}

#[test]
fn a_server_is_found_by_every_token_it_had_and_by_its_id_until_it_is_forgotten() {
    let mut ledger = empty();
    let mut record = running(1);
    record.abandoned = alloc::vec![Token(1), Token(2)];
    record.attempt = Some(Attempt { token: Token(3), not_after: at(0), phase: Phase::Issued });
    ledger.insert(record);
    let id = ProviderId::new("a").unwrap();
    let found = |ledger: &Ledger| {
        let by_token = (1..=4).map(|token| ledger.by_token(Token(token)).is_some()).collect::<Vec<_>>();
        (by_token, ledger.by_provider_id(&provider(), &id))
    };
    assert_eq!(found(&ledger), (alloc::vec![true, true, true, false], None));
    ledger.update(ServerId(1), |record| {
        record.provider_id = Some(id.clone());
        record.abandoned.push(Token(3));
        record.attempt.as_mut().unwrap().token = Token(4);
    });
    ledger.forget_token(Token(1));
    assert_eq!(found(&ledger), (alloc::vec![false, true, true, true], Some(ServerId(1))));
    ledger.forget(ServerId(1));
    assert_eq!(ledger.by_token(Token(2)), None);
    assert_eq!(ledger.by_token(Token(4)), None);
    assert_eq!(found(&ledger).1, None);
}

#[test]
fn forgetting_a_record_leaves_an_id_that_another_one_has_by_now() {
    let mut ledger = empty();
    let id = ProviderId::new("a").unwrap();
    for number in [1, 2] {
        ledger.insert(ServerRecord { provider_id: Some(id.clone()), ..running(number) });
    }
    ledger.forget(ServerId(1));
    assert_eq!(ledger.by_provider_id(&provider(), &id), Some(ServerId(2)));
}

#[test]
fn a_failed_server_has_a_stand_in_as_long_as_the_latest_of_them_lives() {
    let mut ledger = empty();
    let failed = ServerId(1);
    for number in [2, 3] {
        ledger.insert(ServerRecord { replaces: Some(failed), ..running(number) });
    }
    ledger.insert(ServerRecord { replaces: Some(ServerId(9)), ..running(4) });
    ledger.update(ServerId(2), |record| record.status = Status::Deleted);
    assert_eq!(ledger.replacement_of(failed), Some(ServerId(3)));
    ledger.update(ServerId(3), |record| record.status = Status::Deleted);
    assert_eq!(ledger.replacement_of(failed), None);
    assert_eq!(ledger.replacement_of(ServerId(9)), Some(ServerId(4)));
}

#[test]
fn a_type_is_planned_again_when_what_it_counts_changes_and_not_for_less() {
    let mut ledger = empty();
    let is_touched = |ledger: &mut Ledger| ledger.touched_types.pop_first() == Some(type_name());
    ledger.insert(running(1));
    assert!(is_touched(&mut ledger));
    ledger.update(ServerId(1), |record| record.name = "another".into());
    assert!(!is_touched(&mut ledger), "that is nothing to it");
    ledger.update(ServerId(1), |record| record.status = Status::Errored);
    assert!(is_touched(&mut ledger));
    ledger.update_live(ServerId(1), |live| live.suspected = true);
    assert!(is_touched(&mut ledger), "nobody goes while that is open");
    ledger.forget(ServerId(1));
    assert!(is_touched(&mut ledger));
}

#[test]
fn the_last_thousand_commands_are_remembered_and_no_more() {
    let mut ledger = empty();
    let record = |number: usize| {
        let id = CommandId::new(alloc::format!("command {number}")).unwrap();
        let action = Action::Pause { out: None, inward: None };
        let reply = Ok(Done::Resumed { providers: u32::try_from(number).unwrap() });
        CommandRecord { command: Command { id, action }, reply, at: at(0) }
    };
    let is_known = |ledger: &Ledger, number| ledger.command(&record(number).command.id).is_some();
    for number in 0..COMMANDS_KEPT {
        ledger.keep_command(record(number));
        // Said again: it is no further one.
        ledger.keep_command(record(number));
    }
    assert!((0..COMMANDS_KEPT).all(|number| is_known(&ledger, number)));
    ledger.keep_command(record(COMMANDS_KEPT));
    assert!(!is_known(&ledger, 0));
    assert!((1..=COMMANDS_KEPT).all(|number| is_known(&ledger, number)));
}

#[test]
fn a_specification_is_written_once_and_given_by_its_hash() {
    let mut ledger = empty();
    let spec = Arc::new(Spec::new(serde_json::json!({"plan": "small"})));
    let hash = ledger.keep_spec(Arc::clone(&spec));
    assert_eq!(ledger.keep_spec(Arc::clone(&spec)), hash);
    assert_eq!(ledger.spec(hash), Some(&spec));
    let written = ledger.unsaved.others.iter().filter(|change| matches!(change, Change::Spec(_)));
    assert_eq!(written.count(), 1);
}

#[test]
fn a_number_that_is_forgotten_and_adopted_before_the_next_write_is_a_row_after_it() {
    let mut ledger = empty();
    ledger.insert(running(1));
    ledger.forget(ServerId(1));
    ledger.insert(running(1));
    let written = ledger.take_unsaved(at(1));
    let rows: Vec<&Change> =
        written.iter().filter(|change| matches!(change, Change::Server(_) | Change::Forget(_))).collect();
    assert!(matches!(rows[..], [Change::Forget(ServerId(1)), Change::Server(_)]), "{rows:?}");
    ledger.forget(ServerId(1));
    assert!(ledger.has_unsaved());
    assert!(matches!(ledger.take_unsaved(at(2))[..], [Change::Forget(ServerId(1))]));
    assert!(!ledger.has_unsaved());
}
