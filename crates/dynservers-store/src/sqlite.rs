//! The ledger in one SQLite file: how it is opened, and the port that it serves.

use std::path::{Path, PathBuf};

use dynservers_core::{
    Batch, Decision, DecisionQuery, Event, EventId, FleetName, OwnerId, Store, StoreError, Stored,
};
use rusqlite::{Connection, TransactionBehavior};

use self::error::{broken, unusable};
use self::place::Lock;
use self::write::Writer;

mod error;
mod place;
mod read;
mod reader;
mod schema;
mod write;

pub use self::reader::SqliteReader;

/// The ledger of one fleet in one SQLite file, held by one process at a time.
///
/// Whoever holds it has an OS lock on a file beside it (`<file>.lock`, which stays when the process ends; the lock
/// does not), and a term that is one above that of whoever held it before. The second guards what the first cannot: a
/// lock file that somebody removed.
///
/// A batch is one transaction in the write-ahead log. One with [`Batch::must_sync`] is on the disk when
/// [`Store::append`] returns, and so are all before it; one without is safe from the end of the process at once, and
/// from a loss of power with the next that must be synced. What was written is never half there. Where the disk itself
/// fails while it is synced, the batch may be found whole by the next process though [`Store::append`] refused it.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    owner: OwnerId,
    term: i64,
    syncs: Option<bool>,
    // Last, so that it outlives the connection.
    _lock: Lock,
}

impl Sqlite {
    /// Opens the ledger of a fleet, or begins one where there is no file or an empty one, and raises its term.
    ///
    /// The file and its companions are readable by their owner only. A file that is no database, one of another
    /// program, of a newer version or of another fleet is refused and left as it was. Blocks for up to five seconds
    /// while somebody writes to the database by hand.
    pub fn open(path: &Path, fleet: &FleetName) -> Result<Self, StoreError> {
        let path = place::find(path)?;
        // Before anything is made or locked beside a file that may not be ours.
        if place::has_content(&path) {
            reader::at_a_glance(&path, |connection| match schema::identify(connection, &path)? {
                schema::Identity::Empty => Ok(()),
                schema::Identity::Ledger { .. } => schema::check_fleet(connection, &path, fleet),
            })?;
        }
        let lock = place::lock(&path)?;
        place::create(&path)?;
        let mut connection = place::connect(&path)?;
        // What was seen before the lock was taken may be another file by now.
        schema::identify(&connection, &path)?;
        place::make_private(&path)?;
        prepare(&connection, &path)?;
        schema::migrate(&mut connection, &path, fleet)?;
        let (owner, term) = take_over(&mut connection, &path)?;
        Ok(Self { connection, path, owner, term, syncs: None, _lock: lock })
    }

    /// Opens a ledger for reading, without a lock, whether or not a daemon has it.
    ///
    /// With a fleet, the ledger of another one is refused.
    pub fn open_read_only(path: &Path, fleet: Option<&FleetName>) -> Result<SqliteReader, StoreError> {
        SqliteReader::open(path, fleet)
    }

    /// Gives the owner: whose servers these are.
    #[must_use]
    pub const fn owner(&self) -> &OwnerId {
        &self.owner
    }

    /// Gives the term: how often the ledger was opened for writing.
    #[must_use]
    pub const fn term(&self) -> u64 {
        self.term.unsigned_abs()
    }

    /// Sets how the next transaction is committed, which SQLite allows only outside of one.
    fn sync_next(&mut self, must_sync: bool) -> Result<(), StoreError> {
        if self.syncs == Some(must_sync) {
            return Ok(());
        }
        let level = if must_sync { "FULL" } else { "NORMAL" };
        self.connection.pragma_update(None, "synchronous", level).map_err(broken(&self.path))?;
        self.syncs = Some(must_sync);
        Ok(())
    }
}

impl Store for Sqlite {
    fn load(&mut self) -> Result<Stored, StoreError> {
        let transaction = self.connection.transaction().map_err(broken(&self.path))?;
        read::ledger(&transaction, &self.path)
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.sync_next(batch.must_sync)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(broken(&self.path))?;
        let writer =
            Writer { transaction: &transaction, place: &self.path, owner: &self.owner, term: self.term };
        writer.write(batch)?;
        transaction.commit().map_err(broken(&self.path))
    }

    fn events(&mut self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        read::events(&self.connection, &self.path, after, limit)
    }

    fn decisions(&mut self, wish: &DecisionQuery) -> Result<Vec<Decision>, StoreError> {
        read::decisions(&self.connection, &self.path, wish)
    }
}

/// Sets a connection up for writing.
fn prepare(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(broken(path))?;
    if mode != "wal" {
        return Err(unusable(path, "its file system does not support a write-ahead log"));
    }
    // On macOS a plain sync leaves data in the cache of the drive; elsewhere this changes nothing.
    connection.pragma_update(None, "fullfsync", true).map_err(broken(path))?;
    connection.pragma_update(None, "foreign_keys", true).map_err(broken(path))?;
    // Somebody may have added a trigger or a view: it gets no function that reaches outside of the database.
    connection.pragma_update(None, "trusted_schema", false).map_err(broken(path))?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(broken(path))
}

/// Raises the term and drops what nobody needs any more.
fn take_over(connection: &mut Connection, path: &Path) -> Result<(OwnerId, i64), StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(broken(path))?;
    let (owner, term) = schema::raise_term(&transaction, path)?;
    write::drop_unused_specs(&transaction).map_err(broken(path))?;
    transaction.commit().map_err(broken(path))?;
    Ok((owner, term))
}

#[cfg(test)]
mod tests;
