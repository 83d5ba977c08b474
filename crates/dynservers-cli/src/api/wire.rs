//! The words of the control API: what requests and answers carry, the same for the server, its clients and `--json`.

use std::collections::BTreeMap;

use dynservers_core::{
    Address, Failure, FleetName, Found, OwnerId, ProviderId, ProviderName, ServerId, Status, TypeName,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::schema;

/// The body of `PUT /v1/types/{type}/desired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Desired {
    /// How many servers there should be.
    pub(crate) count: u32,
}

/// The body of `POST /v1/types/{type}/increase` and `decrease`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct By {
    /// By how many.
    pub(crate) by: u32,
}

/// The body of `POST /v1/types/{type}/reboot`, which may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reboot {
    /// How many are restarted at a time; all of them, if it is left out.
    #[serde(default)]
    pub(crate) at_a_time: Option<u32>,
}

/// The body of `PUT /v1/types/{type}/override`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Overriding {
    /// How many servers there should be, whatever the sources ask for.
    pub(crate) count: u32,
    /// For how long; until it is ended, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) for_seconds: Option<u64>,
}

/// The body of `POST /v1/pause`. Left out altogether, it pauses both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    /// Whether nothing is created from now on.
    #[serde(default)]
    pub(crate) out: bool,
    /// Whether nothing is chosen to go from now on.
    #[serde(default, rename = "in")]
    pub(crate) inward: bool,
}

/// The body of `POST /v1/resume`. Left out altogether, it ends the holds and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resume {
    /// Whether the pause of creating ends.
    #[serde(default)]
    pub(crate) out: bool,
    /// Whether the pause of choosing servers to go ends.
    #[serde(default, rename = "in")]
    pub(crate) inward: bool,
    /// Whether the holds end: what is seen at the providers now is accepted.
    #[serde(default)]
    pub(crate) holds: bool,
}

/// The query of `GET /v1/events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventQuery {
    /// The number of the last event that is known already.
    #[serde(default)]
    pub(crate) after: Option<u64>,
    /// How many to give at most; 100 if it is left out, and never more than 1,000. A stream has no limit.
    #[serde(default)]
    pub(crate) limit: Option<u32>,
}

/// The answer of `GET /v1/events` as JSON: a page of the log, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct EventPage {
    /// The events.
    #[schemars(with = "Vec<schema::EventShape>")]
    pub(crate) events: Vec<serde_json::Value>,
    /// What to give as `after` to read on: the number of the last event here, or what was given.
    pub(crate) next_after: u64,
    /// Whether there was more to read.
    pub(crate) more: bool,
}

/// The query of `GET /v1/decisions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionsQuery {
    /// Only those about this type.
    #[serde(default, rename = "type")]
    pub(crate) server_type: Option<String>,
    /// None later than this moment.
    #[serde(default)]
    #[schemars(with = "Option<schema::Moment>")]
    pub(crate) until: Option<Timestamp>,
    /// How many, the latest of them; 1 if it is left out, and never more than 1,000.
    #[serde(default)]
    pub(crate) limit: Option<u32>,
}

/// The answer of `GET /v1/decisions`: the latest decisions about numbers of servers, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DecisionList {
    /// The decisions.
    #[schemars(with = "Vec<schema::DecisionShape>")]
    pub(crate) decisions: Vec<serde_json::Value>,
}

/// The answer of `GET /readyz` when the daemon is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ready {
    /// Always true: otherwise the answer is a problem.
    pub(crate) ready: bool,
}

/// The answer of `GET /healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Health {
    /// The fleet that is kept.
    #[schemars(with = "String")]
    pub(crate) fleet: FleetName,
}

/// The answer of `GET /v1/servers`: every record, those of deleted servers too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ServerList {
    /// The moment that the list tells of.
    #[schemars(with = "schema::Moment")]
    pub(crate) as_of: Timestamp,
    /// The servers, by number.
    pub(crate) servers: Vec<Server>,
}

/// One server.
#[expect(clippy::struct_field_names, reason = "`type` is a keyword, and the JSON says `type`")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Server {
    /// Its number.
    #[schemars(with = "u64")]
    pub(crate) id: ServerId,
    /// Its name, empty until it has one.
    pub(crate) name: String,
    /// Its type.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub(crate) server_type: TypeName,
    /// Where it is.
    #[schemars(with = "String")]
    pub(crate) provider: ProviderName,
    /// Its status.
    #[schemars(with = "schema::StatusWord")]
    pub(crate) status: Status,
    /// The status before.
    #[schemars(with = "Option<schema::StatusWord>")]
    pub(crate) previous_status: Option<Status>,
    /// Since when it has its status.
    #[schemars(with = "schema::Moment")]
    pub(crate) status_since: Timestamp,
    /// When the record was made.
    #[schemars(with = "schema::Moment")]
    pub(crate) created_at: Timestamp,
    /// The provider's id of it, once known.
    #[schemars(with = "Option<String>")]
    pub(crate) provider_id: Option<ProviderId>,
    /// The address to reach it at, once known: of the network that its type names, else the first there is.
    pub(crate) address: Option<String>,
    /// All its addresses.
    #[schemars(with = "Vec<schema::NetworkAddress>")]
    pub(crate) addresses: Vec<Address>,
    /// Why it was made.
    pub(crate) reason: String,
    /// Why it goes, once that was decided.
    pub(crate) removal_reason: Option<String>,
    /// Until when its worker may finish what it has, while it drains.
    #[serde(default)]
    #[schemars(with = "Option<schema::Moment>")]
    pub(crate) drains_until: Option<Timestamp>,
    /// What went wrong last.
    #[schemars(with = "Option<schema::Trouble>")]
    pub(crate) failure: Option<Failure>,
    /// Whether it must not be chosen to go.
    pub(crate) protected: bool,
    /// Whether it lost our label, and is left alone.
    pub(crate) disowned: bool,
}

