//! What is no ledger of this fleet is refused by name and left as it was.

use std::fs;
use std::path::Path;

use dynservers_core::{FleetName, StoreError};
use dynservers_store::Sqlite;
use rusqlite::Connection;

use crate::common::{Place, fleet};

/// Opens in both ways, and demands the same refusal and a directory that did not change in a byte.
fn refusal(place: &Place) -> StoreError {
    let before = contents(place);
    let error = Sqlite::open(&place.path, &fleet()).unwrap_err();
    assert_eq!(contents(place), before);
    assert_eq!(Sqlite::open_read_only(&place.path, Some(&fleet())).unwrap_err(), error);
    assert_eq!(contents(place), before);
    error
}

fn contents(place: &Place) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let bytes = fs::read(place.directory.path().join(&name)).unwrap_or_default();
        (name, bytes)
    };
    place.files().into_iter().map(read).collect()
}

fn assert_invalid(error: &StoreError, words: &str) {
    assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

fn ledger_with(place: &Place, sql: &str) {
    drop(place.open());
    fs::remove_file(place.directory.path().join("fleet.db.lock")).unwrap();
    let connection = Connection::open(&place.path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
}

#[test]
fn a_text_file() {
    let place = Place::new();
    fs::write(&place.path, "dear diary\n".repeat(200)).unwrap();
    assert_invalid(&refusal(&place), "not a database");
}

#[test]
fn a_database_of_another_program() {
    for mark in ["", "PRAGMA application_id = 7;", "PRAGMA user_version = 1;", "PRAGMA journal_mode = WAL;"] {
        let place = Place::new();
        let connection = Connection::open(&place.path).unwrap();
        connection.execute_batch(&format!("{mark} CREATE TABLE dynamic_servers (id)")).unwrap();
        connection.close().unwrap();
        assert_invalid(&refusal(&place), "another program");
    }
}

#[test]
fn a_ledger_of_a_newer_version() {
    let place = Place::new();
    ledger_with(&place, "PRAGMA user_version = 99");
    let error = refusal(&place);
    assert!(matches!(error, StoreError::Newer { found: 99, known: 3, .. }), "{error:?}");
}

#[test]
fn a_ledger_of_a_version_that_never_was() {
    for version in [0, -1] {
        let place = Place::new();
        ledger_with(&place, &format!("PRAGMA user_version = {version}"));
        assert_invalid(&refusal(&place), "never written");
    }
}

#[test]
fn a_ledger_of_another_fleet() {
    let place = Place::new();
    let other = FleetName::new("other").unwrap();
    drop(Sqlite::open(&place.path, &other).unwrap());
    fs::remove_file(place.directory.path().join("fleet.db.lock")).unwrap();
    match refusal(&place) {
        StoreError::OtherFleet { found, wanted, .. } => assert_eq!((found, wanted), (other, fleet())),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_ledger_of_no_fleet_or_of_two() {
    let place = Place::new();
    ledger_with(&place, "DELETE FROM dynamic_server_fleets");
    assert_invalid(&refusal(&place), "dynamic_server_fleets has no row");

    let place = Place::new();
    ledger_with(
        &place,
        "INSERT INTO dynamic_server_fleets (fleet, owner, term, time_ms, batches, record) \
         SELECT 'second', owner, term, time_ms, batches, record FROM dynamic_server_fleets",
    );
    assert_invalid(&refusal(&place), "dynamic_server_fleets has 2 rows");
}

#[test]
fn a_directory() {
    let place = Place::new();
    fs::create_dir(&place.path).unwrap();
    assert_invalid(&refusal(&place), "directory");
}

#[test]
fn a_device() {
    let error = Sqlite::open(Path::new("/dev/null"), &fleet()).unwrap_err();
    assert_invalid(&error, "regular file");
}

#[test]
fn a_missing_directory() {
    let mut place = Place::new();
    place.path = place.directory.path().join("missing/fleet.db");
    let error = refusal(&place);
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("missing does not exist"), "{error}");
}

#[test]
fn a_path_without_a_file_name() {
    for path in ["", "/", "missing/.."] {
        assert!(Sqlite::open(Path::new(path), &fleet()).is_err(), "{path:?}");
    }
}

#[test]
fn a_place_where_nothing_can_be_made() {
    // The kernel's own file system refuses new files to everybody, root included.
    #[cfg(target_os = "linux")]
    {
        let error = Sqlite::open(Path::new("/proc/fleet.db"), &fleet()).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
        assert!(error.to_string().contains("/proc/fleet.db.lock"), "{error}");
    }
}

#[test]
fn an_empty_file_becomes_a_ledger() {
    let place = Place::new();
    fs::write(&place.path, "").unwrap();
    assert_eq!(place.open().term(), 1);
}
