//! Bounds: how large a world is, how often it may go wrong, and how long things take in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dynservers_core::{Config, FleetName, ProviderConfig, ProviderName, Timing, TypeConfig, TypeName};

/// How large a world is, and how often each thing may go wrong in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What the bound is called.
    pub name: &'static str,
    /// How many servers are wanted from the beginning.
    pub wanted: u32,
    /// How many are wanted after that, from any moment on.
    pub then: Option<u32>,
    /// How often each thing may go wrong.
    pub faults: Faults,
    /// Whether a listing may lack a server that was made less than `list_lag` ago.
    pub lags: bool,
}

/// How often each thing may go wrong, or still may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The process dies, before or after the write under way.
    pub crashes: u8,
    /// A change is asked for and never done; the machine is told that it was lost.
    pub lost_requests: u8,
    /// Something is asked for and done, or read; the machine is told that it was lost.
    pub lost_replies: u8,
    /// The answer to something done comes late, perhaps after the machine gave it up.
    pub slow_replies: u8,
    /// A whole listing lacks a server that lives, though it is no newborn.
    pub gaps: u8,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How long a server is in progress after it was made.
pub(crate) const BOOT: Duration = seconds(10);
/// How long a stop, or a deletion, takes.
pub(crate) const END: Duration = seconds(5);

/// How long the machine waits between two looks while something is in flight.
pub(crate) const POLL: Duration = seconds(10);
/// How long a request may take to leave.
pub(crate) const TIMEOUT: Duration = seconds(10);
/// How late a new server may show in a listing: short of the machine's estimate by nothing that a clock here can tell.
pub(crate) const LAG: Duration = seconds(20);

/// The only server type.
pub(crate) fn type_name() -> TypeName {
    TypeName::new("default").expect("it is plain")
}

/// The only provider.
pub(crate) fn provider_name() -> ProviderName {
    ProviderName::new("cloud").expect("it is plain")
}

/// The fleet.
pub(crate) fn fleet_name() -> FleetName {
    FleetName::new("fleet").expect("it is plain")
}

/// Gives the machine's configuration: few round durations, so that few distances between moments exist.
///
/// The lag is a millisecond short, since the machine adds one when it waits for it: so all moments are multiples of five
/// seconds.
pub(crate) fn config() -> Config {
    let timing = Timing {
        poll_interval: POLL,
        resync_interval: seconds(300),
        hanging_after: seconds(7_200),
        create_deadline: seconds(7_200),
        failed_retention: seconds(7_200),
        retention: seconds(60),
    };
    let provider = ProviderConfig {
        request_timeout: TIMEOUT,
        list_lag: LAG.saturating_sub(Duration::from_millis(1)),
        max_servers_in_account: None,
        ..ProviderConfig::default()
    };
    let server_type = TypeConfig { stop_timeout: seconds(20), ..TypeConfig::new(provider_name(), 10) };
    Config {
        fleet: fleet_name(),
        timing,
        providers: BTreeMap::from([(provider_name(), provider)]),
        server_types: BTreeMap::from([(type_name(), server_type)]),
        retired_types: BTreeSet::new(),
        shadow: false,
    }
}

const fn faults(crashes: u8, lost_requests: u8, lost_replies: u8, slow_replies: u8, gaps: u8) -> Faults {
    Faults { crashes, lost_requests, lost_replies, slow_replies, gaps }
}

/// The bound that is checked with every change: seconds.
pub const SMALL: Bounds =
    Bounds { name: "small", wanted: 1, then: None, faults: faults(1, 0, 1, 0, 0), lags: true };

/// The bound in which a safeguard that was left out must be missed.
pub const KNOCKED_OUT: Bounds =
    Bounds { name: "knocked out", wanted: 1, then: None, faults: faults(1, 0, 1, 0, 2), lags: true };

/// The bounds that are checked by hand, the small ones first.
pub const ALL: &[Bounds] = &[
    SMALL,
    Bounds { name: "one, slow", wanted: 1, then: None, faults: faults(1, 0, 0, 1, 1), lags: true },
    Bounds { name: "one, lost", wanted: 1, then: None, faults: faults(1, 1, 1, 0, 0), lags: true },
    Bounds { name: "one, out", wanted: 1, then: Some(0), faults: faults(1, 0, 0, 0, 0), lags: true },
    Bounds { name: "two, out", wanted: 2, then: Some(1), faults: faults(0, 1, 0, 0, 0), lags: true },
    Bounds { name: "two, lost", wanted: 2, then: None, faults: faults(1, 0, 1, 0, 0), lags: true },
    Bounds { name: "one, twice", wanted: 1, then: None, faults: faults(2, 1, 2, 0, 0), lags: true },
    Bounds { name: "one, slow, out", wanted: 1, then: Some(0), faults: faults(1, 0, 0, 1, 1), lags: true },
    Bounds { name: "two, crash, out", wanted: 2, then: Some(1), faults: faults(1, 0, 0, 0, 0), lags: true },
];
