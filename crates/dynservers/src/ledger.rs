//! Ledgers: where a fleet remembers what it has begun.

use dynservers_core::{FleetName, NoStore, Store, StoreError};

/// Opens a ledger for a fleet, once, when the fleet is built.
pub trait OpenStore: Send {
    /// Opens it. Blocking is allowed.
    fn open(self: Box<Self>, fleet: &FleetName) -> Result<Box<dyn Store>, StoreError>;
}

/// Any store that is open already.
impl<S: Store + 'static> OpenStore for S {
    fn open(self: Box<Self>, _fleet: &FleetName) -> Result<Box<dyn Store>, StoreError> {
        Ok(self)
    }
}

/// A ledger in a file, by SQLite. Made if it is not there, locked while the fleet runs, for its owner's eyes only.
#[cfg(feature = "sqlite")]
#[derive(Clone, Debug)]
pub struct Sqlite {
    path: std::path::PathBuf,
}

#[cfg(feature = "sqlite")]
impl Sqlite {
    /// Says which file. It is opened when the fleet is built.
    #[must_use]
    pub fn at(path: impl Into<std::path::PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

#[cfg(feature = "sqlite")]
impl OpenStore for Sqlite {
    fn open(self: Box<Self>, fleet: &FleetName) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(dynservers_store::Sqlite::open(&self.path, fleet)?))
    }
}

/// Remembers nothing beyond this process: the ledger is rebuilt from the labels of the servers.
pub(crate) struct Nowhere;

impl OpenStore for Nowhere {
    fn open(self: Box<Self>, fleet: &FleetName) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(NoStore::new(fleet.clone())))
    }
}
