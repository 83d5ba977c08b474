//! What an emulator is told: how long things take, and what goes wrong.

use serde::{Deserialize, Serialize};

use super::route::Call;

/// How an emulator behaves. The defaults make a strict and healthy UpCloud; every field is optional when read.
///
/// All times are milliseconds of the emulator's own clock, the one that [`Emulator::handle`](super::Emulator::handle)
/// is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The Unix time at the emulator's moment zero, in seconds.
    pub epoch_seconds: u64,
    /// The name of the account.
    pub username: String,
    /// Whether the credentials lead to the account that has the servers.
    pub account: Account,
    /// How long things take.
    pub durations: Durations,
    /// How long a new server is missing from listings.
    pub list_lag_millis: u64,
    /// The longest page that is given, whatever `limit` asks for; unlimited without it, as the real one is not known.
    pub page_cap: Option<usize>,
    /// How many requests are let through.
    pub throttle: Option<Throttle>,
    /// What happens to requests and answers; of several rules that apply to a call, the first wins.
    pub faults: Vec<FaultRule>,
    /// Each so-many-th accepted create ends in state `error`; 0 is never.
    pub create_error_every: u32,
    /// Each so-many-th accepted create stays in maintenance; 0 is never.
    pub create_stuck_every: u32,
    /// How long a stuck create stays in maintenance; for ever without it.
    pub create_stuck_millis: Option<u64>,
    /// After which time state `error` turns into `started` by itself; never without it.
    pub error_heals_after_millis: Option<u64>,
    /// What may be done with a server in state `error`.
    pub error_servers: ErrorServers,
    /// What guests do when they are asked to shut down.
    pub guests: Guests,
    /// Whether there is room for new servers.
    pub capacity: Capacity,
    /// The plans of which there is no room just now, by their names.
    pub full_plans: Vec<String>,
    /// What the account may have.
    pub limits: Limits,
    /// The storages that can be cloned.
    pub snapshots: Vec<Snapshot>,
    /// What is wrong with all of them.
    pub snapshot_fault: Option<SnapshotFault>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            epoch_seconds: 1_767_225_600,
            username: "emulated".to_owned(),
            account: Account::Own,
            durations: Durations::default(),
            list_lag_millis: 0,
            page_cap: None,
            throttle: None,
            faults: Vec::new(),
            create_error_every: 0,
            create_stuck_every: 0,
            create_stuck_millis: None,
            error_heals_after_millis: None,
            error_servers: ErrorServers::Stoppable,
            guests: Guests::ShutDown,
            capacity: Capacity::Available,
            full_plans: Vec::new(),
            limits: Limits::default(),
            snapshots: vec![Snapshot::custom_image(), Snapshot::debian(), Snapshot::ubuntu()],
            snapshot_fault: None,
        }
    }
}

impl Settings {
    /// Gives these settings changed by a JSON merge patch (RFC 7386): keys that are left out stay as they are.
    pub fn patched(&self, patch: &serde_json::Value) -> Result<Self, serde_json::Error> {
        if !patch.is_object() {
            return Err(serde::de::Error::custom("settings are a JSON object"));
        }
        let mut settings = serde_json::to_value(self)?;
        merge(&mut settings, patch);
        serde_json::from_value(settings)
    }
}

fn merge(target: &mut serde_json::Value, patch: &serde_json::Value) {
    let serde_json::Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = serde_json::Value::Object(serde_json::Map::new());
    }
    let Some(object) = target.as_object_mut() else { return };
    for (key, change) in changes {
        if change.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key).or_insert(serde_json::Value::Null), change);
        }
    }
}

/// How long things take, in milliseconds; each but the notices is spread by [`Durations::spread_percent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Durations {
    /// From an accepted create to `started`.
    pub create: u64,
    /// From a stop, or a restart, to the first answer that reads `maintenance`.
    pub notice: u64,
    /// What a guest takes to shut down when it is asked to.
    pub soft_stop: u64,
    /// From maintenance to `stopped` by force.
    pub hard_stop: u64,
    /// From maintenance to `started` again, once the guest is down.
    pub restart: u64,
    /// From a start to `started`; the call blocks for so long.
    pub start: u64,
    /// What the create call takes to answer.
    pub create_answer: u64,
    /// What the delete call takes to answer.
    pub delete_answer: u64,
    /// What every other call takes to answer.
    pub answer: u64,
    /// By how many percent the durations differ from what is given here, either way.
    pub spread_percent: u64,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            create: 34_000,
            notice: 3_000,
            soft_stop: 90_000,
            hard_stop: 13_000,
            restart: 16_000,
            start: 16_000,
            create_answer: 1_000,
            delete_answer: 1_000,
            answer: 0,
            spread_percent: 30,
        }
    }
}

/// Whether the credentials lead to the account that has the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Account {
    /// They do.
    Own,
    /// They are somebody else's: another username, no servers, every UUID unknown.
    Other,
}

/// How many requests are let through; the rest is answered 429.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Throttle {
    /// Requests a second of the emulator's clock; as many may come at once.
    pub per_second: f64,
    /// The `Retry-After` that a refusal carries, in seconds; none without it.
    #[serde(default)]
    pub retry_after: Option<u64>,
}

