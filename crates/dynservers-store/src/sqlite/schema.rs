//! The schema of a ledger: what marks a database as one, and how it comes to the newest version.

use std::path::Path;

use dynservers_core::{FleetName, FleetRecord, OwnerId, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::{broken, broken_row, invalid};
use super::read;
use super::write::json;

/// Marks a file as a ledger of ours, for `file` and for us: "dyns".
const APPLICATION_ID: i32 = 0x6479_6e73;

/// Every version of the schema, as the step from the one before it. Published steps are never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_ledger.sql"),
    include_str!("migrations/0002_meta.sql"),
    include_str!("migrations/0003_decisions.sql"),
];

/// What a database is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Nothing is in it: it can become a ledger.
    Empty,
    /// A ledger of this version, which this program can read or bring forward.
    Ledger {
        /// Its version, from 1 on.
        version: u32,
    },
}

/// Tells what a database is, without writing to it.
pub(super) fn identify(connection: &Connection, place: &Path) -> Result<Identity, StoreError> {
    identify_among(connection, place, MIGRATIONS)
}

/// The version that all of these steps lead to.
fn newest(migrations: &[&str]) -> u32 {
    migrations.len() as u32
}

fn identify_among(
    connection: &Connection,
    place: &Path,
    migrations: &[&str],
) -> Result<Identity, StoreError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(broken(place));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(Identity::Empty);
    }
    if application != APPLICATION_ID {
        return Err(invalid(place, "it is a database of another program".to_owned()));
    }
    let known = newest(migrations);
    match u32::try_from(version) {
        Ok(version) if (1..=known).contains(&version) => Ok(Identity::Ledger { version }),
        Ok(found) if found > known => {
            Err(StoreError::Newer { place: place.display().to_string(), found, known })
        }
        Ok(_) | Err(_) => Err(invalid(place, format!("its schema version {version} was never written"))),
    }
}

/// Refuses a ledger that belongs to another fleet.
pub(super) fn check_fleet(
    connection: &Connection,
    place: &Path,
    wanted: &FleetName,
) -> Result<(), StoreError> {
    let found = read::fleet_name(connection, place)?;
    if found == *wanted {
        return Ok(());
    }
    Err(StoreError::OtherFleet { place: place.display().to_string(), found, wanted: wanted.clone() })
}

/// Brings a database to the newest schema, and an empty one to a ledger of this fleet; all of it or nothing.
pub(super) fn migrate(
    connection: &mut Connection,
    place: &Path,
    fleet: &FleetName,
) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(broken(place))?;
    let identity = identify(&transaction, place)?;
    bring_forward(&transaction, identity, MIGRATIONS).map_err(broken(place))?;
    match identity {
        Identity::Empty => begin_ledger(&transaction, place, fleet)?,
        Identity::Ledger { .. } => check_fleet(&transaction, place, fleet)?,
    }
    transaction.commit().map_err(broken(place))
}

fn bring_forward(
    transaction: &Transaction<'_>,
    identity: Identity,
    migrations: &[&str],
) -> rusqlite::Result<()> {
    let done = match identity {
        Identity::Empty => 0,
        Identity::Ledger { version } => version,
    };
    for migration in migrations.iter().skip(done as usize) {
        transaction.execute_batch(migration)?;
    }
    if done < newest(migrations) {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", newest(migrations))?;
    }
    Ok(())
}

fn begin_ledger(transaction: &Transaction<'_>, place: &Path, fleet: &FleetName) -> Result<(), StoreError> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| StoreError::Io {
        place: place.display().to_string(),
        message: format!("the system gives no random numbers for the ledger's owner: {error}"),
    })?;
    let owner = OwnerId::from_random(u128::from_le_bytes(bits));
    let record = json(&FleetRecord::new(fleet.clone(), owner.clone()), place)?;
    transaction
        .execute(
            "INSERT INTO dynamic_server_fleets (fleet, owner, term, time_ms, batches, record) VALUES (?1, ?2, 0, 0, 0, ?3)",
            (fleet.as_str(), owner.as_str(), record),
        )
        .map_err(broken(place))?;
    Ok(())
}

/// Raises the term: whoever had the ledger before is fenced from now on.
pub(super) fn raise_term(connection: &Connection, place: &Path) -> Result<(OwnerId, i64), StoreError> {
    let (owner, term) = connection
        .query_row("UPDATE dynamic_server_fleets SET term = term + 1 RETURNING owner, term", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })
        .map_err(broken(place))?;
    let owner = OwnerId::new(owner)
        .map_err(|error| broken_row(place, "dynamic_server_fleets", "the fleet", &error))?;
    Ok((owner, term))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> &'static Path {
        Path::new("ledger.db")
    }

    #[test]
    fn migrations_go_forward_from_any_version_and_only_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE one (a)", "ALTER TABLE one ADD COLUMN b", "INSERT INTO one VALUES (1, 2)"];
        for known in [1, 1, 3, 3] {
            let transaction = connection.transaction().unwrap();
            let identity = identify_among(&transaction, place(), &steps[..known]).unwrap();
            bring_forward(&transaction, identity, &steps[..known]).unwrap();
            transaction.commit().unwrap();
        }
        assert_eq!(identify_among(&connection, place(), &steps).unwrap(), Identity::Ledger { version: 3 },);
        let rows: i64 = connection.query_row("SELECT count(b) FROM one", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
        assert_eq!(
            identify_among(&connection, place(), &steps[..1]).unwrap_err(),
            StoreError::Newer { place: "ledger.db".to_owned(), found: 3, known: 1 },
        );
    }

    #[test]
    fn a_migration_that_fails_leaves_the_old_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE one (a)", "CREATE TABLE two (a); CREATE TABLE one (a)"];
        let transaction = connection.transaction().unwrap();
        bring_forward(&transaction, Identity::Empty, &steps[..1]).unwrap();
        transaction.commit().unwrap();

        let transaction = connection.transaction().unwrap();
        bring_forward(&transaction, Identity::Ledger { version: 1 }, &steps).unwrap_err();
        drop(transaction);

        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 1);
        assert_eq!(identify_among(&connection, place(), &steps).unwrap(), Identity::Ledger { version: 1 },);
    }
}
