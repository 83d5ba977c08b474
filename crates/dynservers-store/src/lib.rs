//! Durable ledgers.
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
pub use self::sqlite::{Sqlite, SqliteReader};
