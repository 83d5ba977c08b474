//! Records with every field set, and the small things that each test needs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use dynservers_core::{
    Action, Address, Attempt, Batch, Change, Clamp, ClampKind, Command, CommandId, CommandRecord, Decided,
    Decision, DeleteIssued, DemandRecord, Done, Drain, Event, EventId, EventKind, Failure, FleetName,
    FleetRecord, Found, FoundRecord, Hold, Judgement, Jump, Limit, Measured, Network, Orders, Override,
    OwnerId, Peak, Phase, ProviderId, ProviderName, ProviderRecord, ProviderState, Reading, Reason, Reboot,
    Refusal, Removal, Reply, Retry, Seq, ServerEvent, ServerId, ServerRecord, Signal, Spec, SpecHash, Status,
    Step, StopIssued, StopMode, Time, Token, Told, Trigger, TypeName, TypeRecord, Victim, Why,
};
use dynservers_store::Sqlite;
use tempfile::TempDir;

/// A directory with room for a ledger.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fleet.db");
        Self { directory, path }
    }

    pub(crate) fn open(&self) -> Sqlite {
        Sqlite::open(&self.path, &fleet()).unwrap()
    }

    /// The names of all files there, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn fleet() -> FleetName {
    FleetName::new("workers").unwrap()
}

pub(crate) fn type_name(name: &str) -> TypeName {
    TypeName::new(name).unwrap()
}

pub(crate) fn provider() -> ProviderName {
    ProviderName::new("upcloud").unwrap()
}

pub(crate) fn at(seconds: u64) -> Time {
    Time::from_millis(1_700_000_000_000) + Duration::from_secs(seconds)
}

pub(crate) fn batch(time: Time, changes: Vec<Change>) -> Batch {
    Batch { seq: Seq(1), at: time, must_sync: true, changes }
}

pub(crate) fn spec(plan: &str) -> Spec {
    Spec::new(
        serde_json::json!({"plan": plan, "ratio": 0.1, "tiny": 5e-324, "odd": 1.234_567_890_123_456_7e22,
        "big": u64::MAX, "storages": [{"size": 25, "title": "ä \u{0} \"quoted\""}], "none": null}),
    )
}

pub(crate) fn failure() -> Failure {
    Failure {
        message: "no more servers 'here'; DROP TABLE dynamic_servers".to_owned(),
        code: Some("SERVER_CREATING_LIMIT_REACHED".to_owned()),
        http_status: Some(403),
        correlation: Some("01JX".to_owned()),
    }
}

/// A server of which nothing is known yet.
pub(crate) fn plain_server(id: u64) -> ServerRecord {
    ServerRecord {
        id: ServerId(id),
        server_type: type_name("default"),
        provider: provider(),
        name: "".into(),
        status: Status::New,
        previous_status: None,
        status_since: at(id),
        created_at: at(id),
        why: Why::Wanted,
        spec: None,
        attempt: None,
        abandoned: Vec::new(),
        provider_id: None,
        bound_at: None,
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
        recall: Some(Retry { tries: 2, at: at(11) }),
        disowned: false,
    }
}

