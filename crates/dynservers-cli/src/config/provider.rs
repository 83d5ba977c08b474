//! `[providers.NAME]`: where servers can be, of whichever kind.

use std::ops::RangeInclusive;
use std::time::Duration;

use dynservers_core::{OrphanPolicy, OtherOwnerPolicy, ProviderConfig};

use super::field::Field;
use super::reader::{Kinds, Section};
use super::{local, upcloud};

/// A provider's settings beyond what the machine must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProviderSettings {
    /// An account at UpCloud.
    UpCloud(upcloud::Account),
    /// This machine.
    Local(local::Home),
}

/// The kinds of provider that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderKind {
    /// UpCloud, API 1.3.
    UpCloud,
    /// Process groups on this machine.
    Local,
}

impl ProviderKind {
    const ALL: [(&'static str, Self); 2] = [("upcloud", Self::UpCloud), ("local", Self::Local)];

    /// Gives the word for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::UpCloud => "upcloud",
            Self::Local => "local",
        }
    }

    /// Finds the kind of a provider that is read by somebody else, who tells what is wrong with it.
    pub(super) fn of(provider: &Field<'_>) -> Option<Self> {
        let kind = provider.value.as_table()?.get("kind")?.get_ref().as_str()?;
        Self::ALL.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind)
    }
}

/// A request shorter than this cannot cross a network.
pub(super) const REQUEST: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);
/// Waits that may be nothing.
const WAIT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
/// The keys that not all kinds have.
const KEYS: Kinds = &[("upcloud", upcloud::PROVIDER_KEYS), ("local", local::PROVIDER_KEYS)];

/// Reads a provider: what the machine must know, and the rest.
pub(super) fn read(field: &Field<'_>) -> Option<(ProviderConfig, ProviderSettings)> {
    let mut section = field.section()?;
    let kind = section
        .required("kind", "kind = \"upcloud\" or kind = \"local\"")
        .and_then(|field| field.choice(&ProviderKind::ALL));
    let Some(kind) = kind else {
        machine(&mut section, &ProviderConfig::default(), REQUEST);
        section.finish_as_any(KEYS);
        return None;
    };
    let read = match kind {
        ProviderKind::UpCloud => {
            let account = upcloud::read_account(&mut section, field.report.source.place(&field.span));
            account.map(|(config, account)| (config, ProviderSettings::UpCloud(account)))
        }
        ProviderKind::Local => {
            local::read_home(&mut section).map(|(config, home)| (config, ProviderSettings::Local(home)))
        }
    };
    section.finish_among(KEYS, "{} providers", &format!("this one is of kind \"{}\"", kind.name()));
    read
}

/// Reads what the machine must know. What is wrong has been told, so that any value does in its place.
pub(super) fn machine(
    section: &mut Section<'_>,
    default: &ProviderConfig,
    request: RangeInclusive<Duration>,
) -> ProviderConfig {
    let mut duration = |key, bounds: RangeInclusive<Duration>, otherwise| {
        section.get(key).and_then(|field| field.duration(bounds)).unwrap_or(otherwise)
    };
    let request_timeout = duration("request_timeout", request, default.request_timeout);
    let list_lag = duration("list_lag", WAIT, default.list_lag);
    let restart_time = duration("restart_time", WAIT, default.restart_time);
    let orphans =
        [("adopt", OrphanPolicy::Adopt), ("delete", OrphanPolicy::Delete), ("report", OrphanPolicy::Report)];
    let other_owner = [("hold", OtherOwnerPolicy::Hold), ("takeover", OtherOwnerPolicy::Takeover)];
    ProviderConfig {
        request_timeout,
        list_lag,
        restart_time,
        max_servers_in_account: section
            .get("max_servers_in_account")
            .and_then(|field| field.count(1..=100_000))
            .or(default.max_servers_in_account),
        orphans: section.get("orphans").and_then(|field| field.choice(&orphans)).unwrap_or(default.orphans),
        other_owner: section
            .get("other_owner")
            .and_then(|field| field.choice(&other_owner))
            .unwrap_or(default.other_owner),
        stop_before_delete: default.stop_before_delete,
        concurrency: section
            .get("concurrency")
            .and_then(|field| field.count(1..=256))
            .unwrap_or(default.concurrency),
    }
}

impl ProviderSettings {
    /// Tells whether the file says of both that they are one account. Other credentials may still lead to it.
    pub(super) fn is_account_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::UpCloud(account), Self::UpCloud(other)) => account.is_account_of(other),
            (Self::Local(home), Self::Local(other)) => home.directory == other.directory,
            (Self::UpCloud(_) | Self::Local(_), _) => false,
        }
    }
}
