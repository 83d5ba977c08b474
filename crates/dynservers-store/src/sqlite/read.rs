//! Reading a ledger: rows back into records, with a name for every row that cannot be.

use std::fmt::Display;
use std::path::Path;

use dynservers_core::{
    CommandRecord, Decision, DecisionQuery, Event, EventId, FleetName, FleetRecord, FoundRecord, OwnerId,
    ServerRecord, Spec, StoreError, Stored, Time,
};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;

use super::error::{broken, broken_row, invalid};
use super::write::stored_number;

/// Reads everything but the log. The caller gives a connection within a transaction, so that it is of one moment.
pub(super) fn ledger(connection: &Connection, place: &Path) -> Result<Stored, StoreError> {
    Ok(Stored {
        fleet: fleet(connection, place)?,
        servers: servers(connection, place)?,
        specs: specs(connection, place)?,
        found: found(connection, place)?,
        commands: commands(connection, place)?,
    })
}

/// Reads at most `limit` events that are later than `after`, oldest first.
pub(super) fn events(
    connection: &Connection,
    place: &Path,
    after: EventId,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    const TABLE: &str = "dynamic_server_events";
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    rows(
        connection,
        place,
        TABLE,
        &format!("SELECT id, record FROM {TABLE} WHERE id > {after} ORDER BY id LIMIT {limit}"),
        |cells| {
            let id: i64 = cells.get(0, &"unknown")?;
            let event: Event = cells.record(1, &id)?;
            cells.same(&id, "id", stored_number(event.id.0) == Some(id))?;
            Ok(event)
        },
    )
}

/// Reads the last decisions of a type, or of all, up to a moment; oldest first. An older ledger has none.
pub(super) fn decisions(
    connection: &Connection,
    place: &Path,
    wish: &DecisionQuery,
) -> Result<Vec<Decision>, StoreError> {
    const TABLE: &str = "dynamic_server_decisions";
    let known: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [TABLE], |row| row.get(0))
        .map_err(broken(place))?;
    if known == 0 {
        return Ok(Vec::new());
    }
    let until = wish.until.and_then(|until| stored_number(until.as_millis())).unwrap_or(i64::MAX);
    let limit = i64::try_from(wish.limit).unwrap_or(i64::MAX);
    // A type's name is made of letters, digits, hyphens and underscores, and so needs no quoting.
    let of_type = wish.server_type.as_ref().map_or_else(String::new, |name| format!("AND type = '{name}' "));
    let sql = format!(
        "SELECT number, record FROM {TABLE} WHERE at_ms <= {until} {of_type}ORDER BY number DESC LIMIT {limit}"
    );
    let mut decisions = rows(connection, place, TABLE, &sql, |cells| {
        let number: i64 = cells.get(0, &"unknown")?;
        cells.record::<Decision>(1, &number)
    })?;
    decisions.reverse();
    Ok(decisions)
}

/// Reads whose ledger it is.
pub(super) fn fleet_name(connection: &Connection, place: &Path) -> Result<FleetName, StoreError> {
    let names = rows(connection, place, FLEETS, "SELECT fleet FROM dynamic_server_fleets", |cells| {
        let name: String = cells.get(0, &1)?;
        FleetName::new(name).map_err(|error| cells.broken(&1, &error))
    })?;
    one(names, place)
}

const FLEETS: &str = "dynamic_server_fleets";

fn one<T>(mut fleets: Vec<T>, place: &Path) -> Result<T, StoreError> {
    match (fleets.pop(), fleets.len()) {
        (Some(fleet), 0) => Ok(fleet),
        (None, _) => Err(invalid(place, format!("table {FLEETS} has no row"))),
        (Some(_), others) => Err(invalid(place, format!("table {FLEETS} has {} rows", others + 1))),
    }
}