/// The answer of `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FleetStatus {
    /// The fleet.
    #[schemars(with = "String")]
    pub(crate) fleet: FleetName,
    /// Whose servers these are.
    #[schemars(with = "String")]
    pub(crate) owner: OwnerId,
    /// The moment that it tells of.
    #[schemars(with = "schema::Moment")]
    pub(crate) as_of: Timestamp,
    /// Who tells it.
    pub(crate) source: Source,
    /// Whether the daemon only watches: it decides, and changes nothing.
    #[serde(default)]
    pub(crate) shadow: bool,
    /// Whether creating is paused.
    pub(crate) paused_out: bool,
    /// Whether choosing servers to go is paused.
    pub(crate) paused_in: bool,
    /// Each type.
    #[schemars(with = "BTreeMap<String, TypeStatus>")]
    pub(crate) types: BTreeMap<TypeName, TypeStatus>,
    /// Each provider.
    #[schemars(with = "BTreeMap<String, ProviderStatus>")]
    pub(crate) providers: BTreeMap<ProviderName, ProviderStatus>,
}

/// Who tells of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The daemon, which knows.
    Daemon,
    /// The store, as the daemon left it.
    Store,
}

/// One server type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TypeStatus {
    /// How many servers there should be; unknown means as many as are found.
    pub(crate) desired: Option<u32>,
    /// How many count towards that.
    pub(crate) provisioned: u32,
    /// How many there are of each status; statuses without servers are left out.
    #[schemars(with = "BTreeMap<String, u32>")]
    pub(crate) counts: BTreeMap<Status, u32>,
    /// Where its servers are, if it is configured.
    #[schemars(with = "Option<String>")]
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
    #[schemars(with = "Option<schema::Moment>")]
    pub(crate) limited_since: Option<Timestamp>,
    /// When the next create is tried after failed ones.
    #[schemars(with = "Option<schema::Moment>")]
    pub(crate) next_create: Option<Timestamp>,
    /// What it waits for, while it waits.
    #[serde(default)]
    pub(crate) create_trouble: Option<CreateTroubleStatus>,
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

/// Why a type waits with its next create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CreateTroubleStatus {
    /// Since when, if that was noted.
    #[schemars(with = "Option<schema::Moment>")]
    pub(crate) since: Option<Timestamp>,
    /// Whether servers were made and ended by themselves soon after; else their creates failed.
    pub(crate) ended_early: bool,
    /// What went wrong last, if it is on record still.
    #[schemars(with = "Option<schema::Trouble>")]
    pub(crate) failure: Option<Failure>,
}

/// An operator's number in place of what the sources ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OverrideStatus {
    /// How many servers there should be.
    pub(crate) count: u32,
    /// When it ends; null means when somebody ends it.
    #[schemars(with = "Option<schema::Moment>")]
    pub(crate) until: Option<Timestamp>,
}

/// One provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ProviderStatus {
    /// When the last whole look at it began.
    #[schemars(with = "Option<schema::Moment>")]
    pub(crate) last_look: Option<Timestamp>,
    /// How long ago that was.
    pub(crate) last_look_age_seconds: Option<u64>,
    /// How many looks failed in a row.
    pub(crate) failed_looks: u32,
    /// What went wrong last, if it has not gone well since.
    #[schemars(with = "Option<schema::Trouble>")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct HoldStatus {
    /// What happened, and what ends the hold.
    pub(crate) reason: String,
    /// Since when.
    #[schemars(with = "schema::Moment")]
    pub(crate) since: Timestamp,
}

/// A server of this fleet without a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FoundServer {
    /// The provider's id of it.
    #[schemars(with = "String")]
    pub(crate) provider_id: ProviderId,
    /// Its name there.
    pub(crate) name: String,
    /// What it is to us.
    #[schemars(with = "schema::FoundWord")]
    pub(crate) kind: Found,
    /// Whose it is, by its label.
    #[schemars(with = "Option<String>")]
    pub(crate) owner: Option<OwnerId>,
    /// Its type, by its label.
    #[serde(rename = "type")]
    #[schemars(with = "Option<String>")]
    pub(crate) server_type: Option<TypeName>,
    /// When it was first seen.
    #[schemars(with = "schema::Moment")]
    pub(crate) first_seen: Timestamp,
}
