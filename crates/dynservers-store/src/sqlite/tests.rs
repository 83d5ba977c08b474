//! What can only be shown from inside: how batches are synced, and a disk that is full.

use std::time::Duration;

use dynservers_core::{Change, Event, EventKind, ProviderName, Seq, Time};

use super::*;

fn store() -> (tempfile::TempDir, Sqlite) {
    let directory = tempfile::tempdir().unwrap();
    let fleet = FleetName::new("workers").unwrap();
    let store = Sqlite::open(&directory.path().join("fleet.db"), &fleet).unwrap();
    (directory, store)
}

fn batch(number: u64, must_sync: bool, words: &str) -> Batch {
    let provider = ProviderName::new("upcloud").unwrap();
    let kind = EventKind::Held { provider, reason: words.to_owned() };
    let at = Time::from_millis(number);
    let changes = vec![Change::Event(Event { id: EventId(number), at, kind }.into())];
    Batch { seq: Seq(number), at, must_sync, changes }
}

fn pragma(store: &Sqlite, name: &str) -> i64 {
    store.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
}

#[test]
fn only_what_somebody_waits_for_is_synced() {
    const NORMAL: i64 = 1;
    const FULL: i64 = 2;
    let (_directory, mut store) = store();
    let syncs = [true, false, false, true];
    for (number, must_sync) in (1..).zip(syncs) {
        store.append(&batch(number, must_sync, "")).unwrap();
        assert_eq!(pragma(&store, "synchronous"), if must_sync { FULL } else { NORMAL });
    }
}

#[test]
fn every_batch_writes_a_page_so_that_the_ones_before_it_are_synced_too() {
    let (directory, mut store) = store();
    let log = directory.path().join("fleet.db-wal");
    let empty = Batch { changes: Vec::new(), ..batch(1, true, "") };
    store.append(&empty).unwrap();
    let before = std::fs::metadata(&log).unwrap().len();
    store.append(&empty).unwrap();
    assert!(std::fs::metadata(&log).unwrap().len() > before);
}

#[test]
fn a_full_disk_is_an_error_that_changes_nothing_and_passes() {
    let (_directory, mut store) = store();
    store.append(&batch(1, true, "small")).unwrap();
    let before = (store.load().unwrap(), store.events(EventId(0), 10).unwrap());
    let pages = pragma(&store, "page_count");
    store.connection.pragma_update(None, "max_page_count", pages).unwrap();

    let large = "x".repeat(100_000);
    let mut half = batch(2, true, "fits");
    half.changes.extend(batch(3, true, &large).changes);
    let error = store.append(&half).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!((store.load().unwrap(), store.events(EventId(0), 10).unwrap()), before);

    store.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    store.append(&half).unwrap();
    assert_eq!(store.events(EventId(1), 10).unwrap().len(), 2);
}

#[test]
fn somebody_elses_write_is_waited_for_and_then_an_error() {
    let (_directory, mut store) = store();
    store.connection.busy_timeout(Duration::ZERO).unwrap();
    let mut other = Connection::open(&store.path).unwrap();
    let writing = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let error = store.append(&batch(1, true, "")).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    drop(writing);
    store.append(&batch(1, true, "")).unwrap();
}
