//! The words of the control API: what requests and answers carry, the same for the server, its clients and `--json`.

use std::collections::BTreeMap;

use dynservers_core::{
    Address, Failure, FleetName, Found, OwnerId, ProviderId, ProviderName, ServerId, Status, TypeName,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The body of `PUT /v1/types/{type}/desired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Desired {
    /// How many servers there should be.
    pub(crate) count: u32,
}

/// The body of `POST /v1/types/{type}/increase` and `decrease`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct By {
    /// By how many.
    pub(crate) by: u32,
}

/// The answer of `GET /healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    /// The fleet that is kept.
    pub(crate) fleet: FleetName,
}

/// The answer of `GET /v1/servers`: every record, those of deleted servers too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerList {
    /// The moment that the list tells of.
    pub(crate) as_of: Timestamp,
    /// The servers, by number.
    pub(crate) servers: Vec<Server>,
}

/// One server.
#[expect(clippy::struct_field_names, reason = "`type` is a keyword, and the JSON says `type`")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    /// Its number.
    pub(crate) id: ServerId,
    /// Its name, empty until it has one.
    pub(crate) name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) server_type: TypeName,
    /// Where it is.
    pub(crate) provider: ProviderName,
    /// Its status.
    pub(crate) status: Status,
    /// The status before.
    pub(crate) previous_status: Option<Status>,
    /// Since when it has its status.
    pub(crate) status_since: Timestamp,
    /// When the record was made.
    pub(crate) created_at: Timestamp,
    /// The provider's id of it, once known.
    pub(crate) provider_id: Option<ProviderId>,
    /// The address to reach it at, once known: of the network that its type names, else the first there is.
    pub(crate) address: Option<String>,
    /// All its addresses.
    pub(crate) addresses: Vec<Address>,
    /// Why it was made.
    pub(crate) reason: String,
    /// Why it goes, once that was decided.
    pub(crate) removal_reason: Option<String>,
    /// What went wrong last.
    pub(crate) failure: Option<Failure>,
    /// Whether it must not be chosen to go.
    pub(crate) protected: bool,
    /// Whether it lost our label, and is left alone.
    pub(crate) disowned: bool,
}

/// The answer of `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FleetStatus {
    /// The fleet.
    pub(crate) fleet: FleetName,
    /// Whose servers these are.
    pub(crate) owner: OwnerId,
    /// The moment that it tells of.
    pub(crate) as_of: Timestamp,
    /// Who tells it.
    pub(crate) source: Source,
    /// Whether creating is paused.
    pub(crate) paused_out: bool,
    /// Whether choosing servers to go is paused.
    pub(crate) paused_in: bool,
    /// Each type.
    pub(crate) types: BTreeMap<TypeName, TypeStatus>,
    /// Each provider.
    pub(crate) providers: BTreeMap<ProviderName, ProviderStatus>,
}

/// Who tells of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The daemon, which knows.
    Daemon,
    /// The store, as the daemon left it.
    Store,
}

/// One server type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TypeStatus {
    /// How many servers there should be; unknown means as many as are found.
    pub(crate) desired: Option<u32>,
    /// How many count towards that.
    pub(crate) provisioned: u32,
    /// How many there are of each status; statuses without servers are left out.
    pub(crate) counts: BTreeMap<Status, u32>,
    /// Where its servers are, if it is configured.
    pub(crate) provider: Option<ProviderName>,
    /// How many may exist at the provider, if the daemon tells.
    pub(crate) existing: Option<u32>,
    /// How many of other owners are held.
    pub(crate) held: u32,
    /// Whether the desired servers run and nothing is in flight, if the daemon tells.
    pub(crate) settled: Option<bool>,
    /// Whether it is retired.
    pub(crate) retired: bool,
    /// Since when fewer are allowed than are wanted.
    pub(crate) limited_since: Option<Timestamp>,
    /// When the next create is tried after failed ones.
    pub(crate) next_create: Option<Timestamp>,
    /// How many jobs its sources counted last, if it has any.
    #[serde(default)]
    pub(crate) work: Option<u64>,
    /// Why not all of the work is known, if it is not.
    #[serde(default)]
    pub(crate) work_unknown: Option<String>,
    /// An operator's number in place of what the sources ask for.
    #[serde(default, rename = "override")]
    pub(crate) overriding: Option<OverrideStatus>,
}

/// An operator's number in place of what the sources ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OverrideStatus {
    /// How many servers there should be.
    pub(crate) count: u32,
    /// When it ends; null means when somebody ends it.
    pub(crate) until: Option<Timestamp>,
}

/// One provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProviderStatus {
    /// When the last whole look at it began.
    pub(crate) last_look: Option<Timestamp>,
    /// How long ago that was.
    pub(crate) last_look_age_seconds: Option<u64>,
    /// How many looks failed in a row.
    pub(crate) failed_looks: u32,
    /// What went wrong last, if it has not gone well since.
    pub(crate) failure: Option<Failure>,
    /// Whether the credentials were rejected.
    pub(crate) denied: bool,
    /// Why everything stands still, if it does.
    pub(crate) hold: Option<HoldStatus>,
    /// Whether a second controller was seen.
    pub(crate) second_controller: bool,
    /// How many servers the account has in all, when last read.
    pub(crate) account_total: Option<u64>,
    /// How many requests are under way.
    pub(crate) in_flight: u32,
    /// Servers there without a record.
    pub(crate) found: Vec<FoundServer>,
    /// One sentence for each thing that somebody should do something about.
    pub(crate) alarms: Vec<String>,
}

/// Why everything stands still at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldStatus {
    /// What happened, and what ends the hold.
    pub(crate) reason: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// A server of this fleet without a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FoundServer {
    /// The provider's id of it.
    pub(crate) provider_id: ProviderId,
    /// Its name there.
    pub(crate) name: String,
    /// What it is to us.
    pub(crate) kind: Found,
    /// Whose it is, by its label.
    pub(crate) owner: Option<OwnerId>,
    /// Its type, by its label.
    #[serde(rename = "type")]
    pub(crate) server_type: Option<TypeName>,
    /// When it was first seen.
    pub(crate) first_seen: Timestamp,
}
