//! What the provider saw: the account that a test or a person holds against the controller's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Emulator;
use super::census::Identity;
use super::route::Call;
use super::server::{Server, State};

/// Everything that happened and everything that is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Report {
    /// The emulator's clock.
    pub now_millis: u64,
    /// All requests to the API; these of operators are not among them.
    pub requests: u64,
    /// Requests by kind, those included that were refused.
    pub calls: BTreeMap<Call, u64>,
    /// Requests by the status of what was answered, or would have been had the answer not been lost.
    pub statuses: BTreeMap<u16, u64>,
    /// Every create that was accepted, in order, those included whose answers were lost.
    pub created: Vec<Created>,
    /// Every server that was deleted, in order.
    pub deleted: Vec<Deleted>,
    /// The servers that exist, in the order of creation.
    pub servers: Vec<ServerSeen>,
    /// Disks that were left behind and bill.
    pub disks_left: Vec<DiskLeft>,
    /// The most servers that existed at a time.
    pub peak: u64,
    /// The same for each fleet, by the fleet's label.
    pub peak_by_fleet: BTreeMap<String, u64>,
    /// What was billed for servers, gone and living.
    pub server_seconds: u64,
    /// Living servers that share what must be unique.
    pub duplicates: Vec<Duplicate>,
    /// What any two living servers have shared at any time.
    pub ever_doubled: BTreeSet<Identity>,
}

/// A create that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Created {
    /// When.
    pub at_millis: u64,
    /// The server's UUID.
    pub uuid: String,
    /// The server's title.
    pub title: String,
    /// The labels that the create carried.
    pub labels: BTreeMap<String, String>,
}

/// A server that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Deleted {
    /// When.
    pub at_millis: u64,
    /// The server's UUID.
    pub uuid: String,
    /// The labels that it had last.
    pub labels: BTreeMap<String, String>,
    /// Whether its disks went with it.
    pub with_disks: bool,
    /// Whether it was done by hand and not through the API.
    pub by_hand: bool,
}

/// A server that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ServerSeen {
    /// Its UUID.
    pub uuid: String,
    /// Its title.
    pub title: String,
    /// Its host name.
    pub hostname: String,
    /// Its zone.
    pub zone: String,
    /// Its plan.
    pub plan: String,
    /// Its state.
    pub state: State,
    /// When it was created.
    pub created_millis: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How often it has booted.
    pub boots: u64,
}

/// A disk that a delete has left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DiskLeft {
    /// Its UUID.
    pub uuid: String,
    /// Its title.
    pub title: String,
    /// Its size in GiB.
    pub size: u64,
    /// Since when no server has had it.
    pub left_millis: u64,
}

/// Living servers that share what must be unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Duplicate {
    /// What they share.
    pub identity: Identity,
    /// The servers' UUIDs, in the order of creation.
    pub servers: Vec<String>,
}

/// What is written down as it happens.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) requests: u64,
    pub(super) calls: BTreeMap<Call, u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) created: Vec<Created>,
    pub(super) deleted: Vec<Deleted>,
}

impl Emulator {
    /// Reports what happened and what is left, as of `now_millis`.
    pub fn report(&mut self, now_millis: u64) -> Report {
        self.cloud.advance(now_millis);
        let uuid_of = |number: &u64| self.cloud.server(*number).map(|server| server.uuid.clone());
        let duplicates = self.cloud.census.doubled().map(|(identity, servers)| Duplicate {
            identity: identity.clone(),
            servers: servers.iter().filter_map(uuid_of).collect(),
        });
        let disks_left = self.cloud.disks_left().into_iter().map(|(uuid, disk)| DiskLeft {
            uuid: uuid.to_owned(),
            title: disk.title.clone(),
            size: disk.size,
            left_millis: disk.left_millis,
        });
        Report {
            now_millis: self.cloud.now_millis(),
            requests: self.ledger.requests,
            calls: self.ledger.calls.clone(),
            statuses: self.ledger.statuses.clone(),
            created: self.ledger.created.clone(),
            deleted: self.ledger.deleted.clone(),
            servers: self.cloud.servers().map(ServerSeen::of).collect(),
            disks_left: disks_left.collect(),
            peak: self.cloud.census.peak,
            peak_by_fleet: self.cloud.census.peak_by_fleet.clone(),
            server_seconds: self.cloud.billed_millis() / 1_000,
            duplicates: duplicates.collect(),
            ever_doubled: self.cloud.census.ever_doubled.clone(),
        }
    }
}

impl ServerSeen {
    fn of(server: &Server) -> Self {
        Self {
            uuid: server.uuid.clone(),
            title: server.title.clone(),
            hostname: server.hostname.clone(),
            zone: server.zone.clone(),
            plan: server.plan.name.to_owned(),
            state: server.state,
            created_millis: server.created_millis,
            labels: server.labels.iter().cloned().collect(),
            boots: server.boots,
        }
    }
}
