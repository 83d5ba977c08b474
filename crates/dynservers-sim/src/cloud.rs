//! A cloud in memory: servers that take their time by a clock that a test may move, and that can go wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dynservers_core::{
    Account, Completion, CreateFromSnapshot, Effect, Executor, Failure, FoundLabels, Observed, Op, Outcome,
    Page, ProviderId, ProviderState, Reason, Seam, Time, Token,
};

/// How long things take in a [`SimulatedCloud`]. The defaults are those of a small and healthy cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durations {
    /// From an accepted create to a server that runs.
    pub create: Duration,
    /// From a stop to a server that is stopped.
    pub stop: Duration,
    /// From a reboot to a server that runs again.
    pub reboot: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            create: Duration::from_secs(30),
            stop: Duration::from_secs(10),
            reboot: Duration::from_secs(15),
        }
    }
}

/// What goes wrong with a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server is made, and nobody is told.
    LostAnswer,
    /// There is no room: nothing is made.
    NoCapacity,
    /// The server is made and ends in the provider's own error state.
    Broken,
    /// The server is made and never comes up.
    Stuck,
}

/// A server as the cloud has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedServer {
    /// Its id.
    pub id: ProviderId,
    /// Its name.
    pub name: String,
    /// What it was made from.
    pub spec: serde_json::Value,
    /// Its state now.
    pub state: ProviderState,
}

/// A cloud in memory. Clones are the same cloud.
///
/// It is as strict as clouds are: a running server must be stopped before it is deleted, and what is in the midst of
/// something is busy.
#[derive(Clone, Default)]
pub struct SimulatedCloud(Arc<Mutex<State>>);

impl fmt::Debug for SimulatedCloud {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SimulatedCloud").field("servers", &self.state().servers.len()).finish()
    }
}

#[derive(Default)]
struct State {
    durations: Durations,
    servers: BTreeMap<ProviderId, Machine>,
    made: u64,
    most: usize,
    troubles: Vec<Trouble>,
    calls: BTreeMap<&'static str, u64>,
}

struct Machine {
    name: String,
    spec: serde_json::Value,
    labels: FoundLabels,
    state: ProviderState,
    /// What it will be, and when.
    next: Option<(Time, ProviderState)>,
}

impl Machine {
    fn at(&mut self, now: Time) -> ProviderState {
        if let Some((_, state)) = self.next.take_if(|(at, _)| *at <= now) {
            self.state = state;
        }
        self.state
    }

    fn begin(&mut self, until: Time, state: ProviderState) {
        self.state = ProviderState::InProgress;
        self.next = Some((until, state));
    }

    fn observed(&mut self, id: &ProviderId, now: Time) -> Observed {
        Observed {
            provider_id: id.clone(),
            name: self.name.clone(),
            labels: self.labels.clone(),
            state: self.at(now),
            addresses: Vec::new(),
        }
    }
}

impl SimulatedCloud {
    /// Makes an empty cloud in which things take so long.
    #[must_use]
    pub fn new(durations: Durations) -> Self {
        let cloud = Self::default();
        cloud.state().durations = durations;
        cloud
    }

    /// Has the next creates go wrong, one each, in this order.
    pub fn spoil(&self, troubles: impl IntoIterator<Item = Trouble>) {
        let mut state = self.state();
        state.troubles.extend(troubles);
    }

    /// Gives every server as it was when anybody last asked.
    #[must_use]
    pub fn servers(&self) -> Vec<SimulatedServer> {
        let state = self.state();
        let seen = state.servers.iter().map(|(id, machine)| SimulatedServer {
            id: id.clone(),
            name: machine.name.clone(),
            spec: machine.spec.clone(),
            state: machine.state,
        });
        seen.collect()
    }

    /// Gives how many servers were ever made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.state().made
    }

    /// Gives how many servers there ever were at once.
    #[must_use]
    pub fn most(&self) -> usize {
        self.state().most
    }

    /// Gives how often an operation was asked for, by its short name.
    #[must_use]
    pub fn calls(&self, op: &str) -> u64 {
        self.state().calls.get(op).copied().unwrap_or_default()
    }

    /// Takes a server away behind everybody's back.
    pub fn lose(&self, id: &ProviderId) {
        self.state().servers.remove(id);
    }

    /// Makes somebody who does effects here, by this clock.
    pub fn executor(&self, now: impl Fn() -> Time + Send + Sync + 'static) -> SimulatedExecutor {
        SimulatedExecutor { cloud: self.clone(), now: Box::new(now) }
    }

    /// Whoever panicked while it was locked was a test of its own.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does the effects of a [`SimulatedCloud`].
pub struct SimulatedExecutor {
    cloud: SimulatedCloud,
    now: Box<dyn Fn() -> Time + Send + Sync>,
}

impl fmt::Debug for SimulatedExecutor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SimulatedExecutor").field("cloud", &self.cloud).finish_non_exhaustive()
    }
}

