//! Servers on this machine: `[providers.NAME]` of kind `local`, and what a server type asks of it.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use dynservers_core::ProviderConfig;
use dynservers_local::{LOG_LEAST, Local, Template, TemplateError};

use super::field::Field;
use super::provider::machine;
use super::reader::Section;

/// A directory in which servers are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// Where it is; absolute.
    pub(crate) directory: PathBuf,
    /// How many bytes the log of a server may have before it is set aside.
    pub(crate) log_limit: u64,
}

/// The keys of a provider that only those on this machine have.
pub(super) const PROVIDER_KEYS: &[&str] = &["directory", "log_limit"];
/// The keys of a type that only types on this machine have.
pub(super) const TYPE_KEYS: &[&str] = &["command", "env", "log_limit"];
/// How long the processes of a server may take to end after SIGTERM.
pub(super) const STOP_TIMEOUT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);

/// The directory, beside the configuration like the ledger and the socket.
const DIRECTORY: &str = "dynservers.local";
const LOG_LIMIT: u64 = 10 << 20;
const LOG_LIMITS: RangeInclusive<u64> = LOG_LEAST..=1 << 40;
const REQUEST: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);
/// A restart shows at once, or never.
const RESTART_TIME: Duration = Duration::from_secs(5);

/// Reads the keys of a provider: what the machine must know, and the rest.
pub(super) fn read_home(section: &mut Section<'_>) -> Option<(ProviderConfig, Home)> {
    let directory = match section.get("directory") {
        Some(field) => field.path(),
        None => Some(section.directory().join(DIRECTORY)),
    };
    let log_limit = match section.get("log_limit") {
        Some(field) => field.size(LOG_LIMITS),
        None => Some(LOG_LIMIT),
    };
    let default = ProviderConfig { restart_time: RESTART_TIME, ..Local::provider_config() };
    let config = machine(section, &default, REQUEST);
    Some((config, Home { directory: directory?, log_limit: log_limit? }))
}

/// Reads the keys that make up the template. All that is wrong is told, and then what is given is of no use.
pub(super) fn template(section: &mut Section<'_>) -> Template {
    let snapshot =
        section.required("snapshot", "snapshot = \"worker\": the directory that each server gets a copy of");
    let command = section.get("command");
    let path = snapshot.and_then(|field| directory(&field, command.is_none()));
    let mut template = Template::new(path.unwrap_or_else(|| section.directory().to_owned()));
    if let Some(command) = command.and_then(|field| field.texts()) {
        template.command = command;
    }
    if let Some(env) = section.get("env").and_then(|field| field.section()) {
        // What a reference leads to is read each time that a server is started.
        let variables = env.entries().filter_map(|(name, _, field)| Some((name.to_owned(), field.text()?)));
        template.env = variables.collect();
    }
    template.log_limit = section.get("log_limit").and_then(|field| field.size(LOG_LIMITS));
    for error in template.check().err().unwrap_or_default() {
        tell(section, &error);
    }
    template
}

/// Reads the directory to be copied; for whoever makes servers it must be there, with a program to run if none is named.
fn directory(field: &Field<'_>, needs_start: bool) -> Option<PathBuf> {
    let path = field.path()?;
    if !field.report.looks_at_disk {
        return Some(path);
    }
    let start = path.join("start");
    if !path.is_dir() {
        let help = "make it; relative paths are relative to the configuration file's directory";
        field.add(format!("there is no directory {}", path.display()), help);
    } else if needs_start && !start.is_file() {
        field.add(
            format!("there is no program {}", start.display()),
            "put one there, or command = [\"./worker\"]",
        );
    }
    Some(path)
}

/// Tells what is wrong with a template, where it stands in the file.
fn tell(section: &Section<'_>, error: &TemplateError) {
    let (key, entry) = match error.location.split_once('.') {
        Some((key, entry)) => (key, Some(entry)),
        None => (error.location.split('[').next().unwrap_or_default(), None),
    };
    let help = match key {
        "command" => "command = [\"./start\", \"--name={name}\"]",
        "env" => "env = { QUEUE = \"mail\" }",
        "log_limit" => "log_limit = \"10MiB\"",
        _ => "snapshot = \"worker\"",
    };
    let Some((_, field)) = section.entry(key) else {
        section.add(error.to_string(), help);
        return;
    };
    let inner = entry.and_then(|entry| field.section()?.entry(entry));
    match inner {
        Some((name, inner)) => inner.report.add(&name, &inner.key, error.problem.to_string(), help),
        None => field.add(error.problem.to_string(), help),
    }
}
