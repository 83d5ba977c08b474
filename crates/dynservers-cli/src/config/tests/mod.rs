//! What a configuration file may say, and what it is told if it says anything else.

mod bad_files;
mod bad_local;
mod bad_providers;
mod bad_types;
mod credentials;
mod good_inputs;
mod good_local;
mod policies;
mod postgres;
mod rabbitmq;
mod readme;
mod servers;

use std::path::{Path, PathBuf};

use super::{Configuration, Problems};

/// The file of the documentation, with every key.
const FULL: &str = include_str!("full.toml");

/// The smallest file that is right.
const SMALL: &str = r#"fleet = "workers"

[providers.upcloud]
kind = "upcloud"

[server_types.default]
provider = "upcloud"
zone = "de-fra1"
plan = "2xCPU-4GB"
snapshot = "01000000-0000-4000-8000-000030240200"
max = 20
"#;

/// The file of the documentation of fleets on this machine, with every key that they have.
const LOCAL: &str = include_str!("local.toml");

/// The smallest file of a fleet on this machine that is right.
const SMALL_LOCAL: &str = r#"fleet = "workers"

[providers.here]
kind = "local"

[server_types.default]
provider = "here"
snapshot = "worker"
max = 8
"#;

/// Makes a directory with what the local files name.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("worker")).unwrap();
    std::fs::write(directory.path().join("worker/start"), "").unwrap();
    directory
}

/// Reads a text as if it stood in `/etc/fleet/dynservers.toml`.
fn parse(text: &str) -> Result<Configuration, Problems> {
    parse_in(text, Path::new("/etc/fleet"))
}

fn parse_in(text: &str, directory: &Path) -> Result<Configuration, Problems> {
    let variable = |name: &str| (name == "PRESENT").then(|| "value-of-present".to_owned());
    Configuration::parse(text, Path::new("dynservers.toml"), PathBuf::from(directory), &variable)
}

/// Gives what is said about the smallest file after one change.
#[track_caller]
fn told(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    refused(&SMALL.replace(from, to))
}

/// Gives what is said about a file that is wrong.
#[track_caller]
fn refused(text: &str) -> String {
    parse(text).expect_err("a wrong file").to_string()
}
