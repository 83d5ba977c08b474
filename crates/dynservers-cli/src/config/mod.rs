//! The configuration file: read whole, checked whole, and either right or told what is wrong with it.

mod call;
mod demand;
mod document;
mod endpoints;
mod field;
mod find;
mod hook;
mod local;
mod policy;
mod postgres;
mod price;
mod problem;
mod provider;
mod rabbitmq;
mod reader;
mod redis;
mod server_type;
mod upcloud;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use dynservers_core::{Config, FleetName, ProviderName, TypeName};
use dynservers_http::Secrets;
use dynservers_upcloud::Credentials;
use toml::de::DeTable;

pub(crate) use call::Call;
#[cfg(test)]
pub(crate) use demand::DemandSettings;
pub(crate) use demand::SourceSettings;
pub(crate) use endpoints::{Listen, SocketAccess, StoreUrl};
pub(crate) use find::{NoConfiguration, find};
#[cfg(test)]
pub(crate) use hook::EVENTS;
pub(crate) use hook::{HookSettings, HookTarget};
pub(crate) use local::Home;
pub(crate) use policy::SlotSettings;
pub(crate) use price::Price;
pub(crate) use problem::{Problem, Problems};
pub(crate) use provider::ProviderSettings;
pub(crate) use server_type::{AddressPreference, Template, TypeSettings};
pub(crate) use upcloud::Account;
pub(crate) use worker::AskSettings;

use problem::Source;
use reader::Report;

/// A configuration that is right in itself. Whether the ledger agrees with it is for the machine to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// The fleet.
    pub(crate) fleet: FleetName,
    /// Types that are no longer wanted, and shrink to zero.
    pub(crate) retired_types: BTreeSet<TypeName>,
    /// Where the ledger is kept.
    pub(crate) store: StoreUrl,
    /// Where the daemon listens.
    pub(crate) api: Listen,
    /// What the machine must know.
    pub(crate) core: Config,
    /// The rest of each provider.
    pub(crate) providers: BTreeMap<ProviderName, ProviderSettings>,
    /// The rest of each server type.
    pub(crate) server_types: BTreeMap<TypeName, TypeSettings>,
    /// Who is told of events.
    pub(crate) hooks: Vec<HookSettings>,
    /// The file that it was read from, as it was named.
    pub(crate) path: PathBuf,
    /// What relative paths in it are relative to; absolute.
    pub(crate) directory: PathBuf,
}

/// What is said of a text that cannot be read at all.
const NO_TOML: &str = "is not TOML";

impl Configuration {
    /// Reads a configuration file, for whoever makes servers: what they are made of must be there.
    pub(crate) fn load(path: &Path) -> Result<Self, Problems> {
        Self::load_with(path, true)
    }

    /// Reads a configuration file, for commands that make no servers: these must work where a snapshot went missing.
    pub(crate) fn load_to_speak(path: &Path) -> Result<Self, Problems> {
        Self::load_with(path, false)
    }

    fn load_with(path: &Path, looks_at_disk: bool) -> Result<Self, Problems> {
        let directory = std::path::absolute(path)
            .map_err(|error| unreadable(path, &error, "name a file with --config FILE"))?;
        let directory = directory.parent().unwrap_or(Path::new("/")).to_owned();
        let bytes = std::fs::read(path)
            .map_err(|error| unreadable(path, &error, "name a file that exists with --config FILE"))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| unreadable(path, &error.utf8_error(), "save it as UTF-8"))?;
        Self::parse_with(&text, path, directory, &variable, looks_at_disk)
    }

    /// Reads a configuration from its text.
    #[cfg(test)]
    fn parse(
        text: &str,
        path: &Path,
        directory: PathBuf,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Problems> {
        Self::parse_with(text, path, directory, variable, true)
    }

    pub(crate) fn parse_with(
        text: &str,
        path: &Path,
        directory: PathBuf,
        variable: &dyn Fn(&str) -> Option<String>,
        looks_at_disk: bool,
    ) -> Result<Self, Problems> {
        let file = path.display().to_string();
        let source = Source { file: &file, text };
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut report = Report::new(source, directory, variable);
        report.looks_at_disk = looks_at_disk;
        // What a broken file means is a guess: its keys are looked at once it can be read.
        for error in &errors {
            let span = error.span().unwrap_or_default();
            let message = error.message().trim().replace('\n', ", ");
            report.add(
                &span,
                "",
                format!("{NO_TOML}: {message}"),
                "see https://toml.io for how it is written",
            );
        }
        let configuration =
            if errors.is_empty() { document::read(&report, document.get_ref(), path) } else { None };
        let problems = report.into_problems();
        match (configuration, Problems::of(problems)) {
            (Some(configuration), None) => Ok(configuration),
            (_, Some(problems)) => Err(problems),
            (None, None) => {
                Err(unreadable(path, &"it is incomplete", "compare it with the documentation").into())
            }
        }
    }

    /// Finds where the credentials of a provider are read from, and that they are there.
    ///
    /// For commands that talk to the provider; the others do without.
    pub(crate) fn credentials(
        &self,
        provider: &ProviderName,
        secrets: &dyn Secrets,
    ) -> Result<Credentials, Problems> {
        let (file, key) = (self.path.display().to_string(), format!("providers.{provider}"));
        match self.providers.get(provider) {
            Some(ProviderSettings::UpCloud(account)) => account.credentials(&file, &key, secrets),
            Some(ProviderSettings::Local(_)) | None => Err(Problem {
                file,
                place: None,
                key,
                message: "is missing".to_owned(),
                help: format!("[providers.{provider}]"),
            }
            .into()),
        }
    }
}

fn unreadable(path: &Path, reason: &dyn fmt::Display, help: &str) -> Problem {
    Problem {
        file: path.display().to_string(),
        place: None,
        key: String::new(),
        message: format!("cannot be read: {reason}"),
        help: help.to_owned(),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
