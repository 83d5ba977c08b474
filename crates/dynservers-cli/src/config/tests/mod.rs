//! What a configuration file may say, and what it is told if it says anything else.

mod bad_inputs;
mod credentials;
mod good_inputs;

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

/// Reads a text as if it stood in `/etc/fleet/dynservers.toml`.
fn parse(text: &str) -> Result<Configuration, Problems> {
    parse_in(text, Path::new("/etc/fleet"))
}

fn parse_in(text: &str, directory: &Path) -> Result<Configuration, Problems> {
    let variable = |name: &str| (name == "PRESENT").then(|| "value-of-present".to_owned());
    Configuration::parse(text, Path::new("dynservers.toml"), PathBuf::from(directory), &variable)
}
