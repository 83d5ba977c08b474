//! What is written is read back: every change, in any order, by the same process and by the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynservers_core::{
    Batch, COMMANDS_KEPT, Change, CommandRecord, DECISIONS_KEPT, Decision, DecisionQuery, Event, EventId,
    EventKind, FleetRecord, Found, FoundRecord, OwnerId, ProviderId, ProviderName, ServerId, ServerRecord,
    Spec, SpecHash, Status, Store, StoreError, Stored, Time,
};
use dynservers_store::Sqlite;
use proptest::prelude::*;

use crate::common::{
    Place, at, batch, ensure, event, every_command, every_kind, fleet, found, full_decision, full_fleet,
    full_server, plain_server, provider, server_event, spec, type_name,
};

#[test]
fn a_new_ledger_is_empty_and_has_an_owner_of_its_own() {
    let (one, two) = (Place::new(), Place::new());
    let mut store = one.open();
    let owner = store.owner().clone();
    assert_eq!(store.load().unwrap(), Stored::empty(fleet(), owner.clone()));
    assert_eq!(store.events(EventId(0), 10).unwrap(), []);
    assert_eq!(store.term(), 1);
    assert_ne!(two.open().owner(), &owner);
    drop(store);
    let store = one.open();
    assert_eq!((store.owner(), store.term()), (&owner, 2));
}

#[test]
fn every_field_and_every_kind_reads_back_as_written() {
    let place = Place::new();
    let mut store = place.open();
    let fleet_record = full_fleet(store.owner(), at(50));
    let servers: Vec<_> = Status::ALL
        .into_iter()
        .zip(1..)
        .map(|(status, id)| ServerRecord {
            status,
            ..if id % 2 == 0 { full_server(id) } else { plain_server(id) }
        })
        .collect();
    let found = vec![found("a", Found::Orphan), found("b", Found::Held)];
    let commands = every_command();
    let events: Vec<_> =
        every_kind().into_iter().zip(1..).map(|(kind, id)| event(id, at(id), kind)).collect();
    let changes = [Change::Fleet(fleet_record.clone().into()), Change::Spec(spec("2xCPU-4GB").into())]
        .into_iter()
        .chain(servers.iter().cloned().map(|record| Change::Server(record.into())))
        .chain(found.iter().cloned().map(|found| Change::Found(found.into())))
        .chain(commands.iter().cloned().map(|command| Change::Command(command.into())))
        .chain(events.iter().cloned().map(|event| Change::Event(event.into())))
        .collect();
    store.append(&batch(at(50), changes)).unwrap();

    let stored = Stored { fleet: fleet_record, servers, specs: vec![spec("2xCPU-4GB")], found, commands };
    assert_eq!(store.load().unwrap(), stored);
    assert_eq!(store.events(EventId(0), 100).unwrap(), events);
    drop(store);
    let mut store = place.open();
    assert_eq!(store.load().unwrap(), stored);
    assert_eq!(store.events(EventId(0), 100).unwrap(), events);
}

#[test]
fn events_are_read_from_a_cursor_in_pages() {
    let place = Place::new();
    let mut store = place.open();
    let log: Vec<_> = (1..=7).map(|id| event(id, at(id), EventKind::Running(server_event(id)))).collect();
    store
        .append(&batch(at(7), log.iter().cloned().map(|event| Change::Event(event.into())).collect()))
        .unwrap();

    let mut read = Vec::new();
    loop {
        let after = read.last().map_or(EventId(0), |event: &Event| event.id);
        let page = store.events(after, 3).unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, log);
    assert_eq!(store.events(EventId(0), 0).unwrap(), []);
    assert_eq!(store.events(EventId(u64::MAX), usize::MAX).unwrap(), []);
    assert_eq!(store.events(EventId(6), usize::MAX).unwrap(), log[6..]);
}

#[test]
fn an_event_is_in_the_log_once() {
    let place = Place::new();
    let mut store = place.open();
    let one = event(1, at(1), EventKind::Resumed { provider: provider() });
    store.append(&batch(at(1), vec![Change::Event(one.clone().into())])).unwrap();
    let again = event(1, at(2), EventKind::SecondController { provider: provider() });
    let refused = store
        .append(&batch(at(2), vec![Change::Server(plain_server(1).into()), Change::Event(again.into())]));
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    assert_eq!(store.events(EventId(0), 10).unwrap(), [one]);
    assert_eq!(store.load().unwrap().servers, [], "nothing of the batch is there");
    assert_eq!(store.load().unwrap().fleet.time, at(1));
}

