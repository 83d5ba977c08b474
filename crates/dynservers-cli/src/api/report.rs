//! Reports: views and records of the machine in the words of the control API.

use std::collections::BTreeMap;
use std::time::Duration;

use dynservers_core::{
    Decision, Event, EventKind, FleetView, FoundRecord, Hold, Network, Override, ProviderRecord,
    ProviderView, ServerRecord, Status, Stored, Time, TypeName, TypeRecord, TypeView,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::api::wire::{
    CreateTroubleStatus, FleetStatus, FoundServer, HoldStatus, OverrideStatus, ProviderStatus, Server,
    ServerList, Source, TypeStatus,
};
use crate::explaining;
use crate::time::{age_seconds, timestamp};

/// Which of its addresses a server is shown with, for the types that say so.
pub(crate) type AddressChoice = BTreeMap<TypeName, Network>;

/// Tells of every server.
pub(crate) fn servers(records: &[ServerRecord], as_of: Timestamp, choice: &AddressChoice) -> ServerList {
    let mut servers: Vec<_> = records.iter().map(|record| server(record, choice)).collect();
    servers.sort_by_key(|server| server.id);
    ServerList { as_of, servers }
}

/// Tells of one server.
pub(crate) fn server(record: &ServerRecord, choice: &AddressChoice) -> Server {
    let wanted = choice.get(&record.server_type);
    let address = record
        .addresses
        .iter()
        .find(|address| Some(&address.network) == wanted)
        .or_else(|| record.addresses.iter().min_by_key(|address| address.network))
        .map(|address| address.address.clone());
    Server {
        id: record.id,
        name: record.name.to_string(),
        server_type: record.server_type.clone(),
        provider: record.provider.clone(),
        status: record.status,
        previous_status: record.previous_status,
        status_since: timestamp(record.status_since),
        created_at: timestamp(record.created_at),
        provider_id: record.provider_id.clone(),
        address,
        addresses: record.addresses.clone(),
        reason: record.why.to_string(),
        removal_reason: record.removal.as_ref().map(|removal| removal.why.to_string()),
        drains_until: record
            .removal
            .as_ref()
            .and_then(|removal| removal.drain)
            .filter(|_| record.status == Status::Draining)
            .map(|drain| timestamp(drain.deadline)),
        failure: record.failure.as_deref().cloned(),
        protected: record.protected,
        disowned: record.disowned,
    }
}

/// Tells of an event, with its moments in the calendar.
pub(crate) fn event(event: &Event) -> Value {
    let mut told = serde_json::to_value(event).expect("an event has a JSON form");
    for (key, at) in [("at", Some(event.at)), ("next_try", next_try(&event.kind))] {
        if let Some(at) = at {
            told[key] = Value::String(timestamp(at).to_string());
        }
    }
    told
}

/// Tells of a decision, in sentences too.
pub(crate) fn decision(decision: &Decision) -> Value {
    let mut told = serde_json::to_value(decision).expect("a decision has a JSON form");
    in_words(&mut told);
    told["explanation"] = explaining::sentences(decision).into();
    told
}

/// Turns moments into those of the calendar, and durations into seconds.
fn in_words(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(in_words),
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value.as_u64(), duration(value)) {
                    ("at" | "since" | "until", Some(millis), _) => {
                        *value = timestamp(Time::from_millis(millis)).to_string().into();
                    }
                    (_, _, Some(seconds)) => *value = seconds.into(),
                    _ => in_words(value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Reads a duration in the machine's own form.
fn duration(value: &Value) -> Option<f64> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let (seconds, nanos) = (fields.get("secs")?.as_u64()?, fields.get("nanos")?.as_u64()?);
    Some(Duration::new(seconds, u32::try_from(nanos).ok()?).as_secs_f64())
}

fn next_try(kind: &EventKind) -> Option<Time> {
    if let EventKind::CreateRefused { next_try, .. } = kind { Some(*next_try) } else { None }
}

/// Tells of the fleet as the daemon knows it.
pub(crate) fn status(view: &FleetView) -> FleetStatus {
    let as_of = timestamp(view.now);
    FleetStatus {
        fleet: view.fleet.clone(),
        owner: view.owner.clone(),
        as_of,
        source: Source::Daemon,
        shadow: view.shadow,
        paused_out: view.paused_out,
        paused_in: view.paused_in,
        types: view.types.iter().map(|(name, view)| (name.clone(), type_status(view))).collect(),
        providers: view
            .providers
            .iter()
            .map(|(name, view)| (name.clone(), provider_status(view, as_of)))
            .collect(),
    }
}

fn type_status(view: &TypeView) -> TypeStatus {
    TypeStatus {
        desired: view.desired,
        provisioned: view.provisioned,
        counts: view.counts.clone(),
        provider: view.provider.clone(),
        existing: Some(view.existing),
        held: view.held,
        settled: Some(view.settled),
        retired: view.retired,
        limited_since: view.limited_since.map(timestamp),
        next_create: view.next_create.map(timestamp),
        create_trouble: view.create_trouble.as_ref().map(|trouble| CreateTroubleStatus {
            since: trouble.since.map(timestamp),
            ended_early: trouble.ended_early,
            failure: trouble.failure.clone(),
        }),
        work: view.demand.as_ref().map(|demand| demand.work),
        work_unknown: view.demand.as_ref().and_then(|demand| demand.unknown.clone()),
        overriding: view.overriding.map(overriding),
    }
}

fn overriding(overriding: Override) -> OverrideStatus {
    OverrideStatus { count: overriding.count, until: overriding.until.map(timestamp) }
}

fn provider_status(view: &ProviderView, as_of: Timestamp) -> ProviderStatus {
    let last_look = view.last_look.map(timestamp);
    ProviderStatus {
        last_look,
        last_look_age_seconds: last_look.map(|look| age_seconds(look, as_of)),
        failed_looks: view.failed_looks,
        failure: view.failure.clone(),
        denied: view.denied,
        hold: view.hold.as_ref().map(hold_status),
        second_controller: view.second_controller,
        account_total: view.account_total,
        in_flight: view.in_flight,
        found: view.found.iter().map(found_server).collect(),
        alarms: view.alarms.clone(),
    }
}

fn found_server(record: &FoundRecord) -> FoundServer {
    FoundServer {
        provider_id: record.provider_id.clone(),
        name: record.name.clone(),
        kind: record.kind,
        owner: record.owner.clone(),
        server_type: record.server_type.clone(),
        first_seen: timestamp(record.first_seen),
    }
}

/// Tells of the fleet as a daemon left it in its store: what only the running machine knows is left open.
///
/// The types that are configured are there even if the store has nothing on them.
pub(crate) fn stored_status(stored: &Stored, configured: &[TypeName]) -> FleetStatus {
    let nothing = TypeRecord::default();
    let remembered = stored.fleet.types.iter().map(|(name, record)| (name.clone(), stored_type(record)));
    let mut types: BTreeMap<_, _> =
        configured.iter().map(|name| (name.clone(), stored_type(&nothing))).chain(remembered).collect();
    for record in stored.servers.iter().filter(|record| !record.disowned) {
        let status = types.entry(record.server_type.clone()).or_insert_with(|| stored_type(&nothing));
        *status.counts.entry(record.status).or_default() += 1;
        status.provisioned += u32::from(record.status.is_provisioned());
        status.provider.get_or_insert_with(|| record.provider.clone());
    }
    let mut providers: BTreeMap<_, _> =
        stored.fleet.providers.iter().map(|(name, record)| (name.clone(), stored_provider(record))).collect();
    for record in &stored.found {
        let provider = providers
            .entry(record.provider.clone())
            .or_insert_with(|| stored_provider(&ProviderRecord::default()));
        provider.found.push(found_server(record));
        if record.kind == dynservers_core::Found::Held
            && let Some(held) = record.server_type.as_ref().and_then(|name| types.get_mut(name))
        {
            held.held += 1;
        }
    }
    FleetStatus {
        fleet: stored.fleet.fleet.clone(),
        owner: stored.fleet.owner.clone(),
        as_of: timestamp(stored.fleet.time),
        source: Source::Store,
        // Only a daemon that runs does.
        shadow: false,
        paused_out: stored.fleet.paused_out,
        paused_in: stored.fleet.paused_in,
        types,
        providers,
    }
}

fn stored_type(record: &TypeRecord) -> TypeStatus {
    let failed = record.create_backoff.values().map(|retry| retry.at).max();
    let ended = record.short_lives.map(|retry| retry.at);
    let ended_early = ended > failed;
    let since = if ended_early { record.short_lives_since } else { record.creates_fail_since };
    let next_create = failed.max(ended);
    TypeStatus {
        desired: record.desired,
        provisioned: 0,
        counts: BTreeMap::new(),
        provider: None,
        existing: None,
        held: 0,
        settled: None,
        retired: false,
        limited_since: record.limited_since.map(timestamp),
        next_create: next_create.map(timestamp),
        create_trouble: next_create.map(|_| CreateTroubleStatus {
            since: since.map(timestamp),
            ended_early,
            failure: None,
        }),
        work: record.demand.as_ref().map(|demand| demand.work),
        work_unknown: record.demand.as_ref().and_then(|demand| demand.unknown.clone()),
        overriding: record.overriding.map(overriding),
    }
}

fn stored_provider(record: &ProviderRecord) -> ProviderStatus {
    ProviderStatus {
        last_look: None,
        last_look_age_seconds: None,
        failed_looks: 0,
        failure: None,
        denied: false,
        hold: record.hold.as_ref().map(hold_status),
        second_controller: record.second_controller,
        account_total: None,
        in_flight: 0,
        found: Vec::new(),
        alarms: record.hold.iter().map(|hold| hold_status(hold).reason).collect(),
    }
}

fn hold_status(hold: &Hold) -> HoldStatus {
    let (what, since) = match hold {
        Hold::AllMissing { servers, since } => (format!("all {servers} servers were missing at once"), since),
        Hold::OtherAccount { known, found, since } => {
            (format!("account {found} answers, and the servers are in account {known}"), since)
        }
    };
    let reason = format!("{what}; nothing is created or deleted until `dynservers resume`");
    HoldStatus { reason, since: timestamp(*since) }
}
