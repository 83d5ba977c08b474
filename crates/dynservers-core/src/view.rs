//! Views: the fleet as plain data, for people, APIs and metrics.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::effect::Failure;
use crate::ids::{FleetName, OwnerId, ProviderName, TypeName};
use crate::record::{FoundRecord, Hold};
use crate::status::Status;
use crate::time::Time;

/// The fleet as it is known now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetView {
    /// The fleet.
    pub fleet: FleetName,
    /// Whose servers these are.
    pub owner: OwnerId,
    /// The moment of the view.
    pub now: Time,
    /// Whether creating is paused.
    pub paused_out: bool,
    /// Whether choosing servers to go is paused.
    pub paused_in: bool,
    /// Each type.
    pub types: BTreeMap<TypeName, TypeView>,
    /// Each provider.
    pub providers: BTreeMap<ProviderName, ProviderView>,
}

/// A server type as it is known now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeView {
    /// Where its servers are, if it is configured.
    pub provider: Option<ProviderName>,
    /// How many servers there should be; unknown means as many as are found.
    pub desired: Option<u32>,
    /// How many count towards that: new, starting, running and rebooting.
    pub provisioned: u32,
    /// How many there are of each status; statuses without servers are left out.
    pub counts: BTreeMap<Status, u32>,
    /// How many may exist at the provider, whatever state they are in.
    pub existing: u32,
    /// How many of other owners are held.
    pub held: u32,
    /// Whether the desired servers run and nothing is in flight.
    pub settled: bool,
    /// Whether it is retired.
    pub retired: bool,
    /// Since when fewer are allowed than are wanted.
    pub limited_since: Option<Time>,
    /// When the next create is tried after failed ones.
    pub next_create: Option<Time>,
    /// How long a boot takes, as learned.
    pub boot_time: Option<Duration>,
}

/// A provider as it is known now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderView {
    /// When the last whole look began.
    pub last_look: Option<Time>,
    /// How many looks failed in a row.
    pub failed_looks: u32,
    /// What went wrong last, if it has not gone well since.
    pub failure: Option<Failure>,
    /// Whether the credentials were rejected.
    pub denied: bool,
    /// Why everything stands still, if it does.
    pub hold: Option<Hold>,
    /// Whether a second controller was seen.
    pub second_controller: bool,
    /// How many servers the account has in all, when last read.
    pub account_total: Option<u64>,
    /// How many requests are under way.
    pub in_flight: u32,
    /// Servers without a record, and what they are to us.
    pub found: Vec<FoundRecord>,
    /// One sentence for each thing that an operator should do something about.
    pub alarms: Vec<String>,
}
