//! A world in virtual time: the real machine, a cloud, a store that keeps what it was given, and crashes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Action, Batch, Change, Command, CommandId, Config, Done, Effect, Event, EventKind, FailedPolicy,
    FleetName, Input, Ledger, Output, OwnerId, Prepared, ProviderConfig, ProviderName, Reconciler, Reply,
    ServerId, ServerRecord, Spec, Status, Stored, Time, Timing, TypeConfig, TypeName,
};

use crate::cloud::{Cloud, Fate};

pub(crate) fn type_name() -> TypeName {
    TypeName::new("default").unwrap()
}

pub(crate) fn provider_name() -> ProviderName {
    ProviderName::new("cloud").unwrap()
}

pub(crate) fn config() -> Config {
    let server_type = TypeConfig {
        provider: provider_name(),
        min: 0,
        max: 1_000,
        stop_timeout: Duration::from_secs(60),
        on_failed: FailedPolicy::Delete,
    };
    Config {
        fleet: FleetName::new("fleet").unwrap(),
        timing: Timing::default(),
        providers: BTreeMap::from([(
            provider_name(),
            ProviderConfig { max_servers_in_account: None, ..ProviderConfig::default() },
        )]),
        server_types: BTreeMap::from([(type_name(), server_type)]),
        retired_types: Default::default(),
    }
}

/// What a store holds: the last whole batch and everything before it.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) stored: Stored,
}

impl Disk {
    pub(crate) fn new(owner: u128) -> Self {
        Self { stored: Stored::empty(FleetName::new("fleet").unwrap(), OwnerId::from_random(owner)) }
    }

    fn append(&mut self, batch: &Batch) {
        let stored = &mut self.stored;
        for change in &batch.changes {
            match change.clone() {
                Change::Fleet(fleet) => stored.fleet = fleet,
                Change::Server(record) => {
                    stored.servers.retain(|known| known.id != record.id);
                    stored.servers.push(*record);
                }
                Change::Forget(id) => stored.servers.retain(|known| known.id != id),
                Change::Spec(spec) => stored.specs.push(spec),
                Change::Found(found) => {
                    stored.found.retain(|known| known.provider_id != found.provider_id);
                    stored.found.push(found);
                }
                Change::FoundNoMore(_, id) => stored.found.retain(|known| known.provider_id != id),
                Change::Event(_) => {}
                Change::Command(command) => stored.commands.push(command),
            }
        }
        stored.fleet.time = stored.fleet.time.max(batch.at);
    }
}

/// Decides what befalls a request.
pub(crate) type Fates = Box<dyn FnMut(&Effect) -> Fate>;