fn fleet(connection: &Connection, place: &Path) -> Result<FleetRecord, StoreError> {
    const SQL: &str = "SELECT fleet, owner, time_ms, record FROM dynamic_server_fleets";
    let fleets = rows(connection, place, FLEETS, SQL, |cells| {
        let name: String = cells.get(0, &1)?;
        let owner: String = cells.get(1, &name)?;
        let time: i64 = cells.get(2, &name)?;
        let mut record: FleetRecord = cells.record(3, &name)?;
        cells.same(&name, "fleet", record.fleet.as_str() == name)?;
        let owner = OwnerId::new(owner).map_err(|error| cells.broken(&name, &error))?;
        cells.same(&name, "owner", record.owner == owner)?;
        let time = u64::try_from(time).map_err(|error| cells.broken(&name, &error))?;
        record.time = record.time.max(Time::from_millis(time));
        Ok(record)
    })?;
    one(fleets, place)
}

fn servers(connection: &Connection, place: &Path) -> Result<Vec<ServerRecord>, StoreError> {
    const SQL: &str = "SELECT id, record FROM dynamic_servers ORDER BY id";
    rows(connection, place, "dynamic_servers", SQL, |cells| {
        let id: i64 = cells.get(0, &"unknown")?;
        let record: ServerRecord = cells.record(1, &id)?;
        cells.same(&id, "id", stored_number(record.id.0) == Some(id))?;
        Ok(record)
    })
}

fn specs(connection: &Connection, place: &Path) -> Result<Vec<Spec>, StoreError> {
    const SQL: &str = "SELECT hash, body FROM dynamic_server_specs ORDER BY hash";
    rows(connection, place, "dynamic_server_specs", SQL, |cells| {
        let hash: String = cells.get(0, &"unknown")?;
        let spec = Spec::new(cells.record(1, &hash)?);
        cells.same(&hash, "hash", spec.hash().to_string() == hash)?;
        Ok(spec)
    })
}

fn found(connection: &Connection, place: &Path) -> Result<Vec<FoundRecord>, StoreError> {
    const SQL: &str =
        "SELECT provider, provider_id, record FROM dynamic_server_found ORDER BY provider, provider_id";
    rows(connection, place, "dynamic_server_found", SQL, |cells| {
        let provider: String = cells.get(0, &"unknown")?;
        let provider_id: String = cells.get(1, &provider)?;
        let record: FoundRecord = cells.record(2, &provider_id)?;
        cells.same(&provider_id, "provider", record.provider.as_str() == provider)?;
        cells.same(&provider_id, "provider_id", record.provider_id.as_str() == provider_id)?;
        Ok(record)
    })
}

fn commands(connection: &Connection, place: &Path) -> Result<Vec<CommandRecord>, StoreError> {
    const SQL: &str = "SELECT id, record FROM dynamic_server_commands ORDER BY number";
    rows(connection, place, "dynamic_server_commands", SQL, |cells| {
        let id: String = cells.get(0, &"unknown")?;
        let record: CommandRecord = cells.record(1, &id)?;
        cells.same(&id, "id", record.command.id.as_str() == id)?;
        Ok(record)
    })
}

fn rows<T>(
    connection: &Connection,
    place: &Path,
    table: &'static str,
    sql: &str,
    read: impl Fn(&Cells<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(broken(place))?;
    let mut rows = statement.query([]).map_err(broken(place))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(broken(place))? {
        records.push(read(&Cells { row, table, place })?);
    }
    Ok(records)
}

/// One row, which knows where it is from.
struct Cells<'a> {
    row: &'a Row<'a>,
    table: &'static str,
    place: &'a Path,
}

impl Cells<'_> {
    fn broken(&self, row: &dyn Display, error: &dyn Display) -> StoreError {
        broken_row(self.place, self.table, row, error)
    }

    fn get<T: FromSql>(&self, column: usize, row: &dyn Display) -> Result<T, StoreError> {
        self.row.get(column).map_err(|error| self.broken(row, &error))
    }

    fn record<T: DeserializeOwned>(&self, column: usize, row: &dyn Display) -> Result<T, StoreError> {
        let text = self.row.get_ref(column).and_then(|cell| Ok(cell.as_str()?));
        let text = text.map_err(|error| self.broken(row, &error))?;
        serde_json::from_str(text).map_err(|error| self.broken(row, &error))
    }

    /// A record that says another key than its row was put there by hand, and nobody knows which of them is true.
    fn same(&self, row: &dyn Display, column: &str, same: bool) -> Result<(), StoreError> {
        if same { Ok(()) } else { Err(self.broken(row, &format_args!("its record has another {column}"))) }
    }
}
