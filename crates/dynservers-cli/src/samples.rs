//! A fleet for tests to show: one of everything that a person may have to read.

use std::collections::BTreeMap;
use std::time::Duration;

use dynservers_core::{
    Address, Clamp, ClampKind, CreateTrouble, Decision, Drain, Failure, FleetName, FleetView, Found,
    FoundRecord, Hold, Judgement, Network, Orders, Override, OwnerId, ProviderId, ProviderName,
    ProviderState, ProviderView, Reading, Removal, ServerId, ServerRecord, Signal, Status, Stored, Time,
    Told, Trigger, TypeName, TypeRecord, TypeView, Victim, Why,
};

use crate::api::report::AddressChoice;

/// The moment of the samples: 15 June 2025.
const NOW: u64 = 1_750_000_000_000;

fn ago(seconds: u64) -> Time {
    Time::from_millis(NOW - seconds * 1_000)
}

fn name(name: &str) -> TypeName {
    TypeName::new(name).expect("a sample is valid")
}

fn upcloud() -> ProviderName {
    ProviderName::new("upcloud").expect("a sample is valid")
}

/// Types that show another address than the public one.
pub(crate) fn addresses() -> AddressChoice {
    BTreeMap::from([(name("db"), Network::Private)])
}

fn record(id: u64, server_type: &str, status: Status, since: u64) -> ServerRecord {
    ServerRecord {
        id: ServerId(id),
        server_type: name(server_type),
        provider: upcloud(),
        name: format!("workers-{server_type}-{id}").into(),
        status,
        previous_status: None,
        status_since: ago(since),
        created_at: ago(since + 60),
        why: Why::Wanted,
        spec: None,
        attempt: None,
        abandoned: Vec::new(),
        provider_id: Some(ProviderId::new(format!("00aa0000-{id:04}")).expect("a sample is valid")),
        bound_at: Some(ago(since + 50)),
        unfinished: None,
        addresses: Vec::new(),
        removal: None,
        reboot_requested_at: None,
        reboot: None,
        replaces: None,
        failure: None,
        failed_at: None,
        retry: None,
        protected: false,
        meta: BTreeMap::new(),
        recall: None,
        disowned: false,
    }
}

fn address(network: Network, address: &str) -> Address {
    Address { network, address: address.to_owned() }
}

/// The records of the fleet, not in order.
pub(crate) fn records() -> Vec<ServerRecord> {
    let both = vec![address(Network::Private, "10.0.0.4"), address(Network::Public, "94.237.0.1")];
    let failure = Failure {
        message: "no capacity in zone de-fra1\u{1b}[2J".to_owned(),
        code: Some("SERVER_RESOURCES_UNAVAILABLE".to_owned()),
        http_status: Some(409),
        correlation: Some("01JX".to_owned()),
    };
    vec![
        ServerRecord {
            name: "".into(),
            provider_id: None,
            bound_at: None,
            ..record(4, "web", Status::New, 0)
        },
        ServerRecord { addresses: both.clone(), ..record(1, "web", Status::Running, 7_200) },
        ServerRecord { addresses: both, ..record(2, "db", Status::Running, 260_000) },
        ServerRecord {
            provider_id: None,
            failure: Some(failure.into()),
            failed_at: Some(ago(90)),
            ..record(3, "web", Status::Errored, 90)
        },
        ServerRecord {
            removal: Some(Box::new(Removal {
                why: Why::Surplus,
                since: ago(15),
                drain: None,
                stop: None,
                delete: None,
            })),
            ..record(5, "web", Status::Stopping, 12)
        },
        record(6, "web", Status::Deleted, 3_700),
        ServerRecord {
            removal: Some(Box::new(Removal {
                why: Why::Surplus,
                since: ago(80),
                drain: Some(Drain {
                    since: ago(80),
                    deadline: Time::from_millis(NOW + 520_000),
                    done: false,
                }),
                stop: None,
                delete: None,
            })),
            ..record(8, "web", Status::Draining, 80)
        },
        ServerRecord { disowned: true, protected: true, ..record(7, "web", Status::Running, 59) },
    ]
}

/// A type without servers.
pub(crate) fn type_view() -> TypeView {
    TypeView {
        provider: Some(upcloud()),
        desired: Some(0),
        provisioned: 0,
        counts: BTreeMap::new(),
        existing: 0,
        held: 0,
        orphans: 0,
        settled: true,
        retired: false,
        limited_since: None,
        next_create: None,
        create_trouble: None,
        boot_time: None,
        demand: None,
        overriding: None,
    }
}

fn provider_view() -> ProviderView {
    ProviderView {
        last_look: Some(ago(12)),
        failed_looks: 0,
        failure: None,
        denied: false,
        hold: None,
        second_controller: false,
        account_total: Some(9),
        in_flight: 2,
        found: Vec::new(),
        alarms: Vec::new(),
    }
}

