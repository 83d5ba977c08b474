//! Whatever moment a process is killed at, a batch is there or it is not.

use std::fs;
use std::path::Path;

use dynservers_core::{Batch, Change, Store, Stored};
use dynservers_store::Sqlite;

use crate::common::{Place, at, batch, ensure, fleet, full_server, plain_server};

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

#[test]
fn a_log_cut_at_any_byte_gives_a_whole_number_of_batches() {
    let place = Place::new();
    let mut store = place.open();
    let mut states = vec![store.load().unwrap()];
    for id in 1..=4 {
        let changes = vec![
            Change::Server(full_server(id).into()),
            Change::Server(plain_server(id + 10).into()),
            Change::Command(ensure(&format!("{id}"), 1).into()),
        ];
        // A killed process loses nothing that was appended, synced or not.
        store.append(&Batch { must_sync: id % 2 == 0, ..batch(at(id), changes) }).unwrap();
        states.push(store.load().unwrap());
    }
    let log = fs::read(place.directory.path().join("fleet.db-wal")).unwrap();
    let whole = last_state(&place, &log, &states);
    assert_eq!(whole, Some(4), "everything that was appended is in a copy of a ledger in use");

    let mut reached = Vec::new();
    for length in (0..log.len()).rev().step_by(1021) {
        reached.extend(last_state(&place, &log[..length], &states));
    }
    assert!(reached.is_sorted_by(|later, earlier| later >= earlier), "{reached:?}");
    reached.dedup();
    assert_eq!(reached, [3, 2, 1, 0], "every batch was cut off once");
}

/// Which of the states a ledger is in when its log is as given; none if not even its first one was written.
fn last_state(place: &Place, log: &[u8], states: &[Stored]) -> Option<usize> {
    let killed = Place::new();
    copy(&place.path, &killed.path);
    fs::write(killed.directory.path().join("fleet.db-wal"), log).unwrap();
    let loaded = Sqlite::open(&killed.path, &fleet()).unwrap().load().unwrap();
    if loaded.fleet.owner != states[0].fleet.owner {
        return None;
    }
    let state = states.iter().position(|state| *state == loaded);
    assert!(state.is_some(), "half of a batch was read back: {loaded:?}");
    state
}

#[test]
fn an_older_copy_is_a_ledger_like_any_other() {
    let place = Place::new();
    let copied = place.directory.path().join("copy.db");
    let mut store = place.open();
    store.append(&batch(at(1), vec![Change::Server(plain_server(1).into())])).unwrap();
    let older = store.load().unwrap();
    let by_hand = rusqlite::Connection::open(&place.path).unwrap();
    by_hand.execute("VACUUM INTO ?1", [copied.to_str().unwrap()]).unwrap();
    store.append(&batch(at(2), vec![Change::Server(plain_server(2).into())])).unwrap();
    drop((store, by_hand));

    copy(&copied, &place.path);
    let mut store = place.open();
    assert_eq!(store.load().unwrap(), older);
    store.append(&batch(at(3), vec![Change::Server(plain_server(3).into())])).unwrap();
    assert_eq!(store.load().unwrap().servers, [plain_server(1), plain_server(3)]);
}
