//! `[server_types.NAME]`: what to clone, where, how many, and how its workers are spoken with.

use std::collections::BTreeMap;

use dynservers_core::{Billing, DEFAULT_STOP_TIMEOUT, FailedPolicy, ProviderName, TypeConfig};
use dynservers_http::Reference;
use serde_json::Value;

use super::demand::{self, DemandSettings};
use super::field::Field;
use super::price::{self, Price};
use super::provider::ProviderKind;
use super::reader::{Kinds, Section, nearest};
use super::worker::{self, WorkerSettings};
use super::{local, upcloud};

/// A server type's settings beyond what the machine must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeSettings {
    /// Where its servers are.
    pub(crate) provider: ProviderName,
    /// What is asked of the provider, with references unresolved.
    pub(crate) template: Template,
    /// Which of a server's addresses is shown.
    pub(crate) address: AddressPreference,
    /// How its workers are spoken with.
    pub(crate) workers: WorkerSettings,
    /// Where it is read how much work there is, if the number follows from that.
    pub(crate) demand: Option<DemandSettings>,
    /// What one server costs an hour, if the file says so.
    pub(crate) price: Option<Price>,
}

/// What is asked of a provider, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// Of UpCloud.
    UpCloud(Box<dynservers_upcloud::Template>),
    /// Of this machine.
    Local(dynservers_local::Template),
}

impl Template {
    /// Gives the variables and files that are read when a server is made.
    pub(crate) fn references(&self) -> Vec<Reference> {
        match self {
            Self::UpCloud(template) => template.references(),
            Self::Local(template) => template.references(),
        }
    }
}

/// The body of a specification.
impl From<&Template> for Value {
    fn from(template: &Template) -> Self {
        match template {
            Template::UpCloud(template) => template.as_ref().into(),
            Template::Local(template) => template.into(),
        }
    }
}

/// Which of a server's addresses is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AddressPreference {
    /// The one that the world can reach.
    #[default]
    Public,
    /// The one in the user's own network.
    Private,
    /// The one in the provider's network.
    Utility,
}

/// More servers of a type than anybody has: a typing error.
pub(super) const MOST: u32 = 100_000;
/// The keys that types on some kinds of provider have only.
const KEYS: Kinds = &[("upcloud", upcloud::TYPE_KEYS), ("local", local::TYPE_KEYS)];
/// The kinds of the providers, by name; none where the kind is wrong, which has been told.
pub(super) type Providers<'a> = BTreeMap<&'a str, Option<ProviderKind>>;

/// Reads a server type: what the machine must know, and the rest. Its provider must be one of `providers`.
pub(super) fn read(field: &Field<'_>, providers: &Providers<'_>) -> Option<(TypeConfig, TypeSettings)> {
    let mut section = field.section()?;
    let provider = section.required("provider", &example(providers));
    let provider = provider.and_then(|field| provider_of(&field, providers));
    // One whose provider is not known is read as one on the only kind that there is, so that the rest is told as well.
    let kind = match &provider {
        Some(name) => providers.get(name.as_str()).copied().flatten(),
        None => None,
    };
    let kind = kind.or_else(|| only(providers));
    let max = section.required("max", help_of_max(kind));
    let max = max.and_then(|field| field.count(0..=MOST));
    let min_field = section.get("min");
    let min = min_field.as_ref().map_or(Some(0), |field| field.count(0..=MOST));
    if let (Some(min), Some(max), Some(field)) = (min, max, &min_field)
        && min > max
    {
        field.add(format!("is {min}, above max = {max}"), format!("min = {max}, or a larger max"));
    }
    let on_failed = section
        .get("on_failed")
        .and_then(|field| field.choice(&[("delete", FailedPolicy::Delete), ("keep", FailedPolicy::Keep)]));
    let (drain, workers) = worker::read(&mut section);
    let billing = match kind {
        Some(ProviderKind::UpCloud) => Some(Billing { unit: dynservers_upcloud::BILLING_UNIT }),
        Some(ProviderKind::Local) | None => None,
    };
    let demand = demand::read(&mut section, min.unwrap_or(0)..=max.unwrap_or(MOST), billing);
    let price = section.get("price_per_hour").and_then(|field| price::read(&field));
    let stop_timeout = section.get("stop_timeout");
    let stop_timeout = stop_timeout.and_then(|field| {
        field.duration(match kind {
            Some(ProviderKind::UpCloud) | None => upcloud::STOP_TIMEOUT,
            Some(ProviderKind::Local) => local::STOP_TIMEOUT,
        })
    });
    let (template, address) = match kind {
        Some(ProviderKind::UpCloud) => {
            let address = address(&mut section);
            (Template::UpCloud(Box::new(upcloud::template(&mut section))), address)
        }
        Some(ProviderKind::Local) => {
            (Template::Local(local::template(&mut section)), AddressPreference::default())
        }
        // That its provider is wrong has been told.
        None => {
            section.get("snapshot");
            section.finish_as_any(KEYS);
            return None;
        }
    };
    let provider = provider?;
    let this = format!("this type is on [providers.{provider}], of kind \"{}\"", kind?.name());
    section.finish_among(KEYS, "types on {} providers", &this);
    let config = TypeConfig {
        min: min?,
        stop_timeout: stop_timeout.unwrap_or(DEFAULT_STOP_TIMEOUT),
        on_failed: on_failed.unwrap_or(FailedPolicy::Delete),
        drain,
        asks_scores: workers.busy.is_some(),
        policy: demand.as_ref().map(|(policy, _)| policy.clone()),
        ..TypeConfig::new(provider.clone(), max?)
    };
    let demand = demand.map(|(_, settings)| settings);
    Some((config, TypeSettings { provider, template, address, workers, demand, price }))
}

fn example(providers: &Providers<'_>) -> String {
    format!("provider = {:?}", providers.keys().next().copied().unwrap_or("upcloud"))
}

fn help_of_max(kind: Option<ProviderKind>) -> &'static str {
    match kind {
        Some(ProviderKind::UpCloud) | None => "max = 20: what the account may be charged for at most",
        Some(ProviderKind::Local) => "max = 8: what this machine can bear at most",
    }
}

/// Gives the kind that all providers are of, if they are of one.
fn only(providers: &Providers<'_>) -> Option<ProviderKind> {
    let first = providers.values().next().copied().flatten();
    first.filter(|first| providers.values().all(|kind| *kind == Some(*first)))
}

fn address(section: &mut Section<'_>) -> AddressPreference {
    let address = section.get("address").and_then(|field| {
        field.choice(&[
            ("public", AddressPreference::Public),
            ("private", AddressPreference::Private),
            ("utility", AddressPreference::Utility),
        ])
    });
    address.unwrap_or_default()
}

fn provider_of(field: &Field<'_>, providers: &Providers<'_>) -> Option<ProviderName> {
    let provider = field.named(ProviderName::new)?;
    // With none at all, that is what has been told.
    if !providers.is_empty() && !providers.contains_key(provider.as_str()) {
        let help = match nearest(provider.as_str(), providers.keys().copied()) {
            Some(known) => format!("did you mean \"{known}\"?"),
            None => format!("configured: {}", providers.keys().copied().collect::<Vec<_>>().join(", ")),
        };
        field.add(format!("there is no provider {:?}", provider.as_str()), help);
    }
    Some(provider)
}
