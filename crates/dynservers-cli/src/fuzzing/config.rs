//! Configurations: any text is read or told what is wrong with it, and nobody's secret is told.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use dynservers_core::{Ledger, NoStore, Reconciler, Store as _, Time};
use tempfile::TempDir;
use toml::{Table, Value};

use crate::config::Configuration;

/// What the environment says where nobody may see it.
const CONFIDED: &str = "confided-to-the-environment";
/// What stands in files of the corpus where a secret may not stand.
const WRITTEN: &str = "hunter2";
/// Keys of a provider that only ever refer to secrets.
const SECRET_KEYS: [&str; 3] = ["token", "username", "password"];
/// Names of files that have no end, or that wait for somebody: a person who names one gets what they ask for.
const ENDLESS: [&str; 2] = ["/dev", "/proc"];

/// Where the snapshots and programs are that files of the corpus name.
static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let snapshot = directory.path().join("worker");
    std::fs::create_dir(&snapshot).expect("the directory is empty");
    std::fs::write(snapshot.join("start"), "").expect("the directory is empty");
    std::fs::write(directory.path().join("secret.txt"), CONFIDED).expect("the directory is empty");
    directory
});

/// Reads bytes as a configuration file.
///
/// # Panics
///
/// If anything does not hold that must, whatever the file says.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if ENDLESS.iter().any(|place| text.contains(place)) {
        return;
    }
    let (strict, lenient) = (read(text, true), read(text, false));
    for told in [&strict, &lenient].into_iter().filter_map(|read| read.as_ref().err()) {
        assert!(!told.is_empty(), "what is refused is told");
        assert!(text.contains(CONFIDED) || !told.contains(CONFIDED), "the environment is told:\n{told}");
        assert!(!is_written_as_secret_only(text) || !told.contains(WRITTEN), "a secret is told:\n{told}");
    }
    if let Ok(configuration) = strict {
        assert_eq!(lenient.as_ref(), Ok(&configuration), "who looks at the disk reads the same");
    }
    if let Ok(configuration) = lenient {
        assert_eq!(
            read(&format!("{text}\n# the end\n"), false).as_ref(),
            Ok(&configuration),
            "a comment says nothing"
        );
        drives_a_machine(configuration);
    }
}

fn read(text: &str, looks_at_disk: bool) -> Result<Configuration, String> {
    let directory = PathBuf::from(DIRECTORY.path());
    Configuration::parse_with(text, Path::new("dynservers.toml"), directory, &variable, looks_at_disk)
        .map_err(|problems| problems.to_string())
}

fn variable(name: &str) -> Option<String> {
    match name {
        "FLEET" => Some("workers".to_owned()),
        "INTERVAL" => Some("20s".to_owned()),
        "UNSET" => None,
        _ => Some(CONFIDED.to_owned()),
    }
}

/// Whether the known secret stands in the text, and nowhere but where a provider's secrets would.
fn is_written_as_secret_only(text: &str) -> bool {
    let Ok(table) = text.parse::<Table>() else { return false };
    let providers = table.get("providers").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let secrets = providers.filter_map(Value::as_table).flat_map(|provider| {
        SECRET_KEYS
            .iter()
            .filter_map(|key| provider.get(*key)?.as_str())
            .map(|secret| secret.matches(WRITTEN).count())
    });
    let count: usize = secrets.sum();
    // Escapes may write a key in such a way that no person would take it for one.
    count > 0 && count == text.matches(WRITTEN).count() && !text.contains('\\')
}

/// What is right in itself is right for the machine, on a ledger that nobody has written to.
fn drives_a_machine(configuration: Configuration) {
    let stored = NoStore::new(configuration.fleet.clone()).load().expect("there is nothing to read");
    let ledger = Ledger::restore(stored);
    assert_eq!(ledger.contradictions(&configuration.core), [], "nothing contradicts an empty ledger");
    let now = Time::from_millis(1_700_000_000_000);
    let mut machine = Reconciler::new(configuration.core, ledger, 7, now);
    machine.handle_timeout(now);
    while machine.poll_output().is_some() {}
    assert_eq!(machine.ledger().servers().count(), 0, "no server is made before a look");
}