impl Executor for SimulatedExecutor {
    fn execute(&self, effect: &Effect) -> Completion {
        let now = (self.now)();
        if now > effect.not_after {
            return Outcome::Unsent(Failure::new("its time had passed before it could be sent")).into();
        }
        self.cloud.state().execute(&effect.op, now).into()
    }
}

impl State {
    fn execute(&mut self, op: &Op, now: Time) -> Outcome {
        *self.calls.entry(op.name()).or_default() += 1;
        for machine in self.servers.values_mut() {
            machine.at(now);
        }
        match op {
            Op::Check | Op::Account => Outcome::Account(Account {
                total: Some(self.servers.len() as u64),
                limit: None,
                identity: Some("simulated".to_owned()),
            }),
            Op::Look => self.page(now, |labels| labels.fleet.is_some()),
            Op::Find(token) => self.page(now, |labels| labels.token == Some(*token)),
            Op::Inspect(id) => match self.servers.get_mut(id) {
                Some(machine) => Outcome::Inspected(machine.observed(id, now)),
                None => absent(id),
            },
            Op::CreateFromSnapshot(wanted) => self.create(wanted, now),
            Op::Stop { provider_id, .. } => {
                let until = now + self.durations.stop;
                self.change(provider_id, ProviderState::Running, |machine| {
                    machine.begin(until, ProviderState::Stopped);
                })
            }
            Op::Reboot { provider_id, .. } => {
                let until = now + self.durations.reboot;
                self.change(provider_id, ProviderState::Running, |machine| {
                    machine.begin(until, ProviderState::Running);
                })
            }
            Op::Delete { provider_id, .. } => {
                let deleted = self.change(provider_id, ProviderState::Stopped, |_| {});
                if deleted == Outcome::Accepted {
                    self.servers.remove(provider_id);
                }
                deleted
            }
            _ => Outcome::Refused(Reason::Invalid, Failure::new("there is no such operation here")),
        }
    }

    fn page(&mut self, now: Time, is_wanted: impl Fn(&FoundLabels) -> bool) -> Outcome {
        let wanted = self.servers.iter_mut().filter(|(_, machine)| is_wanted(&machine.labels));
        let servers: Vec<Observed> = wanted.map(|(id, machine)| machine.observed(id, now)).collect();
        let total = Some(servers.len() as u64);
        Outcome::Page(Page { servers, total, seam: Seam::Overlapping })
    }

    fn create(&mut self, wanted: &CreateFromSnapshot, now: Time) -> Outcome {
        let bears = |token: Token| self.servers.values().any(|machine| machine.labels.token == Some(token));
        if bears(wanted.labels.token) {
            return Outcome::Exists(Failure::new("a server of this token is there"));
        }
        let trouble = if self.troubles.is_empty() { None } else { Some(self.troubles.remove(0)) };
        if trouble == Some(Trouble::NoCapacity) {
            return Outcome::Refused(Reason::Capacity, Failure::new("there is no room"));
        }
        self.made += 1;
        let id = ProviderId::new(format!("simulated-{}", self.made)).expect("the id is valid");
        let mut machine = Machine {
            name: wanted.name.to_string(),
            spec: wanted.spec.body().clone(),
            labels: FoundLabels::from(&wanted.labels),
            state: ProviderState::InProgress,
            next: None,
        };
        let until = now + self.durations.create;
        match trouble {
            Some(Trouble::Stuck) => {}
            Some(Trouble::Broken) => machine.begin(until, ProviderState::Error),
            Some(Trouble::LostAnswer | Trouble::NoCapacity) | None => {
                machine.begin(until, ProviderState::Running);
            }
        }
        let observed = machine.observed(&id, now);
        self.servers.insert(id, machine);
        self.most = self.most.max(self.servers.len());
        if trouble == Some(Trouble::LostAnswer) {
            return Outcome::Lost(Failure::new("the answer was lost"));
        }
        Outcome::Created(Box::new(observed))
    }

    /// Does something to a server that is in the state for it, or broken, or stuck.
    fn change(&mut self, id: &ProviderId, from: ProviderState, change: impl FnOnce(&mut Machine)) -> Outcome {
        let Some(machine) = self.servers.get_mut(id) else { return absent(id) };
        let is_stuck = machine.state == ProviderState::InProgress && machine.next.is_none();
        if machine.state == from || machine.state == ProviderState::Error || is_stuck {
            change(machine);
            return Outcome::Accepted;
        }
        if from == ProviderState::Running && machine.state == ProviderState::Stopped {
            return Outcome::Accepted;
        }
        Outcome::Refused(Reason::Busy, Failure::new(format!("the server is {}", machine.state.as_str())))
    }
}

fn absent(id: &ProviderId) -> Outcome {
    Outcome::Absent(Failure::new(format!("there is no server {id}")))
}
