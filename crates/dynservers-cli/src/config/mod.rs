//! The configuration file: read whole, checked whole, and either right or told what is wrong with it.

mod duration;
mod endpoints;
mod field;
mod find;
mod problem;
mod provider;
mod reader;
mod server_type;
mod upcloud;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynservers_core::{
    Config, FleetName, InvalidId, ProviderConfig, ProviderName, Timing, TypeConfig, TypeName,
};
use toml::de::DeTable;

pub(crate) use endpoints::{Listen, StoreUrl};
pub(crate) use find::{NoConfiguration, find};
pub(crate) use problem::{Problem, Problems};
pub(crate) use provider::{Credentials, ProviderKind, ProviderSettings};
pub(crate) use server_type::{AddressPreference, TypeSettings};

use field::Field;
use problem::Source;
use reader::{Report, Section, nearest};

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
    /// The file that it was read from, as it was named.
    pub(crate) path: PathBuf,
    /// What relative paths in it are relative to; absolute.
    pub(crate) directory: PathBuf,
}

/// Looks between these are neither a flood nor blindness.
const POLL: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(86_400);
/// A limit on how long something may take.
const LIMIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(7 * 86_400);
/// How long something is kept, at most ten years.
const KEPT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_650 * 86_400);

impl Configuration {
    /// Reads a configuration file.
    pub(crate) fn load(path: &Path) -> Result<Self, Problems> {
        let directory = std::path::absolute(path)
            .map_err(|error| unreadable(path, &error, "name a file with --config FILE"))?;
        let directory = directory.parent().unwrap_or(Path::new("/")).to_owned();
        let bytes = std::fs::read(path)
            .map_err(|error| unreadable(path, &error, "name a file that exists with --config FILE"))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| unreadable(path, &error.utf8_error(), "save it as UTF-8"))?;
        Self::parse(&text, path, directory, &variable)
    }

    /// Reads a configuration from its text.
    fn parse(
        text: &str,
        path: &Path,
        directory: PathBuf,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Problems> {
        let file = path.display().to_string();
        let source = Source { file: &file, text };
        let (document, errors) = DeTable::parse_recoverable(text);
        let report = Report::new(source, directory, variable);
        // What a broken file means is a guess: its keys are looked at once it can be read.
        for error in &errors {
            let span = error.span().unwrap_or_default();
            let message = error.message().trim().replace('\n', ", ");
            report.add(
                &span,
                "",
                format!("is not TOML: {message}"),
                "see https://toml.io for how it is written",
            );
        }
        let configuration = if errors.is_empty() { read(&report, document.get_ref(), path) } else { None };
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
    pub(crate) fn credentials(&self, provider: &ProviderName) -> Result<Credentials, Problems> {
        self.credentials_among(provider, &variable)
    }

    fn credentials_among(
        &self,
        provider: &ProviderName,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Credentials, Problems> {
        let (file, key) = (self.path.display().to_string(), format!("providers.{provider}"));
        match self.providers.get(provider) {
            Some(settings) => settings.credentials(&file, &key, variable),
            None => Err(Problem {
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

/// Tables under names of the writer's own; nothing in place of a table that is wrong.
type Tables<N, T> = BTreeMap<N, Option<T>>;

/// Reads the document; nothing if something that is needed is missing or wrong, which has been told then.
fn read<'r>(report: &'r Report<'r>, document: &'r DeTable<'r>, path: &Path) -> Option<Configuration> {
    let mut root = Section::new(report, "", 0..0, document);
    let fleet = root.required("fleet", "fleet = \"workers\"").and_then(|field| field.named(FleetName::new));
    let ledger = StoreUrl::Sqlite(report.directory.join("dynservers.db"));
    let store = endpoint(&mut root, "store", "url", ledger, endpoints::store);
    let socket = Listen::Unix(report.directory.join("dynservers.sock"));
    let api = endpoint(&mut root, "api", "listen", socket, endpoints::listen);
    let timing = timing(&mut root);
    let providers = root.required("providers", "[providers.upcloud]");
    let providers = providers.map(|field| tables(&field, ProviderName::new, provider::read));
    let retired = root.get("retired_types").map(|field| retired_types(&field)).unwrap_or_default();
    // A fleet that only lets its last servers go has no types.
    let types = if retired.is_empty() {
        root.required("server_types", "[server_types.default]")
    } else {
        root.get("server_types")
    };
    let types = types.map(|field| tables(&field, TypeName::new, server_type::read)).unwrap_or_default();
    root.finish();
    for (name, field) in &retired {
        if types.contains_key(name) {
            let message = format!("{name:?} is also configured", name = name.as_str());
            field.add(
                message,
                format!("remove it here to keep it, or remove [server_types.{name}] to let it go"),
            );
        }
    }
    let providers = providers?;
    check_providers(&types, &providers);
    assemble(
        Parts { fleet: fleet?, store: store?, api: api?, timing, providers, types, retired },
        report,
        path,
    )
}

/// What was read, each part right in itself.
struct Parts<'r> {
    fleet: FleetName,
    store: StoreUrl,
    api: Listen,
    timing: Timing,
    providers: Tables<ProviderName, (ProviderConfig, ProviderSettings)>,
    types: Tables<TypeName, (TypeConfig, TypeSettings, Field<'r>)>,
    retired: Vec<(TypeName, Field<'r>)>,
}

fn assemble(parts: Parts<'_>, report: &Report<'_>, path: &Path) -> Option<Configuration> {
    let mut core = Config {
        fleet: parts.fleet.clone(),
        timing: parts.timing,
        providers: BTreeMap::new(),
        server_types: BTreeMap::new(),
        retired_types: parts.retired.into_iter().map(|(name, _)| name).collect(),
    };
    let mut providers = BTreeMap::new();
    for (name, provider) in parts.providers {
        let (config, settings) = provider?;
        core.providers.insert(name.clone(), config);
        providers.insert(name, settings);
    }
    let mut server_types = BTreeMap::new();
    for (name, server_type) in parts.types {
        let (config, settings, _) = server_type?;
        core.server_types.insert(name.clone(), config);
        server_types.insert(name, settings);
    }
    Some(Configuration {
        fleet: parts.fleet,
        retired_types: core.retired_types.clone(),
        store: parts.store,
        api: parts.api,
        core,
        providers,
        server_types,
        path: path.to_owned(),
        directory: report.directory.clone(),
    })
}

/// Reads tables whose names are the writer's own.
fn tables<'r, N: Ord, T>(
    field: &Field<'r>,
    name: impl Fn(String) -> Result<N, InvalidId>,
    read: impl Fn(&Field<'r>) -> Option<T>,
) -> Tables<N, T> {
    let mut tables = BTreeMap::new();
    let Some(section) = field.section() else { return tables };
    let mut any = false;
    for (key, span, field) in section.entries() {
        any = true;
        let table = read(&field);
        match name(key.to_owned()) {
            Ok(name) => {
                tables.insert(name, table);
            }
            Err(error) => {
                field.report.add(
                    &span,
                    &field.key,
                    format!("{key:?} is not a valid {}", error.what),
                    error.rule,
                );
            }
        }
    }
    if !any {
        section.add("is empty", format!("[{}.NAME]", field.key));
    }
    tables
}

fn check_providers<T>(
    types: &Tables<TypeName, (TypeConfig, TypeSettings, Field<'_>)>,
    providers: &Tables<ProviderName, T>,
) {
    for (config, _, field) in types.values().flatten() {
        if !providers.contains_key(&config.provider) {
            let known: Vec<&str> = providers.keys().map(ProviderName::as_str).collect();
            let help = match nearest(config.provider.as_str(), known.iter().copied()) {
                Some(known) => format!("did you mean \"{known}\"?"),
                None => format!("configured: {}", known.join(", ")),
            };
            field.add(format!("there is no provider {:?}", config.provider.as_str()), help);
        }
    }
}

fn retired_types<'r>(field: &Field<'r>) -> Vec<(TypeName, Field<'r>)> {
    let items = field.items().unwrap_or_default();
    items.into_iter().filter_map(|item| Some((item.named(TypeName::new)?, item))).collect()
}

/// Reads a table with one key, either of which may be left out.
fn endpoint<'r, T>(
    root: &mut Section<'r>,
    table: &'static str,
    key: &'static str,
    default: T,
    read: impl Fn(&Field<'r>) -> Option<T>,
) -> Option<T> {
    let Some(field) = root.get(table) else { return Some(default) };
    let mut section = field.section()?;
    let value = section.get(key).map_or(Some(default), |field| read(&field));
    section.finish();
    value
}

fn timing(root: &mut Section<'_>) -> Timing {
    let default = Timing::default();
    let Some(mut section) = root.get("timing").and_then(|field| field.section()) else { return default };
    let mut duration = |key, bounds: RangeInclusive<Duration>, otherwise| {
        section.get(key).and_then(|field| field.duration(bounds)).unwrap_or(otherwise)
    };
    let timing = Timing {
        poll_interval: duration("poll_interval", POLL, default.poll_interval),
        resync_interval: duration("resync_interval", POLL, default.resync_interval),
        hanging_after: duration("hanging_after", LIMIT, default.hanging_after),
        create_deadline: duration("create_deadline", LIMIT, default.create_deadline),
        failed_retention: duration("failed_retention", KEPT, default.failed_retention),
        retention: duration("retention", KEPT, default.retention),
    };
    section.finish();
    timing
}