/// A server of which everything is known.
pub(crate) fn full_server(id: u64) -> ServerRecord {
    ServerRecord {
        name: format!("dynamic-server-default-{id}").into(),
        meta: BTreeMap::from([("job".to_owned(), serde_json::json!({"id": 7}))]),
        status: Status::Errored,
        previous_status: Some(Status::Starting),
        why: Why::Replaces(ServerId(9)),
        spec: Some(spec("2xCPU-4GB").hash()),
        attempt: Some(Attempt {
            token: Token(u128::MAX - u128::from(id)),
            not_after: at(3),
            phase: Phase::Bound,
        }),
        abandoned: vec![Token(0), Token(u128::MAX)],
        provider_id: Some(ProviderId::new(format!("de-fra1/00c7-{id}")).unwrap()),
        bound_at: Some(at(4)),
        unfinished: Some(Step("user data next".to_owned())),
        addresses: vec![
            Address { network: Network::Public, address: "192.0.2.7".to_owned() },
            Address { network: Network::Utility, address: "2001:db8::7".to_owned() },
        ],
        removal: Some(Box::new(Removal {
            why: Why::Surplus,
            since: at(5),
            drain: Some(Drain { since: at(5), deadline: at(65), done: true }),
            stop: Some(StopIssued {
                mode: StopMode::Soft { timeout: Duration::new(60, 999_999_999) },
                at: at(6),
                accepted: true,
            }),
            delete: Some(DeleteIssued { at: at(7), accepted_at: Some(at(8)) }),
        })),
        reboot_requested_at: Some(at(9)),
        reboot: Some(Reboot { at: at(10), accepted_at: Some(at(11)), seen_down: true }),
        replaces: Some(ServerId(9)),
        failure: Some(failure().into()),
        failed_at: Some(at(12)),
        retry: Some(Retry { tries: 3, at: at(13) }),
        protected: true,
        disowned: true,
        ..plain_server(id)
    }
}

pub(crate) fn found(id: &str, kind: Found) -> FoundRecord {
    FoundRecord {
        provider: provider(),
        provider_id: ProviderId::new(id).unwrap(),
        name: "someone".to_owned(),
        kind,
        owner: Some(OwnerId::from_random(7)),
        server_type: Some(type_name("default")),
        server: Some(ServerId(u64::MAX)),
        token: Some(Token(1)),
        spec: Some(SpecHash(u64::MAX)),
        state: ProviderState::InProgress,
        first_seen: at(1),
    }
}

/// A fleet of which everything is known.
pub(crate) fn full_fleet(owner: &OwnerId, time: Time) -> FleetRecord {
    let retry = Retry { tries: 2, at: at(30) };
    let busy = TypeRecord {
        desired: Some(4),
        learned: std::collections::BTreeMap::from([(Status::Starting, Duration::from_millis(45_001))]),
        reboot_at_a_time: Some(1),
        create_backoff: [(Reason::Capacity, retry), (Reason::Invalid, retry)].into(),
        replacement_backoff: Some(retry),
        limited_since: Some(at(20)),
        short_lives: Some(retry),
        creates_fail_since: Some(at(17)),
        short_lives_since: Some(at(18)),
        demand: Some(DemandRecord {
            work: 31,
            at: at(21),
            peaks: vec![Peak { count: 9, at: at(3) }, Peak { count: 4, at: at(21) }],
            unknown_since: Some(at(19)),
            unknown: Some("the queue does not answer".to_owned()),
            decided: Some(9),
            last: Some(Measured { at: at(2), signal: signal(), running: 3 }),
            learning_from: Some(Measured { at: at(1), signal: signal(), running: 3 }),
            spent: Duration::from_secs(75),
            behind: true,
            job_time: Some(Duration::from_millis(1_500)),
            path: vec![Decided { since: at(3), count: 9 }],
            jump: Some(Jump { since: at(20), is_rise: true }),
            silent: [("queue".to_owned(), at(19))].into(),
        }),
        overriding: Some(Override { count: 6, until: Some(at(90)) }),
    };
    let all_missing = Hold::AllMissing { servers: 3, since: at(1) };
    let other_account = Hold::OtherAccount { known: "one".to_owned(), found: "two".to_owned(), since: at(2) };
    let held = |hold| ProviderRecord {
        identity: Some("account".to_owned()),
        hold: Some(hold),
        second_controller: true,
        accept_missing: true,
    };
    FleetRecord {
        taken_owners: [OwnerId::from_random(8), OwnerId::from_random(9)].into(),
        time,
        next_server: 12,
        next_event: 40,
        types: [(type_name("default"), busy), (type_name("idle"), TypeRecord::default())].into(),
        providers: [
            (provider(), held(all_missing)),
            (ProviderName::new("other").unwrap(), held(other_account)),
        ]
        .into(),
        paused_out: true,
        paused_in: true,
        ..FleetRecord::new(fleet(), owner.clone())
    }
}

