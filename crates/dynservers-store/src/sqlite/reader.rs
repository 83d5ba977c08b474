//! Reading a ledger beside whoever writes it, or after them.

use std::path::{Path, PathBuf};

use dynservers_core::{Decision, DecisionQuery, Event, EventId, FleetName, StoreError, Stored};
use rusqlite::Connection;

use super::error::{broken, invalid, unusable};
use super::place::{self, Glance};
use super::read;
use super::schema::{self, Identity};

/// How often a file is read again that somebody began to write to meanwhile.
const TRIES: usize = 3;

/// A ledger as a bystander reads it: what is committed, while a daemon runs and while none does.
///
/// Takes no lock, holds nothing open between two reads, and changes no content. Where no daemon runs, nothing is
/// created beside the file either, and a ledger on a read-only file system can be read.
#[derive(Debug)]
pub struct SqliteReader {
    path: PathBuf,
}

impl SqliteReader {
    pub(super) fn open(path: &Path, fleet: Option<&FleetName>) -> Result<Self, StoreError> {
        let reader = Self { path: place::find(path)? };
        if !reader.path.exists() {
            return Err(unusable(
                &reader.path,
                "there is no such file: start the daemon once, or check the path",
            ));
        }
        reader.read(|connection| match fleet {
            Some(fleet) => schema::check_fleet(connection, &reader.path, fleet),
            None => read::fleet_name(connection, &reader.path).map(drop),
        })?;
        Ok(reader)
    }

    /// Reads the whole ledger, all of it of one moment.
    ///
    /// A [`StoreError::Io`] may pass: daemons that start and end all the time can keep a reader out.
    pub fn load(&self) -> Result<Stored, StoreError> {
        self.read(|connection| read::ledger(connection, &self.path))
    }

    /// Reads at most `limit` events that are later than `after`, oldest first.
    pub fn events(&self, after: EventId, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.read(|connection| read::events(connection, &self.path, after, limit))
    }

    /// Reads the last decisions, oldest first.
    pub fn decisions(&self, wish: &DecisionQuery) -> Result<Vec<Decision>, StoreError> {
        self.read(|connection| read::decisions(connection, &self.path, wish))
    }

    fn read<T>(&self, read: impl Fn(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        at_a_glance(&self.path, |connection| match schema::identify(connection, &self.path)? {
            Identity::Ledger { .. } => read(connection),
            Identity::Empty => Err(invalid(&self.path, "it is empty".to_owned())),
        })
    }
}

/// Reads a database without writing to it, in one transaction.
pub(super) fn at_a_glance<T>(
    path: &Path,
    read: impl Fn(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for _ in 0..TRIES {
        let mut glance = Glance::open(path)?;
        let transaction = glance.connection.transaction().map_err(broken(path))?;
        let result = read(&transaction);
        drop(transaction);
        if glance.holds(path)? {
            return result;
        }
    }
    Err(unusable(path, "it is opened and closed too often just now to be read: try again"))
}
