//! `[server_types.NAME]`: what to clone, where, and how many at most.

use std::ops::RangeInclusive;
use std::time::Duration;

use dynservers_core::{DEFAULT_STOP_TIMEOUT, FailedPolicy, ProviderName, TypeConfig};
use dynservers_upcloud::Template;

use super::field::Field;
use super::price::{self, Price};
use super::reader::nearest;
use super::upcloud;

/// A server type's settings beyond what the machine must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeSettings {
    /// Where its servers are.
    pub(crate) provider: ProviderName,
    /// What is asked of the provider, with references unresolved.
    pub(crate) template: Template,
    /// Which of a server's addresses is shown.
    pub(crate) address: AddressPreference,
    /// What one server costs an hour, if the file says so.
    pub(crate) price: Option<Price>,
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
const MOST: u32 = 100_000;
/// What UpCloud takes as the timeout of a soft stop, in whole seconds.
const STOP_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// Reads a server type: what the machine must know, and the rest. Its provider must be one of `providers`.
pub(super) fn read(field: &Field<'_>, providers: &[&str]) -> Option<(TypeConfig, TypeSettings)> {
    let mut section = field.section()?;
    let provider = section.required("provider", "provider = \"upcloud\"");
    let provider = provider.and_then(|field| provider_of(&field, providers));
    let max = section.required("max", "max = 20: what the account may be charged for at most");
    let max = max.and_then(|field| field.count(0..=MOST));
    let min_field = section.get("min");
    let min = min_field.as_ref().map_or(Some(0), |field| field.count(0..=MOST));
    if let (Some(min), Some(max), Some(field)) = (min, max, &min_field)
        && min > max
    {
        field.add(format!("is {min}, above max = {max}"), format!("min = {max}, or a larger max"));
    }
    let stop_timeout = section.get("stop_timeout").and_then(|field| field.duration(STOP_TIMEOUT));
    let on_failed = section
        .get("on_failed")
        .and_then(|field| field.choice(&[("delete", FailedPolicy::Delete), ("keep", FailedPolicy::Keep)]));
    let address = section.get("address").and_then(|field| {
        field.choice(&[
            ("public", AddressPreference::Public),
            ("private", AddressPreference::Private),
            ("utility", AddressPreference::Utility),
        ])
    });
    let price = section.get("price_per_hour").and_then(|field| price::read(&field));
    let template = upcloud::template(&mut section);
    section.finish();
    let config = TypeConfig {
        min: min?,
        stop_timeout: stop_timeout.unwrap_or(DEFAULT_STOP_TIMEOUT),
        on_failed: on_failed.unwrap_or(FailedPolicy::Delete),
        ..TypeConfig::new(provider.clone()?, max?)
    };
    let settings =
        TypeSettings { provider: provider?, template, address: address.unwrap_or_default(), price };
    Some((config, settings))
}

fn provider_of(field: &Field<'_>, providers: &[&str]) -> Option<ProviderName> {
    let provider = field.named(ProviderName::new)?;
    // With none at all, that is what has been told.
    if !providers.is_empty() && !providers.contains(&provider.as_str()) {
        let help = match nearest(provider.as_str(), providers.iter().copied()) {
            Some(known) => format!("did you mean \"{known}\"?"),
            None => format!("configured: {}", providers.join(", ")),
        };
        field.add(format!("there is no provider {:?}", provider.as_str()), help);
    }
    Some(provider)
}