fn signal() -> Signal {
    Signal { waiting: 31, in_flight: 2, oldest_wait: Some(Duration::from_millis(90_500)) }
}

/// A decision of which everything is known.
pub(crate) fn full_decision(name: &str, seconds: u64) -> Decision {
    let reading = |source: &str, told| Reading { source: source.to_owned(), told };
    let unknown = Told::Unknown { reason: "it does not answer".to_owned(), since: at(1) };
    let victim = |server, score| Victim { server: ServerId(server), why: Why::Surplus, score };
    let clamp = |kind, before, after| Clamp { kind, before, after, until: None, window: None };
    Decision {
        at: at(seconds),
        server_type: type_name(name),
        trigger: Trigger::Measured,
        judgement: Some(Judgement {
            readings: vec![reading("queue", Told::Known(signal())), reading("other", unknown)],
            signal: signal(),
            job_time: Some(Duration::from_millis(1_500)),
            raw: 4,
            clamps: vec![
                Clamp { until: Some(at(90)), ..clamp(ClampKind::Unknown, 4, 9) },
                Clamp { window: Some("night".to_owned()), ..clamp(ClampKind::Ceiling, 9, 7) },
            ],
            decided: 7,
        }),
        overriding: Some(Override { count: 6, until: None }),
        before: Some(8),
        desired: Some(6),
        running: 7,
        starting: 1,
        orders: Orders { made: 0, kept: 1, gone: 2, victims: vec![victim(3, Some(0)), victim(4, None)] },
        shadow: true,
    }
}

pub(crate) fn event(id: u64, time: Time, kind: EventKind) -> Event {
    Event { id: EventId(id), at: time, kind }
}

pub(crate) fn server_event(server: u64) -> ServerEvent {
    ServerEvent {
        server: ServerId(server),
        server_type: type_name("default"),
        name: format!("dynamic-server-default-{server}").into(),
        provider_id: Some(ProviderId::new("00c7").unwrap()),
        previous_status: Some(Status::Starting),
        why: Some(Why::Replaces(ServerId(9))),
        failure: Some(failure().into()),
    }
}

/// One event of each kind.
pub(crate) fn every_kind() -> Vec<EventKind> {
    let provider_id = || ProviderId::new("00c7").unwrap();
    let bare =
        ServerEvent { provider_id: None, previous_status: None, why: None, failure: None, ..server_event(3) };
    vec![
        EventKind::Creating(bare),
        EventKind::Running(server_event(2)),
        EventKind::Stopping(server_event(2)),
        EventKind::Stopped(server_event(2)),
        EventKind::Deleting(server_event(2)),
        EventKind::Deleted(server_event(2)),
        EventKind::Rebooting(server_event(2)),
        EventKind::Errored(server_event(2)),
        EventKind::Hanging(server_event(2)),
        EventKind::LimitHit {
            server_type: type_name("default"),
            wanted: u32::MAX,
            allowed: 0,
            limit: Limit::TypeMaximum,
        },
        EventKind::Adopted(server_event(2)),
        EventKind::Returned(server_event(2)),
        EventKind::Disowned(server_event(2)),
        EventKind::OrphanFound { provider: provider(), provider_id: provider_id() },
        EventKind::OtherOwnerFound {
            provider: provider(),
            provider_id: provider_id(),
            owner: Some(OwnerId::from_random(1)),
        },
        EventKind::OtherOwnerFound { provider: provider(), provider_id: provider_id(), owner: None },
        EventKind::SecondController { provider: provider() },
        EventKind::TakenOver { owner: OwnerId::from_random(1) },
        EventKind::LedgerRestored { provider: provider(), servers: 3 },
        EventKind::Held { provider: provider(), reason: "all are missing".to_owned() },
        EventKind::Resumed { provider: provider() },
        EventKind::CredentialsRejected { provider: provider(), failure: failure() },
        EventKind::ProviderUnreachable { provider: provider(), failure: Failure::new("no route") },
        EventKind::ProviderReachable { provider: provider() },
        EventKind::CreateRefused {
            server: ServerId(2),
            server_type: type_name("default"),
            reason: Reason::Quota,
            failure: failure(),
            next_try: at(90),
        },
        EventKind::CountUnknown { reason: "the queue is down".to_owned() },
        EventKind::CountKnown,
        EventKind::DesiredChanged { server_type: type_name("default"), from: None, to: 3 },
        EventKind::DesiredChanged { server_type: type_name("default"), from: Some(1), to: 0 },
    ]
}