/// The fleet as a daemon sees it.
pub(crate) fn view() -> FleetView {
    let web = TypeView {
        desired: Some(5),
        provisioned: 3,
        counts: BTreeMap::from([
            (Status::New, 1),
            (Status::Running, 2),
            (Status::Stopping, 1),
            (Status::Deleted, 1),
            (Status::Errored, 1),
        ]),
        existing: 4,
        held: 2,
        orphans: 0,
        settled: false,
        limited_since: Some(ago(300)),
        next_create: Some(Time::from_millis(NOW + 40_000)),
        create_trouble: Some(CreateTrouble {
            since: Some(ago(90)),
            ended_early: false,
            failure: Some(Failure::new("no room in this zone")),
        }),
        boot_time: Some(Duration::from_secs(40)),
        demand: None,
        overriding: None,
        ..type_view()
    };
    let database = TypeView {
        desired: None,
        provisioned: 1,
        counts: BTreeMap::from([(Status::Running, 1)]),
        ..type_view()
    };
    let old = TypeView { provider: None, retired: true, ..type_view() };
    let held = FoundRecord {
        provider: upcloud(),
        provider_id: ProviderId::new("00ff0000-0001").expect("a sample is valid"),
        name: "workers-web-1".to_owned(),
        kind: Found::Held,
        owner: Some(OwnerId::from_random(9)),
        server_type: Some(name("web")),
        server: None,
        token: None,
        spec: None,
        state: ProviderState::Running,
        first_seen: ago(600),
    };
    let provider = ProviderView {
        found: vec![held],
        alarms: vec![
            "2 servers of owner 9 are held: say `dynservers takeover` to make them yours".to_owned(),
        ],
        ..provider_view()
    };
    let unseen = ProviderView {
        last_look: None,
        failed_looks: 3,
        failure: Some(Failure::new("connection refused")),
        account_total: None,
        in_flight: 0,
        ..provider_view()
    };
    FleetView {
        fleet: FleetName::new("workers").expect("a sample is valid"),
        owner: OwnerId::from_random(7),
        now: ago(0),
        shadow: false,
        paused_out: false,
        paused_in: false,
        count_unknown_since: None,
        types: BTreeMap::from([(name("web"), web), (name("db"), database), (name("old"), old)]),
        providers: BTreeMap::from([
            (upcloud(), provider),
            (ProviderName::new("spare").expect("a sample is valid"), unseen),
        ]),
    }
}

/// A fleet where nothing is left to do.
pub(crate) fn settled_view() -> FleetView {
    let web = TypeView {
        desired: Some(2),
        provisioned: 2,
        counts: BTreeMap::from([(Status::Running, 2)]),
        existing: 2,
        ..type_view()
    };
    FleetView {
        types: BTreeMap::from([(name("web"), web)]),
        providers: BTreeMap::from([(upcloud(), ProviderView { in_flight: 0, ..provider_view() })]),
        ..view()
    }
}

/// The fleet as a daemon left it in its store.
pub(crate) fn stored() -> Stored {
    let mut stored =
        Stored::empty(FleetName::new("workers").expect("a sample is valid"), OwnerId::from_random(7));
    stored.fleet.time = ago(0);
    stored.fleet.types.insert(name("web"), TypeRecord { desired: Some(5), ..TypeRecord::default() });
    stored.fleet.providers.entry(upcloud()).or_default().hold =
        Some(Hold::AllMissing { servers: 4, since: ago(30) });
    stored.servers = records();
    stored.found = view().providers.into_values().flat_map(|provider| provider.found).collect();
    stored
}

/// Decisions about two types, of which one was made by an operator's word.
pub(crate) fn decisions() -> Vec<Decision> {
    let signal = Signal { waiting: 70, in_flight: 5, oldest_wait: Some(Duration::from_millis(190_500)) };
    let reading = |source: &str, told| Reading { source: source.to_owned(), told };
    let unknown = Told::Unknown { reason: "connection refused".to_owned(), since: ago(30) };
    let judgement = Judgement {
        readings: vec![reading("redis", Told::Known(signal)), reading("spool", unknown)],
        signal,
        job_time: Some(Duration::from_millis(1_500)),
        raw: 8,
        clamps: vec![Clamp {
            kind: ClampKind::RateUp,
            before: 8,
            after: 4,
            until: Some(ago(10)),
            window: None,
        }],
        decided: 4,
    };
    let decision = |name: &str, judgement: Option<Judgement>| Decision {
        at: ago(20),
        server_type: self::name(name),
        trigger: judgement.as_ref().map_or(Trigger::Overridden, |_| Trigger::Measured),
        overriding: judgement.is_none().then_some(Override { count: 2, until: None }),
        desired: Some(judgement.as_ref().map_or(2, |judgement| judgement.decided)),
        judgement,
        before: Some(3),
        running: 3,
        starting: 0,
        orders: Orders {
            gone: 1,
            victims: vec![Victim { server: ServerId(7), why: Why::Surplus, score: Some(1) }],
            ..Orders::default()
        },
        shadow: false,
    };
    vec![decision("web", Some(judgement)), decision("web", None)]
}
