//! One process at a time has a ledger, and who lost it cannot write.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use dynservers_core::{Change, EventId, FleetName, FleetRecord, OwnerId, Store, StoreError};
use dynservers_store::Sqlite;
use rusqlite::Connection;

use crate::common::{Place, at, batch, fleet, plain_server};

/// Names the ledger to the copy of this program that a test starts.
const LEDGER: &str = "DYNSERVERS_TEST_LEDGER";

/// Runs one test of this program in another process, with a ledger.
fn in_another_process(test: &str, place: &Place) -> std::process::Output {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test])
        .env(LEDGER, &place.path)
        .output()
        .unwrap()
}

fn modes(place: &Place) -> Vec<(String, u32)> {
    let mode = |name: String| {
        let metadata = fs::metadata(place.directory.path().join(&name)).unwrap();
        (name, metadata.permissions().mode() & 0o777)
    };
    place.files().into_iter().map(mode).collect()
}

#[test]
fn a_second_opener_is_refused_until_the_first_lets_go() {
    let place = Place::new();
    let first = place.open();
    let refused = Sqlite::open(&place.path, &fleet()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
    drop(first);
    assert_eq!(place.open().term(), 2);
}

#[test]
fn another_name_of_the_file_is_the_same_ledger() {
    let place = Place::new();
    let _first = place.open();
    let link = place.directory.path().join("link.db");
    symlink(&place.path, &link).unwrap();
    let refused = Sqlite::open(&link, &fleet()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
}

#[test]
fn another_process_is_refused() {
    if let Some(path) = env::var_os(LEDGER) {
        let refused = Sqlite::open(path.as_ref(), &fleet()).unwrap_err();
        assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
        return;
    }
    let place = Place::new();
    let _first = place.open();
    let output = in_another_process("handover::another_process_is_refused", &place);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
fn a_process_that_dies_leaves_what_it_wrote_and_no_lock() {
    if let Some(path) = env::var_os(LEDGER) {
        let mut store = Sqlite::open(path.as_ref(), &fleet()).unwrap();
        store.append(&batch(at(1), vec![Change::Server(plain_server(1).into())])).unwrap();
        std::process::abort();
    }
    let place = Place::new();
    let output = in_another_process("handover::a_process_that_dies_leaves_what_it_wrote_and_no_lock", &place);
    assert!(!output.status.success(), "{output:?}");
    assert!(place.files().contains(&"fleet.db-wal".to_owned()), "it did not close the ledger");

    let left = Sqlite::open_read_only(&place.path, Some(&fleet())).unwrap().load().unwrap();
    assert_eq!(left.servers, [plain_server(1)]);
    let mut store = place.open();
    assert_eq!((store.term(), store.load().unwrap()), (2, left));
}

#[test]
fn who_was_deposed_is_fenced_and_writes_nothing() {
    let place = Place::new();
    let mut store = place.open();
    let other = Connection::open(&place.path).unwrap();
    other.execute("UPDATE dynamic_server_fleets SET term = term + 4", []).unwrap();
    let before = store.load().unwrap();
    for _ in 0..2 {
        let fenced = store.append(&batch(at(1), vec![Change::Server(plain_server(1).into())])).unwrap_err();
        assert_eq!(fenced, StoreError::Fenced { term: 1, found: 5 });
    }
    assert_eq!(store.load().unwrap(), before);
    assert_eq!(store.events(EventId(0), 1).unwrap(), []);
}

#[test]
fn who_lost_the_lock_file_is_fenced_by_the_next_opener() {
    let place = Place::new();
    let mut first = place.open();
    fs::remove_file(place.directory.path().join("fleet.db.lock")).unwrap();
    let mut second = place.open();
    let change = || batch(at(1), vec![Change::Server(plain_server(1).into())]);
    assert_eq!(first.append(&change()).unwrap_err(), StoreError::Fenced { term: 1, found: 2 });
    second.append(&change()).unwrap();
    assert_eq!(second.load().unwrap().servers, [plain_server(1)]);
}

#[test]
fn the_record_of_another_fleet_or_owner_is_refused() {
    let place = Place::new();
    let mut store = place.open();
    let before = store.load().unwrap();
    let ours = before.fleet.clone();
    let other_fleet = FleetRecord { fleet: FleetName::new("other").unwrap(), ..ours.clone() };
    let other_owner = FleetRecord { owner: OwnerId::from_random(1), ..ours };
    for record in [other_fleet, other_owner] {
        let changes = vec![Change::Server(plain_server(1).into()), Change::Fleet(record.into())];
        let refused = store.append(&batch(at(1), changes)).unwrap_err();
        assert!(matches!(refused, StoreError::Invalid { .. }), "{refused:?}");
        assert_eq!(store.load().unwrap(), before);
    }
}

#[test]
fn a_ledger_of_another_owner_in_the_same_place_is_not_written_to() {
    let place = Place::new();
    let mut store = place.open();
    let other = Connection::open(&place.path).unwrap();
    other.execute("UPDATE dynamic_server_fleets SET owner = 'somebody'", []).unwrap();
    let fenced = store.append(&batch(at(1), vec![Change::Server(plain_server(1).into())])).unwrap_err();
    assert_eq!(fenced, StoreError::Fenced { term: 1, found: 1 });
    let servers: i64 = other.query_row("SELECT count(*) FROM dynamic_servers", [], |row| row.get(0)).unwrap();
    assert_eq!(servers, 0);
}

#[test]
fn every_file_is_private_even_after_a_careless_restore() {
    let place = Place::new();
    let private = ["fleet.db", "fleet.db-shm", "fleet.db-wal", "fleet.db.lock"]
        .map(|name| (name.to_owned(), 0o600))
        .to_vec();
    let mut store = place.open();
    store.append(&batch(at(1), vec![Change::Server(plain_server(1).into())])).unwrap();
    assert_eq!(modes(&place), private);
    drop(store);

    for name in place.files() {
        fs::set_permissions(place.directory.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let _store = place.open();
    assert_eq!(modes(&place), private);
}