pub(crate) struct World {
    pub(crate) machine: Reconciler,
    pub(crate) cloud: Cloud,
    pub(crate) disk: Disk,
    pub(crate) config: Config,
    pub(crate) now: Time,
    pub(crate) events: Vec<Event>,
    pub(crate) replies: VecDeque<(CommandId, Reply)>,
    pub(crate) fates: Fates,
    pub(crate) latency: u64,
    /// Effects on their way, and the moment at which they arrive.
    pending: VecDeque<(Time, Effect)>,
    commands: u64,
    seed: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(config(), Disk::new(1))
    }

    pub(crate) fn with(config: Config, disk: Disk) -> Self {
        let now = Time::from_millis(1_000_000);
        Self {
            machine: boot(&config, &disk, 1, now),
            cloud: Cloud::default(),
            disk,
            config,
            now,
            events: Vec::new(),
            replies: VecDeque::new(),
            fates: Box::new(|_| Fate::Answer),
            latency: 200,
            pending: VecDeque::new(),
            commands: 0,
            seed: 1,
        }
    }

    /// Kills the process and starts another one: what was not on the disk is forgotten, what was sent may arrive.
    pub(crate) fn crash(&mut self) {
        self.seed += 1;
        self.machine = boot(&self.config, &self.disk, self.seed, self.now);
        // Requests that left before the crash still arrive; their answers find nobody.
        for (_, effect) in std::mem::take(&mut self.pending) {
            let fate = (self.fates)(&effect);
            self.cloud.execute(&effect, fate, self.now);
        }
        self.replies.clear();
        self.drain();
    }

    pub(crate) fn command(&mut self, action: Action) -> Reply {
        self.commands += 1;
        let id = CommandId::new(format!("command {}", self.commands)).unwrap();
        self.tell(Input::Command(Command { id: id.clone(), action }));
        self.drain();
        let at = self
            .replies
            .iter()
            .position(|(known, _)| *known == id)
            .expect("a command is answered once durable");
        self.replies.remove(at).expect("it was just found").1
    }

    pub(crate) fn ensure(&mut self, count: u32) -> Done {
        self.command(Action::Ensure { server_type: type_name(), count }).expect("the type is known")
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.machine.handle_input(input, self.now);
    }

    /// Does everything that the machine wants by now.
    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Persist(batch) => {
                    self.disk.append(&batch);
                    self.tell(Input::Persisted(batch.seq));
                }
                Output::Prepare(prepare) => {
                    let name = format!("dynamic-server-{}-{}", prepare.server_type, prepare.server);
                    let spec = Arc::new(Spec::new(serde_json::json!({"plan": "small"})));
                    self.tell(Input::Prepared {
                        server: prepare.server,
                        result: Ok(Prepared { name, spec }),
                    });
                }
                Output::Execute(effect) => {
                    self.pending.push_back((self.now + Duration::from_millis(self.latency), effect));
                }
                Output::Notify(event) => self.events.push(event),
                Output::Reply { command, reply } => self.replies.push_back((command, reply)),
                other => panic!("unknown output {other:?}"),
            }
        }
    }

    /// Goes to the next moment at which anything happens, at most to `until`.
    pub(crate) fn step(&mut self, until: Time) {
        self.drain();
        let arrival = self.pending.iter().map(|(at, _)| *at).min();
        let wakeup = self.machine.poll_timeout().map(|wakeup| wakeup.at);
        let next = [arrival, wakeup].into_iter().flatten().min().unwrap_or(until).min(until);
        self.now = self.now.max(next);
        self.cloud.advance(self.now);
        while let Some(at) = self.pending.iter().position(|(at, _)| *at <= self.now) {
            let (_, effect) = self.pending.remove(at).expect("it was just found");
            let fate = (self.fates)(&effect);
            let completion = self.cloud.execute(&effect, fate, self.now);
            self.tell(Input::Completed { effect: effect.id, completion });
            self.drain();
        }
        self.machine.handle_timeout(self.now);
        self.drain();
        self.check_safety();
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let until = self.now + duration;
        let mut steps = 0_u32;
        while self.now < until {
            let before = self.now;
            self.step(until);
            steps = if self.now == before { steps + 1 } else { 0 };
            assert!(steps < 10_000, "time stands still at {}", self.now);
        }
    }

    pub(crate) fn run_seconds(&mut self, seconds: u64) {
        self.run_for(Duration::from_secs(seconds));
    }

    /// What must hold in every moment, whatever happened.
    pub(crate) fn check_safety(&self) {
        assert_eq!(self.cloud.harmed_strangers, 0, "a stranger was touched");
        let mut tokens = std::collections::BTreeSet::new();
        for (key, server) in self.cloud.living() {
            if let Some(token) = server.labels.token {
                assert!(tokens.insert(token), "server {key} bears a token twice");
            }
        }
        let views = self.machine.view(self.now);
        for (name, view) in &views.types {
            let counted: u32 = view.counts.values().sum();
            let counts = |record: &&ServerRecord| record.server_type == *name && !record.disowned;
            let kept = self.machine.ledger().servers().filter(counts).count();
            assert_eq!(counted as usize, kept, "the counters of {name} drifted");
        }
    }

    pub(crate) fn count(&self, status: Status) -> u32 {
        self.machine.ledger().count(&type_name(), status)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.machine.view(self.now).types.get(&type_name()).is_none_or(|view| view.settled)
    }

    /// Lets the faults stop, and demands that everything comes to rest: the count reached, nothing leaked, silence.
    pub(crate) fn converge(&mut self, desired: usize) {
        self.fates = Box::new(|_| Fate::Answer);
        self.run_for(Duration::from_secs(6 * 3_600));
        assert!(self.is_settled(), "not settled: {:#?}", self.machine.view(self.now));
        self.check_agreement(desired);
        self.check_silence();
    }

    /// Provider and ledger say the same.
    pub(crate) fn check_agreement(&self, desired: usize) {
        let ids: Vec<String> = self.cloud.living().map(|(key, _)| key.to_string()).collect();
        let known: Vec<String> = self
            .machine
            .ledger()
            .servers()
            .filter(|record| record.status == Status::Running)
            .filter_map(|record| record.provider_id.as_ref().map(|id| id.as_str().to_owned()))
            .collect();
        let mut known = known;
        known.sort_by_key(|id| id.parse::<u64>().unwrap());
        assert_eq!(ids, known, "what lives at the provider is what the ledger says runs");
        assert_eq!(ids.len(), desired);
    }

    /// Nothing is asked but the periodic look.
    pub(crate) fn check_silence(&mut self) {
        let before = self.cloud.calls.clone();
        self.run_for(Duration::from_secs(3_600));
        for (name, calls) in &self.cloud.calls {
            let more = calls - before.get(name).copied().unwrap_or(0);
            let allowed = if *name == "look" { 13 } else { 0 };
            assert!(more <= allowed, "{more} calls of {name} in an hour of rest");
        }
    }

    pub(crate) fn events_named(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event.kind.name() == name).count()
    }

    pub(crate) fn ids(&self, status: Status) -> Vec<ServerId> {
        self.machine
            .ledger()
            .servers()
            .filter(|record| record.status == status)
            .map(|record| record.id)
            .collect()
    }

    pub(crate) fn told(&self, wanted: impl Fn(&EventKind) -> bool) -> bool {
        self.events.iter().any(|event| wanted(&event.kind))
    }
}

fn boot(config: &Config, disk: &Disk, seed: u64, now: Time) -> Reconciler {
    let ledger = Ledger::restore(disk.stored.clone());
    assert_eq!(ledger.contradictions(config), []);
    Reconciler::new(config.clone(), ledger, seed, now)
}
