//! Views: the fleet as plain data, for people, APIs and metrics.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::demand::{DemandRecord, Override};
use crate::effect::Failure;
use crate::ids::{FleetName, OwnerId, ProviderName, ServerId, TypeName};
use crate::reconciler::Reconciler;
use crate::record::{Found, FoundRecord, Hold};
use crate::server::Class;
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
    /// Whether the fleet only watches: it decides, and changes nothing.
    #[serde(default)]
    pub shadow: bool,
    /// Whether creating is paused.
    pub paused_out: bool,
    /// Whether choosing servers to go is paused.
    pub paused_in: bool,
    /// Since when the host cannot determine how many servers there should be.
    pub count_unknown_since: Option<Time>,
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
    /// How many bear our labels and have no record yet.
    pub orphans: u32,
    /// Whether the desired servers run and nothing is in flight.
    pub settled: bool,
    /// Whether it is retired.
    pub retired: bool,
    /// Since when fewer are allowed than are wanted.
    pub limited_since: Option<Time>,
    /// When the next create is tried after failed ones.
    pub next_create: Option<Time>,
    /// What it waits for, while it waits.
    pub create_trouble: Option<CreateTrouble>,
    /// How long a boot takes, as learned.
    pub boot_time: Option<Duration>,
    /// What its sources ask for, if it has any.
    pub demand: Option<DemandRecord>,
    /// An operator's number in its place.
    pub overriding: Option<Override>,
}

/// Why a type waits with its next create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTrouble {
    /// Since when, if that was noted.
    pub since: Option<Time>,
    /// Whether servers were made and ended by themselves soon after; else their creates failed.
    pub ended_early: bool,
    /// What went wrong last, if it is on record still.
    pub failure: Option<Failure>,
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
    /// How many servers the account has in all, if that was read just now.
    pub account_total: Option<u64>,
    /// How many requests are under way.
    pub in_flight: u32,
    /// Servers without a record, and what they are to us.
    pub found: Vec<FoundRecord>,
    /// One sentence for each thing that an operator should do something about.
    pub alarms: Vec<String>,
}

/// Says in a sentence why everything stands still.
pub(crate) fn hold_reason(hold: &Hold) -> String {
    match hold {
        Hold::AllMissing { servers, .. } => format!("all {servers} servers were missing at once"),
        Hold::OtherAccount { known, found, .. } => {
            format!("account {found} answers, and the servers are in account {known}")
        }
    }
}

impl Reconciler {
    /// Gives the fleet as plain data, as known at this moment.
    #[must_use]
    pub fn view(&self, now: Time) -> FleetView {
        let fleet = self.ledger.fleet();
        let types = self.config.server_types.keys().chain(self.ledger.types.keys()).cloned();
        let types = types.map(|name| (name.clone(), self.type_view(&name))).collect();
        let providers =
            self.config.providers.keys().map(|name| (name.clone(), self.provider_view(name))).collect();
        FleetView {
            fleet: fleet.fleet.clone(),
            owner: fleet.owner.clone(),
            now: self.now.max(now),
            shadow: self.config.shadow,
            paused_out: fleet.paused_out,
            paused_in: fleet.paused_in,
            count_unknown_since: fleet.count_unknown_since,
            types,
            providers,
        }
    }

    fn type_view(&self, name: &TypeName) -> TypeView {
        let config = self.config.server_types.get(name);
        let record = self.type_record(name);
        let index = self.ledger.types.get(name);
        let counted = Status::ALL.into_iter().map(|status| (status, self.ledger.count(name, status)));
        let target = self.target(name);
        let unsettled = [Class::New, Class::Starting, Class::Going];
        let surveyed =
            config.is_none_or(|config| self.provider(&config.provider).is_some_and(|live| live.surveyed));
        let running = self.ledger.count(name, Status::Running);
        TypeView {
            provider: config.map(|config| config.provider.clone()),
            desired: record.and_then(|record| record.desired),
            provisioned: self.ledger.provisioned(name),
            counts: counted.filter(|(_, count)| *count > 0).collect(),
            existing: index.map_or(0, |index| index.existing),
            held: index.map_or(0, |index| index.held),
            orphans: index.map_or(0, |index| index.orphans),
            settled: surveyed
                && index.is_none_or(|index| index.flagged.is_empty())
                // What others hold stands in for ours, and is no reason to let any of ours go.
                && running.saturating_sub(target) <= self.count_protected(name, running, target)
                && running + index.map_or(0, |index| index.held + index.orphans) >= target
                && self.ledger.count(name, Status::Rebooting) == 0
                && unsettled.into_iter().all(|class| self.count_class(name, class) == 0),
            retired: self.config.retired_types.contains(name),
            limited_since: record.and_then(|record| record.limited_since),
            next_create: record.and_then(|record| {
                record.create_backoff.values().chain(&record.short_lives).map(|retry| retry.at).max()
            }),
            create_trouble: self.create_trouble(name),
            boot_time: record.and_then(|record| record.learned.get(&Status::Starting)).copied(),
            demand: record.and_then(|record| record.demand.clone()),
            overriding: record.and_then(|record| record.overriding),
        }
    }

