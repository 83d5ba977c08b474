//! A database laid out from an input.
//!
//! The first heading says what there is to begin with: `version 1` or `version 2` is an empty ledger of that version, and
//! `file` is a file with what is below it. The headings after it put rows into a ledger, with what is below each as their
//! record:
//!
//! | heading | row |
//! |---|---|
//! | `fleet` | the fleet's own, in place of that of a new ledger |
//! | `server 7` | a server |
//! | `spec HASH` | a specification; the hash of what is below it where there is none |
//! | `found upcloud 00c7` | a server without a record |
//! | `command KEY` | a command |
//! | `event 3` | an event |
//! | `as integer 7` | the number in the column of time of the fleet |
//! | `damage 4096` | no row: what is below it is written over the file at this byte, at the end |

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use dynservers_core::{FleetName, FleetRecord, OwnerId, Spec};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::text::{Section, sections};

/// The steps that made ledgers of each version.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../../crates/dynservers-store/src/sqlite/migrations/0001_ledger.sql"),
    include_str!("../../../../crates/dynservers-store/src/sqlite/migrations/0002_meta.sql"),
];
/// What marks a database as a ledger.
const APPLICATION_ID: i32 = 0x6479_6e73;
/// How many rows an input may have.
const ROWS: usize = 40;
/// No file is made longer than this by damage.
const LONGEST: usize = 1024 * 1024;

/// Makes what an input says, in a directory of its own; none if it says nothing.
pub(super) fn lay_out(bytes: &[u8]) -> Option<TempDir> {
    let sections = sections(bytes);
    let (first, rest) = sections.split_first()?;
    // Where nothing has to reach a disk, if there is such a place.
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.ok()?;
    let path = directory.path().join("fleet.db");
    match first.heading.split_once(' ') {
        None if first.heading == "file" => fs::write(&path, first.content).ok()?,
        Some(("version", version)) => {
            let version = version.parse::<usize>().ok()?.checked_sub(1)?;
            fs::write(&path, LEDGERS.get(version)?).ok()?;
            let connection = Connection::open(&path).ok()?;
            connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF").ok()?;
            // Rows that the schema itself does not take could not be there either.
            for section in rest.iter().take(ROWS) {
                drop(put(&connection, section));
            }
            connection.close().ok()?;
        }
        _ => return None,
    }
    damage(&path, rest);
    Some(directory)
}

/// An empty ledger of each version, as a file.
static LEDGERS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let made = (1..=MIGRATIONS.len()).map(|version| {
        let path = directory.path().join(version.to_string());
        begin(&path, version).expect("the steps are those that made every ledger");
        fs::read(path).expect("it was just written")
    });
    made.collect()
});

/// Makes an empty ledger of a version.
fn begin(path: &Path, version: usize) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA page_size = 1024")?;
    for migration in &MIGRATIONS[..version] {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", version as u32)?;
    let fleet = FleetName::new(super::FLEET).expect("a plain word");
    let record = FleetRecord::new(fleet.clone(), OwnerId::of_fleet(&fleet));
    let record = serde_json::to_string(&record).expect("a record has a JSON form");
    let sql = "INSERT INTO dynamic_server_fleets (fleet, owner, term, time_ms, batches, record) \
               VALUES (?1, ?1, 1, 0, 0, ?2)";
    connection.execute(sql, params![super::FLEET, record])?;
    connection.close().map_err(|(_, error)| error)
}

fn put(connection: &Connection, section: &Section<'_>) -> rusqlite::Result<usize> {
    let words: Vec<&str> = section.heading.split(' ').collect();
    let text = String::from_utf8_lossy(section.content);
    let number = |word: &str| word.parse::<i64>().unwrap_or_default();
    match words.as_slice() {
        ["fleet"] => connection.execute("UPDATE dynamic_server_fleets SET record = ?1", [text]),
        ["as", "integer", time] => {
            connection.execute("UPDATE dynamic_server_fleets SET time_ms = ?1", [number(time)])
        }
        ["server", id] => connection.execute(
            "INSERT OR REPLACE INTO dynamic_servers (id, record) VALUES (?1, ?2)",
            params![number(id), text],
        ),
        ["spec"] => {
            let body = serde_json::from_str(&text).unwrap_or_default();
            let hash = Spec::new(body).hash().to_string();
            connection
                .execute("INSERT OR REPLACE INTO dynamic_server_specs VALUES (?1, ?2)", params![hash, text])
        }
        ["spec", hash] => connection
            .execute("INSERT OR REPLACE INTO dynamic_server_specs VALUES (?1, ?2)", params![hash, text]),
        ["found", provider, id] => connection.execute(
            "INSERT OR REPLACE INTO dynamic_server_found (provider, provider_id, record) VALUES (?1, ?2, ?3)",
            params![provider, id, text],
        ),
        ["command", key] => connection.execute(
            "INSERT OR REPLACE INTO dynamic_server_commands (id, record) VALUES (?1, ?2)",
            params![key, text],
        ),
        ["event", id] => connection.execute(
            "INSERT OR REPLACE INTO dynamic_server_events (id, at_ms, record) VALUES (?1, 0, ?2)",
            params![number(id), text],
        ),
        _ => Ok(0),
    }
}

/// Writes over a file where the input says so, which may make it longer.
fn damage(path: &Path, sections: &[Section<'_>]) {
    let Ok(mut file) = fs::read(path) else { return };
    let mut is_damaged = false;
    for section in sections {
        let at = section.heading.strip_prefix("damage ").and_then(|at| at.parse::<usize>().ok());
        let Some(at) = at.filter(|at| at + section.content.len() <= LONGEST) else { continue };
        let end = at + section.content.len();
        file.resize(file.len().max(end), 0);
        file[at..end].copy_from_slice(section.content);
        is_damaged = true;
    }
    if is_damaged {
        // What could not be written is not damaged.
        let _ = fs::write(path, file);
    }
}
