//! A fleet that is driven by hand: the real machine before a cloud in memory, where all is done at once.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dynservers_core::{
    Action, Answer, Change, Command, CommandId, Config, Decision, DecisionQuery, Event, EventId,
    Executor as _, FleetName, FleetView, Input, Ledger, NoStore, Output, PolicyConfig, Prepared,
    ProviderConfig, ProviderName, Reconciler, Reply, ServerRecord, Spec, Store as _, Time, Timing,
    TypeConfig, TypeName,
};
use dynservers_sim::{Durations, SimulatedCloud};
use dynservers_tokio::{EventsError, Feed, Receiver, Snapshot};

use crate::api::fleet::{Fleet, Stopped};

/// When the story of every fleet begins.
const START: Time = Time::from_millis(1_750_000_000_000);
/// How many servers a type may have.
const MOST: u32 = 6;
/// How many events of late are kept for those who listen.
const KEPT: usize = 16;

/// A fleet of two types: `web`, of which a person says the number, and `jobs`, which has sources.
#[derive(Clone, Debug)]
pub(super) struct Driven(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    machine: Reconciler,
    cloud: SimulatedCloud,
    now: Time,
    log: Vec<Event>,
    live: Feed,
    replies: BTreeMap<CommandId, Reply>,
    told: usize,
}

impl Driven {
    /// Makes a fleet that has seen its cloud, and has two servers.
    pub(super) fn new() -> Self {
        let config = config();
        let stored = NoStore::new(config.fleet.clone()).load().expect("there is nothing to read");
        let mut state = State {
            machine: Reconciler::new(config, Ledger::restore(stored), 7, START),
            cloud: SimulatedCloud::new(Durations::default()),
            now: START,
            log: Vec::new(),
            live: Feed::new(KEPT),
            replies: BTreeMap::new(),
            told: 0,
        };
        state.pass(Duration::ZERO);
        state.say(Command {
            id: CommandId::new("first").expect("a word is a key"),
            action: Action::Ensure { server_type: name("web"), count: 2 },
        });
        state.pass(Duration::from_secs(120));
        Self(Arc::new(Mutex::new(state)))
    }

    /// Gives how many commands were said.
    pub(super) fn told(&self) -> usize {
        self.state().told
    }

    /// Checks what must hold whatever was asked for.
    pub(super) fn check(&self) {
        let state = self.state();
        for (server_type, view) in state.machine.view(state.now).types {
            assert!(view.desired.is_none_or(|desired| desired <= MOST), "too many {server_type} are wanted");
        }
        for server_type in ["web", "jobs"].map(name) {
            assert!(
                state.machine.ledger().provisioned(&server_type) <= MOST,
                "there are too many {server_type}"
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(name: &str) -> TypeName {
    TypeName::new(name).expect("a plain word")
}

fn config() -> Config {
    let provider = ProviderName::new("cloud").expect("a plain word");
    let jobs =
        TypeConfig { policy: Some(PolicyConfig::default()), ..TypeConfig::new(provider.clone(), MOST) };
    Config {
        fleet: FleetName::new("workers").expect("a plain word"),
        timing: Timing::default(),
        providers: BTreeMap::from([(provider.clone(), ProviderConfig::default())]),
        server_types: BTreeMap::from([(name("web"), TypeConfig::new(provider, MOST)), (name("jobs"), jobs)]),
        retired_types: [name("old")].into(),
        shadow: false,
    }
}

impl State {
    fn say(&mut self, command: Command) -> Option<Reply> {
        let id = command.id.clone();
        self.told += 1;
        self.machine.handle_input(Input::Command(command), self.now);
        self.drain();
        self.replies.remove(&id)
    }

    /// Lets time pass, and everything happen that happens in it.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        while let Some(wakeup) = self.machine.poll_timeout().filter(|wakeup| wakeup.at <= end) {
            self.now = self.now.max(wakeup.at);
            self.machine.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Does all that the machine wants at this moment.
    fn drain(&mut self) {
        let mut news = VecDeque::new();
        loop {
            while let Some(output) = self.machine.poll_output() {
                news.extend(self.carry_out(output));
            }
            let Some(input) = news.pop_front() else { return };
            self.machine.handle_input(input, self.now);
        }
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Persist(batch) => {
                let events = batch.changes.into_iter().filter_map(|change| match change {
                    Change::Event(event) => Some(Event::clone(&event)),
                    _ => None,
                });
                self.log.extend(events);
                Some(Input::Persisted(batch.seq))
            }
            Output::Prepare(prepare) => {
                let spec = Arc::new(Spec::new(serde_json::json!({ "plan": "small" })));
                let prepared = Prepared { name: format!("worker-{}", prepare.server), spec };
                Some(Input::Prepared { server: prepare.server, result: Ok(prepared) })
            }
            Output::Execute(effect) => {
                let now = self.now;
                let completion = self.cloud.executor(move || now).execute(&effect);
                Some(Input::Completed { effect: effect.id, completion })
            }
            Output::Ask(ask) => {
                let answer = Answer::Silent(dynservers_core::Failure::new("nobody is there"));
                Some(Input::Answered { server: ask.server, question: ask.question, answer })
            }
            Output::Notify(event) => {
                self.live.send(Arc::unwrap_or_clone(event));
                None
            }
            Output::Reply { command, reply } => {
                self.replies.insert(command, reply);
                None
            }
            _ => None,
        }
    }
}

impl Fleet for Driven {
    async fn command(&self, command: Command) -> Result<Reply, Stopped> {
        self.state().say(command).ok_or(Stopped)
    }

    async fn view(&self) -> Result<FleetView, Stopped> {
        let state = self.state();
        Ok(state.machine.view(state.now))
    }

    async fn servers(&self) -> Result<Vec<ServerRecord>, Stopped> {
        Ok(self.state().machine.ledger().servers().cloned().collect())
    }

    async fn events(&self, after: EventId, limit: usize) -> Result<Vec<Event>, EventsError> {
        Ok(self.state().log.iter().filter(|event| event.id > after).take(limit).cloned().collect())
    }

    async fn decisions(&self, _wish: DecisionQuery) -> Result<Vec<Decision>, EventsError> {
        Ok(Vec::new())
    }

    fn subscribe(&self) -> Receiver {
        self.state().live.subscribe()
    }

    fn metrics(&self) -> Snapshot {
        Snapshot::default()
    }
}
