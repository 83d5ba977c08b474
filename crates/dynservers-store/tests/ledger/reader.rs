//! A bystander sees what is committed, and changes nothing.

use std::fs;

use dynservers_core::{Batch, Change, Event, EventId, EventKind, FleetName, Store, StoreError, Stored, Time};
use dynservers_store::{Sqlite, SqliteReader};

use crate::common::{Place, at, batch, event, fleet, plain_server, provider};

fn reader(place: &Place) -> SqliteReader {
    Sqlite::open_read_only(&place.path, Some(&fleet())).unwrap()
}

fn happened(id: u64) -> Event {
    event(id, at(id), EventKind::ProviderReachable { provider: provider() })
}

#[test]
fn a_reader_follows_a_writer() {
    let place = Place::new();
    let mut store = place.open();
    let reader = reader(&place);
    for id in 1..=5 {
        let changes = vec![Change::Server(plain_server(id).into()), Change::Event(happened(id).into())];
        store.append(&batch(at(id), changes)).unwrap();
        assert_eq!(reader.load().unwrap(), store.load().unwrap());
        assert_eq!(reader.events(EventId(id - 1), 9).unwrap(), [happened(id)]);
    }
    assert_eq!(reader.load().unwrap().servers.len(), 5);
}

#[test]
fn a_reader_needs_no_daemon_and_leaves_no_trace() {
    let place = Place::new();
    let mut store = place.open();
    store.append(&batch(at(1), vec![Change::Server(plain_server(1).into())])).unwrap();
    let stored = store.load().unwrap();
    drop(store);
    fs::remove_file(place.directory.path().join("fleet.db.lock")).unwrap();
    let before = fs::read(&place.path).unwrap();

    let reader = reader(&place);
    assert_eq!(reader.load().unwrap(), stored);
    assert_eq!(reader.events(EventId(0), 9).unwrap(), []);
    assert_eq!(place.files(), ["fleet.db"]);
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[test]
fn a_reader_outlives_the_daemons_that_come_and_go() {
    let place = Place::new();
    drop(place.open());
    let reader = reader(&place);
    for id in 1..=3 {
        let mut store = place.open();
        store.append(&batch(at(id), vec![Change::Server(plain_server(id).into())])).unwrap();
        assert_eq!(reader.load().unwrap(), store.load().unwrap(), "while it runs");
        let stored = store.load().unwrap();
        drop(store);
        assert_eq!(reader.load().unwrap(), stored, "when it is gone");
    }
}

#[test]
fn a_reader_creates_nothing_and_says_what_is_missing() {
    let place = Place::new();
    let error = Sqlite::open_read_only(&place.path, None).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("no such file"), "{error}");
    assert_eq!(place.files(), [""; 0]);

    fs::write(&place.path, "").unwrap();
    let error = Sqlite::open_read_only(&place.path, None).unwrap_err();
    assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
    assert_eq!(place.files(), ["fleet.db"]);
}

#[test]
fn a_reader_may_take_any_fleet_or_insist_on_one() {
    let place = Place::new();
    drop(place.open());
    let other = FleetName::new("other").unwrap();
    let any = Sqlite::open_read_only(&place.path, None).unwrap();
    assert_eq!(any.load().unwrap().fleet.fleet, fleet());
    let refused = Sqlite::open_read_only(&place.path, Some(&other)).unwrap_err();
    assert!(matches!(refused, StoreError::OtherFleet { .. }), "{refused:?}");
}

#[test]
fn a_path_may_have_any_letters() {
    let mut place = Place::new();
    place.path = place.directory.path().join("file:ä %41?mode=memory#.db");
    let mut store = place.open();
    store.append(&batch(at(1), vec![Change::Server(plain_server(1).into())])).unwrap();
    drop(store);
    assert_eq!(reader(&place).load().unwrap().servers, [plain_server(1)]);
    assert_eq!(place.files(), ["file:ä %41?mode=memory#.db", "file:ä %41?mode=memory#.db.lock"]);
}

/// What a reader saw must be whole: as many servers as events, and the time of the last of them.
fn assert_whole(stored: &Stored) -> u64 {
    let last = stored.servers.last().map_or(0, |server| server.id.0);
    assert_eq!(stored.servers.len() as u64, last);
    let time = if last == 0 { Time::ZERO } else { at(last) };
    assert_eq!(stored.fleet.time, time);
    last
}

fn append(store: &mut Sqlite, id: u64) {
    let changes = vec![Change::Server(plain_server(id).into()), Change::Event(happened(id).into())];
    store.append(&Batch { must_sync: id.is_multiple_of(3), ..batch(at(id), changes) }).unwrap();
}

#[test]
fn a_reader_beside_a_busy_writer_sees_whole_batches_only() {
    const BATCHES: u64 = 60;
    let place = Place::new();
    let mut store = place.open();
    let reader = reader(&place);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (1..=BATCHES).for_each(|id| append(&mut store, id)));
        let mut seen = 0;
        while !writer.is_finished() {
            let now = assert_whole(&reader.load().unwrap());
            assert!(now >= seen, "{now} after {seen}");
            seen = now;
        }
    });
    assert_eq!(assert_whole(&reader.load().unwrap()), BATCHES);
}

#[test]
fn a_reader_beside_daemons_that_come_and_go_sees_whole_batches_or_is_told_to_try_again() {
    const DAEMONS: u64 = 25;
    let place = Place::new();
    drop(place.open());
    let reader = reader(&place);
    std::thread::scope(|scope| {
        let daemons = scope.spawn(|| (1..=DAEMONS).for_each(|id| append(&mut place.open(), id)));
        let mut seen = 0;
        while !daemons.is_finished() {
            match reader.load() {
                Ok(stored) => {
                    let now = assert_whole(&stored);
                    assert!(now >= seen, "{now} after {seen}");
                    seen = now;
                }
                Err(StoreError::Io { message, .. }) => assert!(message.contains("try again"), "{message}"),
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    assert_eq!(assert_whole(&reader.load().unwrap()), DAEMONS);
    assert_eq!(reader.events(EventId(0), 100).unwrap().len() as u64, DAEMONS);
}