    /// Tells of whichever wait is the longer one.
    fn create_trouble(&self, name: &TypeName) -> Option<CreateTrouble> {
        let record = self.type_record(name)?;
        let failed = record.create_backoff.values().map(|retry| retry.at).max();
        let ended = record.short_lives.map(|retry| retry.at);
        if failed.max(ended).is_none_or(|at| at <= self.now) {
            return None;
        }
        if ended > failed {
            return Some(CreateTrouble { since: record.short_lives_since, ended_early: true, failure: None });
        }
        let index = self.ledger.types.get(name);
        let classes = [Class::New, Class::Refused, Class::Ended];
        let ids =
            classes.into_iter().flat_map(|class| index.into_iter().flat_map(move |index| index.class(class)));
        let records =
            ids.filter_map(|id| self.ledger.server(*id)).filter(|record| record.provider_id.is_none());
        let last = records.filter(|record| record.failure.is_some()).max_by_key(|record| record.status_since);
        let failure = last.and_then(|record| record.failure.as_deref().cloned());
        Some(CreateTrouble { since: record.creates_fail_since, ended_early: false, failure })
    }

    /// Counts the running servers that an operator keeps, where there are more than should be.
    fn count_protected(&self, name: &TypeName, running: u32, target: u32) -> u32 {
        let Some(index) = self.ledger.types.get(name).filter(|_| running > target) else { return 0 };
        let is_kept = |id: &&ServerId| self.ledger.server(**id).is_some_and(|record| record.protected);
        u32::try_from(index.class(Class::Up).iter().filter(is_kept).count()).unwrap_or(u32::MAX)
    }

    fn count_late(&self, name: &ProviderName) -> usize {
        let going = self.ledger.types.values().flat_map(|index| index.class(Class::Going));
        let records = going.filter_map(|id| self.ledger.server(*id));
        let removals =
            records.filter(|record| record.provider == *name).filter_map(|record| record.removal.as_ref());
        removals.filter(|removal| self.now.since(removal.since) > LATE).count()
    }

    fn provider_view(&self, name: &ProviderName) -> ProviderView {
        let live = self.provider(name).cloned().unwrap_or_default();
        let record = self.ledger.fleet().providers.get(name).cloned().unwrap_or_default();
        let found: Vec<FoundRecord> =
            self.ledger.found().filter(|found| found.provider == *name).cloned().collect();
        let mut alarms = alarms(&live, &record, &found);
        let late = self.count_late(name);
        if late > 0 {
            let (servers, are) = counted(late);
            let told = if late == 1 { "was" } else { "were" };
            alarms.push(format!("{servers} {told} told to go more than an hour ago and {are} still there"));
        }
        ProviderView {
            last_look: live.looked,
            failed_looks: live.failed_looks,
            failure: live.failure,
            denied: live.denied,
            hold: record.hold,
            second_controller: record.second_controller,
            // It is read only while servers are made: an old one would mislead.
            account_total: live
                .account
                .filter(|seen| {
                    self.now.since(seen.begun) <= self.config.timing.poll_interval.saturating_mul(2)
                })
                .and_then(|seen| seen.total),
            in_flight: live.in_flight,
            found,
            alarms,
        }
    }
}

/// How long a server may be on its way out before a person should know.
const LATE: Duration = Duration::from_secs(60 * 60);

/// Says what an operator should do something about, and what.
fn alarms(
    live: &crate::provider::Provider,
    record: &crate::record::ProviderRecord,
    found: &[FoundRecord],
) -> Vec<String> {
    let mut alarms = Vec::new();
    let failure = live.failure.as_ref().map(ToString::to_string).unwrap_or_default();
    if live.denied {
        alarms.push(format!("the provider does not let us in: {failure}; nothing is changed until it does"));
    } else if live.is_blind() {
        alarms.push(format!("the provider cannot be seen: {failure}; nothing is changed until it can"));
    }
    if let Some(hold) = &record.hold {
        alarms.push(format!("{}; nothing is changed: see what happened, then say resume", hold_reason(hold)));
    }
    if record.second_controller {
        alarms.push(
            "another controller makes servers for this fleet; nothing is created: stop it, then say takeover or resume"
                .to_string(),
        );
    }
    let count = |kind| found.iter().filter(|found| found.kind == kind).count();
    let (held, orphans) = (count(Found::Held), count(Found::Orphan));
    if held > 0 {
        let (belong, them) = if held == 1 { ("belongs", "it") } else { ("belong", "them") };
        let servers = counted(held).0;
        alarms.push(format!(
            "{servers} of this fleet {belong} to another ledger; say takeover to make {them} ours"
        ));
    }
    if orphans > 0 {
        let bear = if orphans == 1 { "bears" } else { "bear" };
        let (servers, are) = counted(orphans);
        alarms.push(format!("{servers} {bear} our labels and {are} in no record yet"));
    }
    alarms
}

/// Says how many servers, and the verb that goes with it.
fn counted(servers: usize) -> (String, &'static str) {
    if servers == 1 { ("1 server".to_string(), "is") } else { (format!("{servers} servers"), "are") }
}