pub(crate) fn command(id: &str, action: Action, reply: Reply) -> CommandRecord {
    let command = Command { id: CommandId::new(id).unwrap(), action };
    CommandRecord { command, reply, at: at(2) }
}

pub(crate) fn ensure(id: &str, count: u32) -> CommandRecord {
    let server_type = type_name("default");
    let reply = Ok(Done::Desired {
        server_type: server_type.clone(),
        before: None,
        requested: count,
        desired: count.min(20),
    });
    command(id, Action::Ensure { server_type, count }, reply)
}

/// Commands of each kind, with answers of each kind.
pub(crate) fn every_command() -> Vec<CommandRecord> {
    let server_type = || type_name("default");
    let unknown = Refusal::UnknownType { server_type: server_type(), known: vec![type_name("idle")] };
    let pairs: Vec<(Action, Reply)> = vec![
        (Action::Increase { server_type: server_type(), by: 2 }, Err(unknown)),
        (
            Action::Decrease { server_type: server_type(), by: 0 },
            Err(Refusal::RetiredType { server_type: server_type() }),
        ),
        (
            Action::Reboot { server_type: server_type(), at_a_time: Some(1) },
            Ok(Done::Rebooting { server_type: server_type(), servers: 3 }),
        ),
        (Action::Reboot { server_type: server_type(), at_a_time: None }, Err(Refusal::NotSeenYet)),
        (
            Action::Protect { server: ServerId(1), protected: true },
            Ok(Done::Protected { server: ServerId(1), protected: true }),
        ),
        (
            Action::Protect { server: ServerId(8), protected: false },
            Err(Refusal::UnknownServer { server: ServerId(8) }),
        ),
        (
            Action::AddMeta {
                server: ServerId(1),
                key: "job".to_owned(),
                value: serde_json::json!([7, null]),
            },
            Ok(Done::MetaAdded { server: ServerId(1), key: "job".to_owned() }),
        ),
        (
            Action::AddMeta { server: ServerId(2), key: "job".to_owned(), value: serde_json::Value::Null },
            Err(Refusal::MetaTooLarge { server: ServerId(2) }),
        ),
        (Action::Pause { out: Some(true), inward: None }, Ok(Done::Paused { out: true, inward: false })),
        (Action::Takeover { provider: Some(provider()) }, Ok(Done::TakenOver { servers: 1 })),
        (Action::Takeover { provider: None }, Err(Refusal::KeyReused)),
        (Action::Resume { provider: None }, Ok(Done::Resumed { providers: 1 })),
        (
            Action::Resume { provider: Some(provider()) },
            Err(Refusal::UnknownProvider { provider: "x".to_owned() }),
        ),
        (Action::Resume { provider: None }, Err(Refusal::ShuttingDown)),
    ];
    let mut commands = vec![ensure("ensure", 30)];
    commands.extend(
        pairs
            .into_iter()
            .enumerate()
            .map(|(number, (action, reply))| command(&format!("command {number}"), action, reply)),
    );
    commands
}
