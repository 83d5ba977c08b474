//! What was broken, by hand or by a disk, is named and never a panic.

use std::fs;

use dynservers_core::{Change, EventId, EventKind, Found, Store, StoreError, Stored};
use dynservers_store::Sqlite;
use rusqlite::Connection;

use crate::common::{Place, at, batch, ensure, event, fleet, found, full_server, provider, spec};

/// A ledger with a row in every table.
fn filled() -> Place {
    let place = Place::new();
    let mut store = place.open();
    let changes = vec![
        Change::Spec(spec("2xCPU-4GB").into()),
        Change::Server(full_server(7).into()),
        Change::Found(found("00c7", Found::Held).into()),
        Change::Command(ensure("key", 1).into()),
        Change::Event(event(3, at(1), EventKind::Resumed { provider: provider() }).into()),
    ];
    store.append(&batch(at(1), changes)).unwrap();
    drop(store);
    place
}

fn broken_by(sql: &str) -> StoreError {
    let place = filled();
    let connection = Connection::open(&place.path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
    let read = |place: &Place| {
        let mut store = Sqlite::open(&place.path, &fleet())?;
        store.events(EventId(0), 10)?;
        store.load()
    };
    let error = read(&place).unwrap_err();
    let reader = Sqlite::open_read_only(&place.path, None);
    let seen = reader.and_then(|reader| {
        reader.events(EventId(0), 10)?;
        reader.load()
    });
    assert_eq!(seen.unwrap_err(), error, "a bystander is told the same");
    error
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    let cases = [
        ("UPDATE dynamic_servers SET record = '{}'", "table dynamic_servers, row 7: "),
        (
            "UPDATE dynamic_servers SET record = json_set(record, '$.status', 'flying')",
            "row 7: unknown variant `flying`",
        ),
        (
            "UPDATE dynamic_servers SET record = json_set(record, '$.attempt.token', 'short')",
            "table dynamic_servers, row 7: ",
        ),
        ("UPDATE dynamic_servers SET id = 8", "table dynamic_servers, row 8: its record has another id"),
        ("UPDATE dynamic_server_events SET record = '[]'", "table dynamic_server_events, row 3: "),
        ("UPDATE dynamic_server_events SET id = 4", "row 4: its record has another id"),
        ("UPDATE dynamic_server_found SET record = 'null'", "table dynamic_server_found, row 00c7: "),
        ("UPDATE dynamic_server_found SET provider = 'x'", "row 00c7: its record has another provider"),
        ("UPDATE dynamic_server_commands SET record = '1'", "table dynamic_server_commands, row key: "),
        ("UPDATE dynamic_server_commands SET id = 'k'", "row k: its record has another id"),
        ("UPDATE dynamic_server_specs SET body = '{'", "table dynamic_server_specs, row "),
        ("UPDATE dynamic_server_specs SET body = CAST(x'ff' AS TEXT)", "table dynamic_server_specs, row "),
        ("UPDATE dynamic_server_specs SET body = '{}'", "its record has another hash"),
        ("UPDATE dynamic_server_fleets SET record = '{}'", "table dynamic_server_fleets, row workers: "),
        ("UPDATE dynamic_server_fleets SET owner = 'x'", "row workers: its record has another owner"),
        ("UPDATE dynamic_server_fleets SET time_ms = -1", "table dynamic_server_fleets, row workers: "),
        ("UPDATE dynamic_server_fleets SET fleet = 'Not A Name'", "table dynamic_server_fleets, row 1: "),
        ("DROP VIEW dynamic_servers_readable; DROP TABLE dynamic_servers", "no such table"),
    ];
    for (sql, words) in cases {
        let error = broken_by(sql);
        assert!(matches!(error, StoreError::Invalid { .. }), "{sql}: {error:?}");
        assert!(error.to_string().contains(words), "{sql}: {error}");
    }
}

#[test]
fn a_server_that_a_disk_damaged_is_named_and_can_be_mended_with_its_specification() {
    let place = filled();
    let replace = |from: &[u8], to: &[u8]| {
        let mut bytes = fs::read(&place.path).unwrap();
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        fs::write(&place.path, bytes).unwrap();
    };
    let (good, bad) = (br#"{"id":7,"server_type""#, br#"{"id";7,"server_type""#);
    replace(good, bad);
    let error = place.open().load().unwrap_err();
    assert!(error.to_string().contains("table dynamic_servers, row 7: "), "{error}");
    replace(bad, good);
    let stored = place.open().load().unwrap();
    assert_eq!((stored.servers, stored.specs), (vec![full_server(7)], vec![spec("2xCPU-4GB")]));
}

#[test]
fn a_person_cannot_set_a_column_behind_the_record_nor_a_record_that_is_no_json() {
    let place = filled();
    let connection = Connection::open(&place.path).unwrap();
    let refused = connection.execute("UPDATE dynamic_servers SET record = '{'", []).unwrap_err();
    assert!(refused.to_string().contains("malformed JSON"), "{refused}");
    let refused = connection.execute("UPDATE dynamic_servers SET status = 'deleted'", []).unwrap_err();
    assert!(refused.to_string().contains("generated column"), "{refused}");
}

#[test]
fn a_damaged_file_is_an_error_and_never_a_panic() {
    let place = filled();
    let truth = place.open().load().unwrap();
    let bytes = fs::read(&place.path).unwrap();
    let mut refused = 0;
    for length in (1..bytes.len()).step_by(1499) {
        fs::write(&place.path, &bytes[..length]).unwrap();
        refused += usize::from(damaged(&place, &truth));
    }
    for start in (0..bytes.len()).step_by(509) {
        let mut bytes = bytes.clone();
        let end = (start + 64).min(bytes.len());
        bytes[start..end].fill(0xa5);
        fs::write(&place.path, &bytes).unwrap();
        refused += usize::from(damaged(&place, &truth));
    }
    assert!(refused > 20, "{refused}");
}

/// Whether reading was refused. Damage that falls on free pages or inside of a text goes unseen.
fn damaged(place: &Place, truth: &Stored) -> bool {
    match Sqlite::open_read_only(&place.path, None).and_then(|reader| reader.load()) {
        Ok(stored) => {
            assert_eq!(stored.fleet.fleet, truth.fleet.fleet);
            false
        }
        Err(StoreError::Invalid { .. } | StoreError::Io { .. } | StoreError::Newer { .. }) => true,
        Err(error) => panic!("{error:?}"),
    }
}