#[test]
fn the_log_forgets_what_is_old_or_beyond_its_bound_in_small_steps() {
    const DAY: u64 = 24 * 60 * 60;
    let place = Place::new();
    let mut store = place.open();
    let kind = || EventKind::ProviderReachable { provider: provider() };
    let mut tell = |id: u64, time: Time| {
        store.append(&batch(time, vec![Change::Event(event(id, time, kind()).into())])).unwrap();
        store.events(EventId(0), 100).unwrap().iter().map(|event| event.id.0).collect::<Vec<_>>()
    };
    for id in 1..=5 {
        tell(id, at(0));
    }
    assert_eq!(tell(6, at(30 * DAY)), [1, 2, 3, 4, 5, 6]);
    assert_eq!(tell(7, at(30 * DAY + 1)), [3, 4, 5, 6, 7]);
    assert_eq!(tell(8, at(30 * DAY + 1)), [5, 6, 7, 8]);
    assert_eq!(tell(9, at(30 * DAY + 1)), [6, 7, 8, 9]);
    assert_eq!(tell(1_000_007, at(30 * DAY + 2)), [8, 9, 1_000_007]);
}

#[test]
fn the_last_commands_are_kept_and_a_repeated_one_counts_as_new() {
    let place = Place::new();
    let mut store = place.open();
    let record = |number: usize| ensure(&format!("key {number}"), number as u32);
    let keep = |numbers: std::ops::Range<usize>| numbers.map(|n| Change::Command(record(n).into())).collect();
    store.append(&batch(at(1), keep(0..COMMANDS_KEPT))).unwrap();
    assert_eq!(store.load().unwrap().commands.len(), COMMANDS_KEPT);

    store.append(&batch(at(2), vec![Change::Command(record(0).into())])).unwrap();
    let commands = store.load().unwrap().commands;
    assert_eq!(commands.len(), COMMANDS_KEPT);
    assert_eq!((commands.first(), commands.last()), (Some(&record(1)), Some(&record(0))));

    store.append(&batch(at(3), keep(COMMANDS_KEPT..COMMANDS_KEPT + 2))).unwrap();
    let commands = store.load().unwrap().commands;
    assert_eq!(commands.len(), COMMANDS_KEPT);
    assert_eq!((commands.first(), commands.last()), (Some(&record(3)), Some(&record(COMMANDS_KEPT + 1))));
}

#[test]
fn the_stored_time_follows_every_batch_and_never_falls_behind() {
    let place = Place::new();
    let mut store = place.open();
    let mut after = |time, changes| {
        store.append(&batch(time, changes)).unwrap();
        store.load().unwrap().fleet.time
    };
    assert_eq!(after(at(5), Vec::new()), at(5));
    assert_eq!(after(at(4), Vec::new()), at(5));
    let owner = place_owner(&place);
    assert_eq!(after(at(6), vec![Change::Fleet(full_fleet(&owner, at(3)).into())]), at(6));
    assert_eq!(after(at(6), vec![Change::Fleet(full_fleet(&owner, at(9)).into())]), at(9));
}

fn place_owner(place: &Place) -> OwnerId {
    Sqlite::open_read_only(&place.path, None).unwrap().load().unwrap().fleet.owner
}

#[test]
fn specifications_that_no_server_has_go_with_the_process_that_knew_them() {
    let place = Place::new();
    let mut store = place.open();
    let (used, unused) = (spec("2xCPU-4GB"), spec("1xCPU-1GB"));
    let changes = vec![
        Change::Spec(used.clone().into()),
        Change::Spec(unused.into()),
        Change::Server(full_server(1).into()),
        Change::Server(plain_server(2).into()),
        Change::Forget(ServerId(2)),
    ];
    store.append(&batch(at(1), changes)).unwrap();
    assert_eq!(store.load().unwrap().specs.len(), 2);
    drop(store);
    assert_eq!(place.open().load().unwrap().specs, [used]);
}

#[test]
fn a_number_that_cannot_be_kept_is_refused_and_not_folded() {
    let place = Place::new();
    let mut store = place.open();
    let refused =
        store.append(&batch(at(1), vec![Change::Server(plain_server(u64::MAX).into())])).unwrap_err();
    assert!(refused.to_string().contains(&u64::MAX.to_string()), "{refused}");
    let largest = plain_server(i64::MAX as u64);
    store.append(&batch(Time::from_millis(u64::MAX), vec![Change::Server(largest.clone().into())])).unwrap();
    assert_eq!(store.load().unwrap().servers, [largest]);
}

#[test]
fn decisions_are_read_by_type_and_moment_and_the_last_ones_first() {
    let place = Place::new();
    let mut store = place.open();
    let told = [("default", 1), ("idle", 2), ("default", 3), ("default", 4)];
    let decisions = told.map(|(name, seconds)| full_decision(name, seconds));
    for decision in &decisions {
        store.append(&batch(decision.at, vec![Change::Decision(decision.clone().into())])).unwrap();
    }
    let all = DecisionQuery { limit: 9, ..DecisionQuery::default() };
    let of_default = DecisionQuery { server_type: Some(type_name("default")), ..all.clone() };
    let mut read = |wish: &DecisionQuery| -> Vec<Decision> {
        let found = store.decisions(wish).unwrap();
        assert_eq!(found, Sqlite::open_read_only(&place.path, None).unwrap().decisions(wish).unwrap());
        found
    };
    assert_eq!(read(&all), decisions);
    assert_eq!(read(&of_default), [&decisions[0], &decisions[2], &decisions[3]].map(Clone::clone));
    assert_eq!(read(&DecisionQuery { limit: 1, ..of_default.clone() }), [decisions[3].clone()]);
    let at_three = DecisionQuery { until: Some(at(3)), limit: 1, ..of_default };
    assert_eq!(read(&at_three), [decisions[2].clone()]);
    assert_eq!(read(&DecisionQuery { until: Some(Time::ZERO), ..all }), []);
}

