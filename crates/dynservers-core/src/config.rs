//! Configuration of the machine: numbers and names only, checked by whoever makes it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use thiserror::Error;

use crate::ids::{FleetName, ProviderName, TypeName};
use crate::index::TypeIndex;
use crate::ledger::Ledger;
use crate::policy::PolicyConfig;
use crate::server::Class;

/// What the machine must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The fleet.
    pub fleet: FleetName,
    /// How long things take.
    pub timing: Timing,
    /// Where servers can be.
    pub providers: BTreeMap<ProviderName, ProviderConfig>,
    /// What servers can be.
    pub server_types: BTreeMap<TypeName, TypeConfig>,
    /// Types that are no longer wanted, and shrink to zero.
    pub retired_types: BTreeSet<TypeName>,
    /// Only watches: decides, and records what it would do, and changes nothing anywhere.
    pub shadow: bool,
}

/// How long things take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two looks while something is in flight.
    pub poll_interval: Duration,
    /// Between two looks while nothing is.
    pub resync_interval: Duration,
    /// How long a passing status may last before the server counts as hanging.
    pub hanging_after: Duration,
    /// How long a create may take in all before it counts as failed.
    pub create_deadline: Duration,
    /// How long a failed server is kept before it is removed.
    pub failed_retention: Duration,
    /// How long a record is kept after its server was seen gone.
    pub retention: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(20),
            resync_interval: Duration::from_secs(5 * 60),
            hanging_after: Duration::from_secs(10 * 60),
            create_deadline: Duration::from_secs(2 * 60 * 60),
            failed_retention: Duration::from_secs(60 * 60),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

/// What the machine must know of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderConfig {
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How late a create may still show in a listing.
    pub list_lag: Duration,
    /// After how long a reboot counts as done if the server was never seen down.
    pub restart_time: Duration,
    /// The servers that the account may have, ours or not; none means that the provider's own word binds alone.
    pub max_servers_in_account: Option<u32>,
    /// What becomes of servers with our labels that nobody knows.
    pub orphans: OrphanPolicy,
    /// What becomes of servers with another owner's labels.
    pub other_owner: OtherOwnerPolicy,
    /// Whether a server must be stopped before it is deleted.
    pub stop_before_delete: StopBeforeDelete,
    /// How many requests may be under way at once; 0 counts as 1.
    pub concurrency: u32,
}

impl Default for ProviderConfig {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            list_lag: Duration::from_secs(30),
            restart_time: Duration::from_secs(60),
            max_servers_in_account: Some(20),
            orphans: OrphanPolicy::Adopt,
            other_owner: OtherOwnerPolicy::Hold,
            stop_before_delete: StopBeforeDelete::Always,
            concurrency: 16,
        }
    }
}

/// What becomes of a server that bears our labels and that the ledger does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrphanPolicy {
    /// It becomes a record, counted like any other.
    Adopt,
    /// It is removed.
    Delete,
    /// It is reported and left alone.
    Report,
}

/// What becomes of a server of this fleet that bears another owner's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherOwnerPolicy {
    /// It is held until an operator says `takeover`.
    Hold,
    /// It is ours, for hosts whose disk does not last.
    Takeover,
}

/// When a server must be stopped before it can be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopBeforeDelete {
    /// The provider refuses to delete what is not stopped.
    Always,
    /// A delete stops it; a soft stop comes first for the sake of its work only.
    Never,
}

/// What the machine must know of a server type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeConfig {
    /// Where its servers are.
    pub provider: ProviderName,
    /// At least so many.
    pub min: u32,
    /// At most so many, whatever state they are in.
    pub max: u32,
    /// How long a guest may take to shut down.
    pub stop_timeout: Duration,
    /// What becomes of failed servers.
    pub on_failed: FailedPolicy,
    /// How workers are drained before their server is stopped; none means that the soft stop is the drain.
    pub drain: Option<DrainConfig>,
    /// Whether workers are asked how busy they are before one is chosen to go.
    pub asks_scores: bool,
    /// How the number follows from the work there is; none means that it is set by command.
    pub policy: Option<PolicyConfig>,
}

