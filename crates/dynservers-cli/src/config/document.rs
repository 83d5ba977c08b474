//! The file's tables: each read by its own module, and held against the others here.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use dynservers_core::{
    Config, FleetName, InvalidId, ProviderConfig, ProviderName, Timing, TypeConfig, TypeName,
};
use toml::de::DeTable;

use super::Configuration;
use super::endpoints::{self, Listen, StoreUrl};
use super::field::Field;
use super::hook::{self, HookSettings};
use super::provider::{self, ProviderKind, ProviderSettings};
use super::reader::{Report, Section};
use super::server_type::{self, Providers, TypeSettings};

/// Looks between these are neither a flood nor blindness.
const POLL: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(86_400);
/// A limit on how long something may take.
const LIMIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(7 * 86_400);
/// How long something is kept, at most ten years.
const KEPT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_650 * 86_400);

/// Tables under names of the writer's own; nothing in place of a table that is wrong.
type Tables<N, T> = BTreeMap<N, Option<T>>;

/// Reads the document; nothing if something that is needed is missing or wrong, which has been told then.
pub(super) fn read<'r>(
    report: &'r Report<'r>,
    document: &'r DeTable<'r>,
    path: &Path,
) -> Option<Configuration> {
    let mut root = Section::new(report, "", 0..0, document);
    let fleet = root.required("fleet", "fleet = \"workers\"").and_then(|field| field.named(FleetName::new));
    let ledger = |report: &Report<'_>| Some(endpoints::default_store(report));
    let store = endpoint(&mut root, "store", "url", ledger, endpoints::store);
    let api = endpoints::api(&mut root);
    let timing = timing(&mut root);
    let providers = root.required("providers", "[providers.upcloud]");
    let kinds = providers.as_ref().map(kinds).unwrap_or_default();
    let providers = providers.map(|field| self::providers(&field)).unwrap_or_default();
    let retired = root.get("retired_types").map(|field| retired_types(&field)).unwrap_or_default();
    // A fleet that only lets its last servers go has no types.
    let types = if retired.is_empty() {
        root.required("server_types", "[server_types.default]")
    } else {
        root.get("server_types")
    };
    let types = types.map(|field| tables(&field, TypeName::new, |field| server_type::read(field, &kinds)));
    let types = types.unwrap_or_default();
    let hooks = root.get("hooks").map_or(Some(Vec::new()), |field| hook::read(&field));
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
    assemble(
        Parts { fleet: fleet?, store: store?, api: api?, timing, providers, types, retired, hooks: hooks? },
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
    types: Tables<TypeName, (TypeConfig, TypeSettings)>,
    retired: Vec<(TypeName, Field<'r>)>,
    hooks: Vec<HookSettings>,
}

fn assemble(parts: Parts<'_>, report: &Report<'_>, path: &Path) -> Option<Configuration> {
    let mut core = Config {
        fleet: parts.fleet.clone(),
        timing: parts.timing,
        providers: BTreeMap::new(),
        server_types: BTreeMap::new(),
        shadow: false,
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
        let (config, settings) = server_type?;
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
        hooks: parts.hooks,
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

/// Finds of which kind each provider is.
fn kinds<'r>(field: &Field<'r>) -> Providers<'r> {
    let section = field.value.as_table().and_then(|_| field.section());
    let kinds = section.iter().flat_map(Section::entries);
    kinds.map(|(name, _, provider)| (name, ProviderKind::of(&provider))).collect()
}

/// Reads the providers. Two names for one account would each find the other's servers there without a record.
fn providers(field: &Field<'_>) -> Tables<ProviderName, (ProviderConfig, ProviderSettings)> {
    let tables = tables(field, ProviderName::new, provider::read);
    let read: Vec<(&ProviderName, &ProviderSettings)> =
        tables.iter().filter_map(|(name, table)| Some((name, &table.as_ref()?.1))).collect();
    for (index, (name, settings)) in read.iter().enumerate() {
        if let Some((other, _)) = read[..index].iter().find(|(_, other)| settings.is_account_of(other)) {
            let message = format!("{other} and {name} are the same account");
            let help = "one [providers.NAME] an account: several types may share it";
            if let Some((_, provider)) = field.section().and_then(|section| section.entry(name.as_str())) {
                provider.add(message, help);
            }
        }
    }
    tables
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
    default: impl Fn(&Report<'_>) -> Option<T>,
    read: impl Fn(&Field<'r>) -> Option<T>,
) -> Option<T> {
    let Some(field) = root.get(table) else { return default(root.report) };
    let mut section = field.section()?;
    let field = section.get(key);
    section.finish();
    field.map_or_else(|| default(root.report), |field| read(&field))
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
