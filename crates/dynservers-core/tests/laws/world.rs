//! A world in virtual time: the real machine, a cloud, a store that keeps what it was given, and crashes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Action, Command, CommandId, Config, Done, Effect, Event, EventKind, Failure, FleetName, Input, Ledger,
    Output, Prepared, ProviderConfig, ProviderName, Reconciler, Reply, ServerId, ServerRecord, Spec, Status,
    Time, Timing, TypeConfig, TypeName,
};

use crate::cloud::{Cloud, Fate};
pub(crate) use crate::disk::Disk;
use crate::workers::{AskFate, Workers};

pub(crate) fn type_name() -> TypeName {
    TypeName::new("default").unwrap()
}

pub(crate) fn provider_name() -> ProviderName {
    ProviderName::new("cloud").unwrap()
}

pub(crate) fn config() -> Config {
    let server_type = TypeConfig::new(provider_name(), 1_000);
    Config {
        fleet: FleetName::new("fleet").unwrap(),
        timing: Timing::default(),
        providers: BTreeMap::from([(
            provider_name(),
            ProviderConfig { max_servers_in_account: None, ..ProviderConfig::default() },
        )]),
        server_types: BTreeMap::from([(type_name(), server_type)]),
        retired_types: std::collections::BTreeSet::new(),
        shadow: false,
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
    /// Whether the host never tells what became of a request.
    pub(crate) is_unheard: fn(&Effect) -> bool,
    pub(crate) latency: u64,
    /// How many requests of each kind the machine sent.
    pub(crate) sent: BTreeMap<&'static str, u32>,
    /// How many outputs were taken.
    pub(crate) outputs: u64,
    /// At which output the process dies, and whether what was put out still takes effect.
    pub(crate) death: Option<(u64, bool)>,
    /// Whether the host fails to render what it is asked to prepare.
    pub(crate) broken_template: bool,
    /// How often it was asked.
    pub(crate) prepares: u32,
    /// The most servers that were wanted so far.
    pub(crate) most_wanted: u32,
    /// Whether a listing is never later than the machine was told.
    pub(crate) is_lag_honest: bool,
    /// How long the answer to a create takes besides.
    pub(crate) answer_delay: u64,
    pub(crate) workers: Workers,
    /// What new servers are made from.
    pub(crate) plan: &'static str,
    /// How many batches were written.
    pub(crate) writes: u64,
    /// Answers on their way.
    pub(crate) answers: VecDeque<(u64, Time, Input)>,
    /// Effects on their way: the process that sent each, and the moment at which it arrives.
    pending: VecDeque<(u64, Time, Effect)>,
    commands: u64,
    /// Which process this is, and its seed.
    pub(crate) process: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(config(), Disk::new(1))
    }

    /// A world at rest with so many running servers.
    pub(crate) fn running(config: Config, count: u32) -> Self {
        let mut world = Self::with(config, Disk::new(1));
        world.run_seconds(5);
        world.ensure(count);
        world.converge(count as usize);
        world
    }

    pub(crate) fn with(config: Config, disk: Disk) -> Self {
        let now = Time::from_millis(1_000_000);
        let most_wanted = config.server_types.values().map(|config| config.min).sum();
        Self {
            machine: boot(&config, &disk, 1, now),
            cloud: Cloud::default(),
            disk,
            config,
            now,
            events: Vec::new(),
            replies: VecDeque::new(),
            fates: Box::new(|_| Fate::Answer),
            is_unheard: |_| false,
            latency: 200,
            sent: BTreeMap::new(),
            outputs: 0,
            death: None,
            broken_template: false,
            prepares: 0,
            most_wanted,
            is_lag_honest: true,
            answer_delay: 0,
            workers: Workers::default(),
            plan: "small",
            writes: 0,
            answers: VecDeque::new(),
            pending: VecDeque::new(),
            commands: 0,
            process: 1,
        }
    }

    /// Kills the process and starts another one: what was not on the disk is forgotten, what was sent still arrives,
    /// and its answer finds nobody.
    pub(crate) fn crash(&mut self) {
        self.process += 1;
        self.machine = boot(&self.config, &self.disk, self.process, self.now);
        self.replies.clear();
        self.drain();
    }

    /// Lets everything that is on its way arrive as late as it may.
    pub(crate) fn delay_pending(&mut self) {
        for (_, arrival, effect) in &mut self.pending {
            *arrival = effect.not_after;
        }
    }

    /// Says something until it is answered, as a client does that outlives the daemon.
    #[expect(clippy::needless_pass_by_value, reason = "a wish is made to be said")]
    pub(crate) fn command(&mut self, action: Action) -> Reply {
        self.commands += 1;
        let key = format!("command {}", self.commands);
        (0..3)
            .find_map(|_| self.command_as(&key, action.clone()))
            .expect("a command is answered once durable")
    }

    /// Says something once under a key, and gives the answer if there is one.
    pub(crate) fn command_as(&mut self, key: &str, action: Action) -> Option<Reply> {
        let id = CommandId::new(key).unwrap();
        self.tell(Input::Command(Command { id: id.clone(), action }));
        self.drain();
        let at = self.replies.iter().position(|(known, _)| *known == id)?;
        self.replies.remove(at).map(|(_, reply)| reply)
    }

    pub(crate) fn ensure(&mut self, count: u32) -> Done {
        self.command(Action::Ensure { server_type: type_name(), count }).expect("the type is known")
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.machine.handle_input(input, self.now);
        let desired = self.machine.view(self.now).types.get(&type_name()).and_then(|view| view.desired);
        self.most_wanted = self.most_wanted.max(desired.unwrap_or(0));
    }

    /// Does everything that the machine wants by now, unless it dies of it.
    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            self.outputs += 1;
            if let Some((at, is_done)) = self.death
                && at == self.outputs
            {
                self.death = None;
                if is_done {
                    self.take_effect(output);
                }
                self.crash();
                return;
            }
            if let Some(input) = self.take_effect(output) {
                self.tell(input);
            }
        }
    }

    /// Does one thing, and gives what the machine is told of it at once.
    pub(crate) fn take_effect(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Persist(batch) => {
                self.disk.append(&batch);
                self.note_unspared(&batch);
                self.writes += 1;
                return Some(Input::Persisted(batch.seq));
            }
            Output::Prepare(prepare) => {
                let name = format!("dynamic-server-{}-{}", prepare.server_type, prepare.server);
                let spec = Arc::new(Spec::new(serde_json::json!({"plan": self.plan})));
                let result = if self.broken_template {
                    Err(Failure::new("the template is broken"))
                } else {
                    Ok(Prepared { name, spec })
                };
                self.prepares += 1;
                assert!(self.prepares < 100_000, "a template is asked for without end");
                return Some(Input::Prepared { server: prepare.server, result });
            }
            Output::Execute(effect) => {
                let record = effect.server.and_then(|id| self.machine.ledger().server(id));
                let is_left = record.is_some_and(|record| record.disowned);
                assert!(effect.op.is_read() || !is_left, "a server that lost our label is touched");
                self.check_mercy(&effect);
                *self.sent.entry(effect.op.name()).or_default() += 1;
                let arrival = self.now + Duration::from_millis(self.latency);
                self.pending.push_back((self.process, arrival, *effect));
            }
            Output::Ask(ask) => self.hear(&ask),
            Output::Notify(event) => self.events.push(Arc::unwrap_or_clone(event)),
            Output::Reply { command, reply } => self.replies.push_back((command, reply)),
            other => panic!("unknown output {other:?}"),
        }
        None
    }

    /// Goes to the next moment at which anything happens, at most to `until`.
    pub(crate) fn step(&mut self, until: Time) {
        self.drain();
        let arrivals = self.pending.iter().map(|(_, at, _)| *at);
        let arrival = arrivals.chain(self.answers.iter().map(|(_, at, _)| *at)).min();
        let wakeup = self.machine.poll_timeout().map(|wakeup| wakeup.at);
        let next = [arrival, wakeup].into_iter().flatten().min().unwrap_or(until).min(until);
        self.now = self.now.max(next);
        self.cloud.advance(self.now);
        while let Some(at) = self.pending.iter().position(|(_, at, _)| *at <= self.now) {
            let (process, _, effect) = self.pending.remove(at).expect("it was just found");
            let fate = (self.fates)(&effect);
            let completion = self.cloud.execute(&effect, fate, self.now);
            if (self.is_unheard)(&effect) {
                continue;
            }
            let delay = if effect.op.name() == "create" { self.answer_delay } else { 0 };
            let arrival = self.now + Duration::from_millis(delay);
            self.answers.push_back((process, arrival, Input::Completed { effect: effect.id, completion }));
        }
        while let Some(at) = self.answers.iter().position(|(_, at, _)| *at <= self.now) {
            let (process, _, answer) = self.answers.remove(at).expect("it was just found");
            if process == self.process {
                self.tell(answer);
                self.drain();
            }
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
        self.check_excess();
        let views = self.machine.view(self.now);
        for (name, view) in &views.types {
            let counted: u32 = view.counts.values().sum();
            let counts = |record: &&ServerRecord| {
                record.server_type == *name && !(record.disowned && record.status != Status::Deleted)
            };
            let kept = self.machine.ledger().servers().filter(counts).count();
            assert_eq!(counted as usize, kept, "the counters of {name} drifted");
        }
    }

    /// No more live than were ever wanted, but for those that the ledger knows to be on their way out or failed.
    fn check_excess(&self) {
        let is_extra = |record: &&ServerRecord| {
            record.provider_id.is_some()
                && record.status != Status::Deleted
                && (record.removal.is_some() || matches!(record.status, Status::Hanging | Status::Errored))
        };
        let extra = self.machine.ledger().servers().filter(is_extra).count();
        let living = self.cloud.count();
        assert!(
            !self.is_lag_honest || living <= self.most_wanted as usize + extra,
            "{living} live, {} were wanted and {extra} are going or failed at {}",
            self.most_wanted,
            self.now,
        );
    }

    /// Lets each request that is chosen meet this fate, and all others be answered.
    pub(crate) fn fate(&mut self, fate: Fate, mut chosen: impl FnMut(&Effect) -> bool + 'static) {
        self.fates = Box::new(move |effect| if chosen(effect) { fate } else { Fate::Answer });
    }

    /// Gives how many requests of a kind the machine sent.
    pub(crate) fn sent(&self, name: &str) -> u32 {
        self.sent.get(name).copied().unwrap_or(0)
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
        self.workers.fates = Box::new(|_| AskFate::Answer);
        self.run_for(Duration::from_secs(6 * 3_600));
        assert!(self.is_settled(), "not settled: {:#?}", self.machine.view(self.now));
        self.check_agreement(desired);
        self.check_silence();
    }

    /// Provider and ledger say the same.
    pub(crate) fn check_agreement(&self, desired: usize) {
        let ids: Vec<String> = self.cloud.living().map(|(key, _)| key.to_string()).collect();
        let running = |record: &&ServerRecord| record.status == Status::Running && !record.disowned;
        let records = self.machine.ledger().servers().filter(running);
        let mut known: Vec<String> = records
            .filter_map(|record| record.provider_id.as_ref().map(|id| id.as_str().to_owned()))
            .collect();
        known.sort_by_key(|id| id.parse::<u64>().unwrap());
        assert_eq!(ids, known, "what lives at the provider is what the ledger says runs");
        assert_eq!(ids.len(), desired);
    }

    /// Nothing is asked but the periodic look.
    pub(crate) fn check_silence(&mut self) {
        let before = self.cloud.calls.clone();
        self.run_for(Duration::from_secs(3_600));
        // Pages overlap by one.
        let pages = self.cloud.count().div_ceil(self.cloud.habits.page_size - 1).max(1);
        for (name, calls) in &self.cloud.calls {
            let more = calls - before.get(name).copied().unwrap_or(0);
            let allowed = match *name {
                "look" => 13 * pages,
                // Only that shows what became of a server that lost our label.
                "inspect" => 13 * self.machine.ledger().servers().filter(|record| record.disowned).count(),
                _ => 0,
            };
            assert!(more as usize <= allowed, "{more} calls of {name} in an hour of rest");
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