/// How workers are drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainConfig {
    /// How long a worker may take; then its server is stopped whatever it says.
    pub deadline: Duration,
    /// Between two questions.
    pub interval: Duration,
}

impl TypeConfig {
    /// Makes the configuration of a type with every choice at its default.
    #[must_use]
    pub const fn new(provider: ProviderName, max: u32) -> Self {
        Self {
            provider,
            min: 0,
            max,
            stop_timeout: DEFAULT_STOP_TIMEOUT,
            on_failed: FailedPolicy::Delete,
            drain: None,
            asks_scores: false,
            policy: None,
        }
    }
}

/// What becomes of a server that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedPolicy {
    /// It is removed after its retention.
    Delete,
    /// It is kept for somebody to look at, and stays under the ceilings.
    Keep,
}

/// How long a guest may take to shut down, for types whose configuration is gone.
pub const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// A configuration that contradicts itself, or the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A type names a provider that is not there.
    #[error("server type {server_type} is on provider {provider}, which is not configured")]
    UnknownProvider {
        /// The type.
        server_type: TypeName,
        /// The provider.
        provider: ProviderName,
    },
    /// A type's minimum is above its maximum.
    #[error("server type {server_type} has min {min} above max {max}")]
    MinimumAboveMaximum {
        /// The type.
        server_type: TypeName,
        /// The minimum.
        min: u32,
        /// The maximum.
        max: u32,
    },
    /// A type is both wanted and retired.
    #[error("server type {server_type} is configured and retired at once")]
    RetiredAndConfigured {
        /// The type.
        server_type: TypeName,
    },
    /// A type still has servers and is gone from the configuration.
    #[error(
        "server type {server_type} still has {servers} servers and is not configured: \
         put it back, or add it to retired_types to let them go"
    )]
    TypeInUse {
        /// The type.
        server_type: TypeName,
        /// How many servers it has.
        servers: u32,
    },
    /// A provider still has servers and is gone from the configuration.
    #[error(
        "provider {provider} still has {servers} servers and is not configured: put it back until they are gone"
    )]
    ProviderInUse {
        /// The provider.
        provider: ProviderName,
        /// How many servers it has.
        servers: u32,
    },
}

impl Config {
    /// Finds everything that contradicts itself.
    #[must_use]
    pub fn contradictions(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        for (server_type, config) in &self.server_types {
            let server_type = server_type.clone();
            if !self.providers.contains_key(&config.provider) {
                errors.push(ConfigError::UnknownProvider {
                    server_type: server_type.clone(),
                    provider: config.provider.clone(),
                });
            }
            if config.min > config.max {
                errors.push(ConfigError::MinimumAboveMaximum {
                    server_type: server_type.clone(),
                    min: config.min,
                    max: config.max,
                });
            }
            if self.retired_types.contains(&server_type) {
                errors.push(ConfigError::RetiredAndConfigured { server_type });
            }
        }
        errors
    }
}

impl Ledger {
    /// Finds the types and providers that still have servers and are gone from a configuration, besides what
    /// contradicts itself in it. A host must refuse to start with any of them.
    #[must_use]
    pub fn contradictions(&self, config: &Config) -> Vec<ConfigError> {
        let mut errors = config.contradictions();
        let alive = |index: &TypeIndex| index.existing + index.count(Class::Left);
        for (server_type, index) in &self.types {
            let known =
                config.server_types.contains_key(server_type) || config.retired_types.contains(server_type);
            if !known && alive(index) > 0 {
                errors
                    .push(ConfigError::TypeInUse { server_type: server_type.clone(), servers: alive(index) });
            }
        }
        for (provider, index) in &self.providers {
            if !config.providers.contains_key(provider) && index.existing > 0 {
                errors
                    .push(ConfigError::ProviderInUse { provider: provider.clone(), servers: index.existing });
            }
        }
        errors
    }
}
