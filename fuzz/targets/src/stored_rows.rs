//! Ledgers that were written by an older version, by hand, or by a disk that fails: each is read, or refused by name and left
//! as it was; and what was read, the machine can live with.

mod database;
mod life;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dynservers_core::{EventId, FleetName, Ledger, Store as _, StoreError, Stored};
use dynservers_store::Sqlite;

/// The fleet whose ledger it should be.
const FLEET: &str = "workers";
/// How many events are read.
const EVENTS: usize = 100;

/// Makes a database as the module `database` says, and opens it as a bystander and as a daemon does.
///
/// # Panics
///
/// If anything does not hold that must, whatever is in it.
pub fn stored_rows(bytes: &[u8]) {
    let Some(place) = database::lay_out(bytes) else { return };
    let fleet = FleetName::new(FLEET).expect("a plain word");
    let path = place.path().join("fleet.db");
    let before = files(place.path());

    let seen = Sqlite::open_read_only(&path, Some(&fleet));
    let read = seen.as_ref().map_err(Clone::clone).and_then(|reader| {
        reader.events(EventId(0), EVENTS)?;
        reader.load()
    });
    assert_eq!(files(place.path()), before, "a bystander changes nothing");

    match (Sqlite::open(&path, &fleet), seen) {
        (Err(_), Ok(_)) | (Ok(_), Err(_)) if is_empty(&before) => {}
        (Err(error), Err(refusal)) => {
            assert_eq!(error, refusal, "both are told the same");
            assert_eq!(files(place.path()), before, "what is refused is left as it was");
        }
        (Ok(_), Err(refusal)) => assert!(is_about_nothing(&refusal), "opened although {refusal}"),
        // What is broken deeper down shows only once it is written to.
        (Err(error), Ok(_)) => assert!(is_plain(&error), "{error:?}"),
        (Ok(store), Ok(_)) => is_a_ledger_or_refused(store, read),
    }
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| (entry.path(), fs::read(entry.path()).unwrap_or_default())).collect()
}

fn is_empty(files: &BTreeMap<PathBuf, Vec<u8>>) -> bool {
    files.values().all(Vec::is_empty)
}

/// Whether a bystander found a database without anything in it, which a daemon begins a ledger in.
fn is_about_nothing(error: &StoreError) -> bool {
    matches!(error, StoreError::Invalid { message, .. } if message == "it is empty")
}

/// Whether an error is one of those that a file can be the reason for.
fn is_plain(error: &StoreError) -> bool {
    matches!(error, StoreError::Invalid { .. } | StoreError::Io { .. })
}

/// A daemon reads what a bystander read, and lives with it.
fn is_a_ledger_or_refused(mut store: Sqlite, read: Result<Stored, StoreError>) {
    let loaded = store.events(EventId(0), EVENTS).and_then(|_| store.load());
    match (loaded, read) {
        (Ok(loaded), Ok(read)) => {
            // Nothing but specifications that nobody has may go when a ledger is opened.
            assert_eq!(
                Stored { specs: Vec::new(), ..loaded.clone() },
                Stored { specs: Vec::new(), ..read },
                "both read the same"
            );
            life::live(store, Ledger::restore(loaded));
        }
        (Err(error), Err(_)) => assert!(is_plain(&error), "{error:?}"),
        // A specification that nobody has may be broken until a daemon lets go of it.
        (Ok(_), Err(error)) => assert!(error.to_string().contains("table dynamic_server_specs"), "{error}"),
        (loaded, read) => panic!("one of two reads it: {loaded:?}, {read:?}"),
    }
}