#[test]
fn only_the_last_decisions_are_kept() {
    let place = Place::new();
    let mut store = place.open();
    let decisions = (0..DECISIONS_KEPT as u64 + 3).map(|number| {
        let decision = Decision { judgement: None, ..full_decision("default", number) };
        Change::Decision(decision.into())
    });
    // Another type's are counted by themselves.
    store.append(&batch(at(1), vec![Change::Decision(full_decision("idle", 0).into())])).unwrap();
    store.append(&batch(at(1), decisions.collect())).unwrap();
    let of_type = |name| DecisionQuery { server_type: Some(type_name(name)), limit: usize::MAX, until: None };
    assert_eq!(store.decisions(&of_type("idle")).unwrap().len(), 1);
    let found = store.decisions(&of_type("default")).unwrap();
    assert_eq!((found.len(), found[0].at), (DECISIONS_KEPT, at(3)));
}

/// A change of a small world, in which things meet often.
fn change() -> impl Strategy<Value = Change> {
    let server =
        (1..6_u64, 0..Status::ALL.len(), any::<bool>(), ".{0,8}").prop_map(|(id, status, full, name)| {
            let record = if full { full_server(id) } else { plain_server(id) };
            Change::Server(ServerRecord { status: Status::ALL[status], name: name.into(), ..record }.into())
        });
    let key = || prop_oneof![Just("a"), Just("b"), Just("c ä'\"")];
    prop_oneof![
        4 => server,
        2 => (1..6_u64).prop_map(|id| Change::Forget(ServerId(id))),
        1 => key().prop_map(|plan| Change::Spec(spec(plan).into())),
        2 => (key(), any::<bool>()).prop_map(|(id, held)| {
            Change::Found(found(id, if held { Found::Held } else { Found::Orphan }).into())
        }),
        1 => key().prop_map(|id| Change::FoundNoMore(provider(), Box::new(ProviderId::new(id).unwrap()))),
        2 => (key(), any::<u32>()).prop_map(|(id, count)| Change::Command(ensure(id, count).into())),
    ]
}

/// What a store is to do, done in memory.
#[derive(Default)]
struct Model {
    servers: BTreeMap<ServerId, ServerRecord>,
    specs: BTreeMap<SpecHash, Spec>,
    found: BTreeMap<(ProviderName, ProviderId), FoundRecord>,
    commands: Vec<CommandRecord>,
}

impl Model {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Server(record) => drop(self.servers.insert(record.id, Arc::unwrap_or_clone(record))),
            Change::Forget(id) => drop(self.servers.remove(&id)),
            Change::Spec(spec) => drop(self.specs.insert(spec.hash(), Arc::unwrap_or_clone(spec))),
            Change::Found(record) => {
                drop(self.found.insert((record.provider.clone(), record.provider_id.clone()), *record));
            }
            Change::FoundNoMore(provider, id) => drop(self.found.remove(&(provider, *id))),
            Change::Command(record) => {
                self.commands.retain(|kept| kept.command.id != record.command.id);
                self.commands.push(*record);
            }
            Change::Fleet(_) | Change::Event(_) | Change::Decision(_) => unreachable!("not generated"),
        }
    }

    fn stored(&self, fleet: FleetRecord) -> Stored {
        Stored {
            fleet,
            servers: self.servers.values().cloned().collect(),
            specs: self.specs.values().cloned().collect(),
            found: self.found.values().cloned().collect(),
            commands: self.commands.clone(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_batches_leave_what_a_model_says(batches in prop::collection::vec((any::<bool>(), prop::collection::vec(change(), 0..12)), 1..6)) {
        let place = Place::new();
        let mut store = place.open();
        let mut model = Model::default();
        let mut fleet_record = FleetRecord::new(fleet(), store.owner().clone());
        for (number, (must_sync, changes)) in batches.into_iter().enumerate() {
            fleet_record.time = at(number as u64);
            store.append(&Batch { must_sync, ..batch(fleet_record.time, changes.clone()) }).unwrap();
            for change in changes {
                model.apply(change);
            }
            prop_assert_eq!(store.load().unwrap(), model.stored(fleet_record.clone()));
        }
        drop(store);
        let used: Vec<_> = model.servers.values().filter_map(|server| server.spec).collect();
        model.specs.retain(|hash, _| used.contains(hash));
        prop_assert_eq!(place.open().load().unwrap(), model.stored(fleet_record));
    }
}
