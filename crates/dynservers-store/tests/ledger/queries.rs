//! The queries in the documentation are run as they stand there.

use dynservers_core::{Change, EventKind, ServerEvent, ServerId, ServerRecord, Status, Store};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::common::{
    Place, at, batch, event, every_kind, full_fleet, full_server, plain_server, server_event, spec,
};

fn documented() -> Vec<String> {
    include_str!("../../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .collect::<Vec<_>>()
        .join("\n")
        .split("```sql")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// Runs a query as a person would, and writes its rows as the shell does.
fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let cell = |value: Value| match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(_) => panic!("no column is a blob"),
    };
    let row = |row: &rusqlite::Row<'_>| {
        let cells: Result<Vec<_>, _> = (0..columns).map(|column| row.get(column).map(cell)).collect();
        Ok(cells?.join("|"))
    };
    statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

fn filled() -> Place {
    let place = Place::new();
    let mut store = place.open();
    let running = ServerRecord {
        name: "newest".into(),
        status: Status::Running,
        spec: Some(spec("4xCPU-8GB").hash()),
        ..plain_server(3)
    };
    let changes = vec![
        Change::Fleet(full_fleet(store.owner(), at(1)).into()),
        Change::Server(plain_server(1).into()),
        Change::Server(full_server(2).into()),
        Change::Server(running.into()),
        Change::Event(
            event(1, at(1), EventKind::Creating(ServerEvent { previous_status: None, ..server_event(2) }))
                .into(),
        ),
        Change::Event(event(2, at(2), EventKind::Running(server_event(3))).into()),
        Change::Event(
            event(3, at(3), EventKind::Errored(ServerEvent { server: ServerId(2), ..server_event(2) }))
                .into(),
        ),
    ];
    store.append(&batch(at(1), changes)).unwrap();
    place
}

#[test]
fn every_documented_query_answers_its_question() {
    let place = filled();
    let connection = Connection::open(&place.path).unwrap();
    let answers: Vec<_> = documented().iter().map(|sql| rows(&connection, sql)).collect();
    let spec = spec("2xCPU-4GB").hash();
    let expected: Vec<Vec<String>> = [
        vec!["default|errored|1", "default|new|1", "default|running|1"],
        vec!["default|4|2", "idle||0"],
        vec![
            "2|dynamic-server-default-2|errored|2023-11-14T22:13:22.000Z|\
             no more servers 'here'; DROP TABLE dynamic_servers|SERVER_CREATING_LIMIT_REACHED|01JX",
        ],
        vec!["2|dynamic-server-default-2|{\"job\":{\"id\":7}}"],
        vec!["2023-11-14T22:13:21.000Z|creating|", "2023-11-14T22:13:23.000Z|errored|starting"],
        vec![&format!("2|dynamic-server-default-2|{spec}")],
    ]
    .map(|rows| rows.into_iter().map(str::to_owned).collect())
    .into();
    assert_eq!(answers, expected);
}

#[test]
fn every_column_of_a_server_shows_what_its_record_says() {
    let place = filled();
    let connection = Connection::open(&place.path).unwrap();
    let sql = "SELECT name, type, status, previous_status, status_updated_at_ms, created_at_ms, reboot_requested_at_ms, \
               provider, provider_id, token, create_phase, removal_why, addresses ->> '$[1].address', failure_code, \
               failure_http_status, failure_correlation, replaces, protected, disowned, meta ->> '$.job.id' \
               FROM dynamic_servers WHERE id = 2";
    assert_eq!(
        rows(&connection, sql),
        ["dynamic-server-default-2|default|errored|starting|1700000002000|1700000002000|1700000009000|\
          upcloud|de-fra1/00c7-2|fffffffffffffffffffffffffffffffd|bound|surplus|2001:db8::7|\
          SERVER_CREATING_LIMIT_REACHED|403|01JX|9|1|1|7"],
    );
    let nothing = "SELECT provider_id, token, create_phase, removal_why, failure_message, spec, addresses, meta \
                   FROM dynamic_servers WHERE id = 1";
    assert_eq!(rows(&connection, nothing), ["|||||||"]);
    let readable = "SELECT addresses FROM dynamic_servers_readable ORDER BY id";
    assert_eq!(rows(&connection, readable), ["", "192.0.2.7 2001:db8::7", ""]);
}

#[test]
fn every_table_can_be_read_whole() {
    let place = filled();
    let mut store = place.open();
    let log =
        every_kind().into_iter().zip(10..).map(|(kind, id)| Change::Event(event(id, at(id), kind).into()));
    store.append(&batch(at(2), log.collect())).unwrap();
    let connection = Connection::open(&place.path).unwrap();
    let tables =
        rows(&connection, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name");
    assert_eq!(
        tables,
        [
            "dynamic_server_commands",
            "dynamic_server_decisions",
            "dynamic_server_events",
            "dynamic_server_fleets",
            "dynamic_server_found",
            "dynamic_server_specs",
            "dynamic_server_types",
            "dynamic_servers",
            "dynamic_servers_readable",
        ],
    );
    for table in tables {
        rows(&connection, &format!("SELECT * FROM {table}"));
    }
    let unnamed = "SELECT count(*) FROM dynamic_server_events WHERE event IS NULL";
    assert_eq!(rows(&connection, unnamed), ["0"]);
}