/// When something goes wrong, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FaultRule {
    /// The call that it befalls; every call without it.
    #[serde(default)]
    pub on: Option<Call>,
    /// What goes wrong.
    pub fault: Fault,
    /// Each so-many-th of the calls; 1 is each, 0 is none.
    #[serde(default = "each")]
    pub every: u32,
    /// Of these, the share that is hit: 0 to 1.
    #[serde(default = "certain")]
    pub chance: f64,
    /// How often at most; without end without it.
    #[serde(default)]
    pub times: Option<u64>,
}

const fn each() -> u32 {
    1
}

const fn certain() -> f64 {
    1.0
}

impl FaultRule {
    /// Makes a rule that hits each `every`-th of the calls `on`.
    #[must_use]
    pub const fn every(every: u32, on: Call, fault: Fault) -> Self {
        Self { on: Some(on), fault, every, chance: 1.0, times: None }
    }
}

/// What can go wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Processed; then the connection closes without a byte.
    Lost,
    /// Processed; then the connection closes in the middle of the answer.
    Cut,
    /// Processed, never answered.
    Hang,
    /// Processed; the answer is a success whose body is no JSON.
    Garbage,
    /// Processed; the answer is 500.
    ErrorAfter,
    /// Not processed; the connection closes.
    Refused,
    /// Not processed; the answer is 503.
    ErrorBefore,
    /// Not processed; the answer is 401.
    Unauthorized,
    /// Not processed; the answer is 404 with a page of HTML.
    HtmlNotFound,
    /// Not processed; the answer is 200 without a body.
    EmptyBody,
    /// Not processed; the answer is 200 with a listing of nothing.
    EmptyList,
}

/// What may be done with a server in state `error`; what the real one allows is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorServers {
    /// Nothing.
    Locked,
    /// It may be stopped, and then deleted.
    Stoppable,
    /// It may be stopped, or deleted at once.
    Deletable,
}

/// What guests do when they are asked to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guests {
    /// They do it, within [`Durations::soft_stop`].
    ShutDown,
    /// They do not care.
    IgnoreShutdown,
}

/// Whether there is room for new servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// There is.
    Available,
    /// There is not: every create is refused with `SERVER_RESOURCES_UNAVAILABLE`.
    Exhausted,
}

/// What the account may have; no bound where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Cores of all servers.
    pub cores: Option<u64>,
    /// Memory of all servers, in MiB.
    pub memory: Option<u64>,
    /// Public IPv4 addresses of all servers.
    pub public_ipv4: Option<u64>,
    /// Servers. The real account has no such limit: it is answered as if the cores had run out.
    pub servers: Option<u64>,
    /// Servers that are being created at the same time.
    pub creating: Option<u64>,
}

/// A storage that can be cloned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Snapshot {
    /// Its UUID, which begins with 01.
    pub uuid: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// Its size in GiB.
    #[serde(default = "ten")]
    pub size: u64,
    /// Whether it is a cloud-init template, which wants metadata on.
    #[serde(default)]
    pub cloud_init: bool,
    /// The only zone that has it; every zone without it.
    #[serde(default)]
    pub zone: Option<String>,
}

const fn ten() -> u64 {
    10
}

impl Snapshot {
    /// The UUID of the custom image that every emulator has unless told otherwise.
    pub const CUSTOM_IMAGE: &'static str = "01d15ea5-0000-4000-8000-000000000001";

    /// Makes a storage of 10 GiB that every zone has.
    #[must_use]
    pub fn new(uuid: impl Into<String>) -> Self {
        Self {
            uuid: uuid.into(),
            title: "Custom image".to_owned(),
            size: ten(),
            cloud_init: false,
            zone: None,
        }
    }

    fn custom_image() -> Self {
        Self::new(Self::CUSTOM_IMAGE)
    }

    fn debian() -> Self {
        let uuid = "01000000-0000-4000-8000-000020060100";
        Self { title: "Debian GNU/Linux 11 (Bullseye)".to_owned(), ..Self::new(uuid) }
    }

    fn ubuntu() -> Self {
        let uuid = "01000000-0000-4000-8000-000030240200";
        let title = "Ubuntu Server 24.04 LTS (Noble Numbat)".to_owned();
        Self { title, cloud_init: true, ..Self::new(uuid) }
    }
}

/// What is wrong with the storages to clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotFault {
    /// They are gone: 404 `STORAGE_NOT_FOUND`.
    Missing,
    /// They are in the midst of something: 409 `STORAGE_STATE_ILLEGAL`.
    Busy,
    /// They can be cloned, and the server ends in state `error`.
    Broken,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_changes_what_it_names_and_null_gives_the_default_back() {
        let settings = Settings { list_lag_millis: 5, page_cap: Some(10), ..Settings::default() };
        let patch = json!({
            "page-cap": null,
            "durations": {"create": 1},
            "faults": [{"on": "create", "fault": "lost", "every": 5}],
        });
        let patched = settings.patched(&patch).unwrap();
        assert_eq!(patched.list_lag_millis, 5);
        assert_eq!(patched.page_cap, None);
        assert_eq!(patched.durations, Durations { create: 1, ..Durations::default() });
        assert_eq!(patched.faults, [FaultRule::every(5, Call::Create, Fault::Lost)]);
    }

    #[test]
    fn unknown_keys_are_refused() {
        for patch in
            [json!({"list-lag": 5}), json!({"durations": {"boot": 1}}), json!([]), json!({"guests": 1})]
        {
            assert!(Settings::default().patched(&patch).is_err(), "{patch}");
        }
    }
}
