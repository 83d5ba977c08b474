//! Durable ledgers for dynservers.
//!
//! [`Sqlite`] (feature `sqlite`, on by default) keeps a fleet's ledger in one file beside the daemon. It implements
//! [`dynservers_core::Store`]; [`Sqlite::open_read_only`] reads the same file while a daemon has it.
//!
//! # Tables
//!
//! A ledger is a database that anybody may query, for example with the `sqlite3` shell. Nobody but the daemon
//! should write to it. Every table but `dynamic_server_specs` has a column `record`, which is the whole row as JSON
//! and is what is read back; most other columns are computed from it and cannot be written to. Times are milliseconds
//! since 1970 on the fleet's own clock and end in `_ms`.
//!
//! | table or view | one row for each |
//! |---|---|
//! | `dynamic_servers` | server, until its record is forgotten |
//! | `dynamic_servers_readable` | server, with times and addresses as text for people |
//! | `dynamic_server_types` | server type, with the desired number (NULL: as many as are found) |
//! | `dynamic_server_events` | event; those older than 30 days, or beyond a million, go as new ones come |
//! | `dynamic_server_decisions` | decision about the number of servers of a type, [`dynservers_core::DECISIONS_KEPT`] of each |
//! | `dynamic_server_found` | server at a provider that bears our labels and has no record |
//! | `dynamic_server_commands` | command of late with its answer, [`dynservers_core::COMMANDS_KEPT`] of them |
//! | `dynamic_server_specs` | specification that a server was made from |
//! | `dynamic_server_fleets` | fleet: always one, with its owner and its term |
//!
//! How many servers are there of each type and status?
//!
//! ```sql
//! SELECT type, status, count(*) AS servers FROM dynamic_servers GROUP BY type, status ORDER BY type, status;
//! ```
//!
//! How many should there be, and how many count towards that?
//!
//! ```sql
//! SELECT types.type, desired,
//!        count(id) FILTER (WHERE status IN ('new', 'starting', 'running', 'rebooting')) AS provisioned
//! FROM dynamic_server_types AS types LEFT JOIN dynamic_servers AS servers ON servers.type = types.type
//! GROUP BY types.type ORDER BY types.type;
//! ```
//!
//! What is wrong, since when, and what is there to quote to the provider?
//!
//! ```sql
//! SELECT id, name, status, status_updated_at, failure_message, failure_code, failure_correlation
//! FROM dynamic_servers_readable WHERE failure_message IS NOT NULL ORDER BY id;
//! ```
//!
//! What does a program keep with its servers? (`meta` is JSON, and NULL if there is nothing.)
//!
//! ```sql
//! SELECT id, name, meta FROM dynamic_servers WHERE meta IS NOT NULL ORDER BY id;
//! ```
//!
//! What happened to server 2?
//!
//! ```sql
//! SELECT strftime('%Y-%m-%dT%H:%M:%fZ', at_ms / 1000.0, 'unixepoch') AS at, event, previous_status
//! FROM dynamic_server_events WHERE server_id = 2 ORDER BY id;
//! ```
//!
//! Which servers were made from something else than the newest server of their type?
//!
//! ```sql
//! SELECT id, name, spec FROM dynamic_servers AS servers
//! WHERE spec <> (SELECT spec FROM dynamic_servers AS newest
//!                WHERE newest.type = servers.type AND spec IS NOT NULL ORDER BY id DESC LIMIT 1)
//! ORDER BY id;
//! ```
//!
//! # Copies
//!
//! `VACUUM INTO 'copy.db'` makes a copy while the daemon runs; a copy of the file alone, without its `-wal`, may lack
//! the latest changes. A ledger that was restored from an older copy loads like any other: what it does not know is
//! found again by the labels of the servers.

#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use self::sqlite::{Sqlite, SqliteReader};
