//! The machine's face: routes what it is told, and lets out what is durable.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::ask::Answer;
use crate::config::{Config, DEFAULT_STOP_TIMEOUT, FailedPolicy, ProviderConfig};
use crate::demand::Demand;
use crate::effect::Failure;
use crate::event::EventKind;
use crate::gate::Gate;
use crate::ids::{EffectId, ProviderName, ServerId, TypeName};
use crate::index::entry;
use crate::inflight::InFlight;
use crate::input::Input;
use crate::ledger::Ledger;
use crate::output::{Output, Prepare};
use crate::plan::{self, Terms, Turn, Verdict};
use crate::provider::Provider;
use crate::record::{Phase, Reboot, ServerRecord};
use crate::rng::Rng;
use crate::status::Status;
use crate::time::Time;
use crate::touched::Touched;

/// The reconciler: told what happened, it says what to do.
///
/// It knows no clock, socket, file, thread or random source. See the crate's documentation for the loop that drives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciler {
    pub(crate) config: Config,
    pub(crate) ledger: Ledger,
    pub(crate) rng: Rng,
    pub(crate) now: Time,
    pub(crate) gate: Gate,
    pub(crate) flights: InFlight,
    pub(crate) providers: BTreeMap<ProviderName, Provider>,
    pub(crate) touched_providers: Touched<ProviderName>,
    /// New servers with a name and a specification, waiting to be created.
    pub(crate) prepared: BTreeMap<TypeName, BTreeSet<ServerId>>,
    /// New servers for which the host could give neither, to be asked about again.
    pub(crate) unprepared: BTreeMap<TypeName, BTreeSet<ServerId>>,
    /// Measurements that wait for their type's provider to be seen.
    pub(crate) measured: BTreeMap<TypeName, Demand>,
    /// Types whose workers are being asked how busy they are, and since when.
    pub(crate) scoring: BTreeMap<TypeName, Time>,
    /// Types that a command spoke of since the start.
    pub(crate) commanded: BTreeSet<TypeName>,
    /// The types whose operator's number began or ended just now, and what was desired before.
    pub(crate) overridden: BTreeMap<TypeName, Option<u32>>,
    pub(crate) timers: BTreeSet<(Time, Timer)>,
    /// Each type's entry among the timers.
    pub(crate) type_wakes: BTreeMap<TypeName, Time>,
    /// When this process began.
    pub(crate) started: Time,
    pub(crate) is_shutting_down: bool,
}

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Flight(EffectId),
    Provider(ProviderName),
    Type(TypeName),
    Server(ServerId),
}

/// When to call [`Reconciler::handle_timeout`], and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wakeup {
    /// When.
    pub at: Time,
    /// What for.
    pub reason: WakeReason,
}

/// What the machine waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WakeReason {
    /// An answer is overdue.
    Answer(EffectId),
    /// A look, or a request that had to wait.
    Provider(ProviderName),
    /// A type's backoff ends.
    Type(TypeName),
    /// A deadline of a server.
    Server(ServerId),
}

impl Reconciler {
    /// Makes the machine from its configuration and a restored ledger.
    ///
    /// The caller has refused what [`Ledger::contradictions`] finds. The seed makes tokens: random in life, fixed in
    /// a simulation. `now` must not be earlier than the ledger's own time; the later of the two counts.
    #[must_use]
    pub fn new(mut config: Config, mut ledger: Ledger, seed: u64, now: Time) -> Self {
        config.share_names();
        ledger.share_names(&config);
        let now = now.max(ledger.fleet().time);
        let providers = config.providers.keys().map(|name| (name.clone(), Provider::default())).collect();
        let mut machine = Self {
            touched_providers: Touched::default(),
            config,
            ledger,
            rng: Rng::new(seed),
            now,
            gate: Gate::default(),
            flights: InFlight::default(),
            providers,
            prepared: BTreeMap::new(),
            unprepared: BTreeMap::new(),
            started: now,
            type_wakes: BTreeMap::new(),
            commanded: BTreeSet::new(),
            overridden: BTreeMap::new(),
            measured: BTreeMap::new(),
            scoring: BTreeMap::new(),
            timers: BTreeSet::new(),
            is_shutting_down: false,
        };
        machine.pick_up();
        machine.settle();
        machine
    }

    /// Takes one piece of news. Time never goes back: an earlier `now` counts as the latest one.
    pub fn handle_input(&mut self, input: Input, now: Time) {
        self.now = self.now.max(now);
        match input {
            Input::Command(command) => self.handle_command(command),
            Input::Prepared { server, result } => self.handle_prepared(server, result),
            Input::Persisted(seq) => self.gate.persisted(seq),
            Input::Completed { effect, completion } => self.handle_completed(effect, completion),
            Input::Answered { server, question, answer } => self.handle_answered(server, question, answer),
            Input::Demand(demand) => self.handle_demand(demand),
            Input::Counted(result) => self.handle_counted(result),
            Input::Configure(config) => self.handle_configure(*config),
            Input::Shutdown => self.is_shutting_down = true,
        }
        self.settle();
    }

    /// Lets time pass. Early or repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        while let Some(timer) = pop_due(&mut self.timers, self.now) {
            match timer {
                Timer::Flight(effect) => self.handle_overdue(effect),
                Timer::Provider(name) => {
                    self.provider_mut(&name).wake = None;
                    self.touched_providers.insert(&name);
                }
                Timer::Type(name) => {
                    self.type_wakes.remove(&name);
                    self.ledger.touched_types.insert(&name);
                }
                Timer::Server(id) => {
                    self.ledger.update_live(id, |live| live.wake = None);
                    self.ledger.touched.insert(&id);
                }
            }
        }
        self.settle();
    }

    /// Gives the next thing to do, until there is none. May change after any input or timeout.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.gate.poll(&mut self.ledger, self.now)
    }

    /// Gives when to call [`Reconciler::handle_timeout`] next. May change after any input or timeout.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Wakeup> {
        let (at, timer) = self.timers.first()?;
        let reason = match timer {
            Timer::Flight(effect) => WakeReason::Answer(*effect),
            Timer::Provider(name) => WakeReason::Provider(name.clone()),
            Timer::Type(name) => WakeReason::Type(name.clone()),
            Timer::Server(id) => WakeReason::Server(*id),
        };
        Some(Wakeup { at: *at, reason })
    }

    /// Gives the ledger as it is now, durable or not.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Gives the configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether nothing is under way any more: after [`Input::Shutdown`], the moment to end.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.gate.is_empty() && !self.ledger.has_unsaved()
    }

    /// Takes up what a process before this one left: every intent may have been carried out.
    fn pick_up(&mut self) {
        for id in self.ledger.ids() {
            let Some(record) = self.ledger.server(id) else { continue };
            let phase = record.attempt.as_ref().map(|attempt| attempt.phase);
            if record.status == Status::New {
                self.prepare_or_drop(id);
            } else if phase == Some(Phase::Throttled) && self.provider_config(&record.provider).is_none() {
                // It did not happen, and there is nobody to ask again.
                self.unmake(id);
            } else if phase == Some(Phase::Issued) {
                self.doubt_attempt(id);
            }
            let is_unanswered = |reboot: &Reboot| reboot.accepted_at.is_none();
            if self.ledger.server(id).and_then(|record| record.reboot.as_ref()).is_some_and(is_unanswered) {
                let now = self.now;
                self.ledger.update(id, |record| {
                    record.reboot = record.reboot.map(|reboot| Reboot { accepted_at: Some(now), ..reboot });
                });
            }
            self.ledger.touched.insert(&id);
        }
        self.ledger.touched_types.extend(self.config.server_types.keys());
        self.touched_providers.extend(self.config.providers.keys());
    }

    /// The process that issued this attempt ended before it was answered. How long ago that was is the wall clock's word, which
    /// may have been put forward: the request counts as one that leaves at the latest a request's time from now.
    fn doubt_attempt(&mut self, id: ServerId) {
        let Some(name) = self.ledger.server(id).map(|record| record.provider.clone()) else { return };
        let latest = self.now + self.request_timeout(&name);
        self.ledger.update(id, |record| {
            set_phase(record, Phase::Uncertain);
            if let Some(attempt) = &mut record.attempt {
                attempt.not_after = attempt.not_after.max(latest);
            }
        });
    }

    /// Brings everything that was touched to rest: servers, then types, then providers, until nothing moves.
    fn settle(&mut self) {
        loop {
            if let Some(id) = self.ledger.touched.pop_first() {
                self.step_server(id);
            } else if let Some(name) = self.ledger.touched_types.pop_first() {
                self.step_type(&name);
            } else if let Some(name) = self.touched_providers.pop_first() {
                self.step_provider(&name);
            } else {
                return;
            }
        }
    }

    fn step_server(&mut self, id: ServerId) {
        let Some(server) = self.ledger.get(id) else { return };
        let provider = server.record.provider.clone();
        let (wake, was_queued) = (server.live.wake, server.live.is_queued);
        let is_over = self.now >= server.record.status_since + self.config.timing.retention;
        let Some(terms) = self.terms(&server.record) else {
            // Its provider is not configured: nothing can be asked, and only time can pass.
            if server.record.status == Status::Deleted && is_over {
                self.ledger.forget(id);
            }
            return;
        };
        let verdict = plan::plan(server, &terms);
        let is_queued = matches!(verdict, Verdict::Do(_));
        let queues = self.provider_mut(&provider);
        if was_queued {
            queues.to_read.remove(&id);
            queues.to_change.remove(&id);
        }
        let mut next_wake = None;
        match verdict {
            Verdict::Rest(until) => next_wake = until,
            Verdict::Do(task) => {
                if task.is_read() {
                    queues.to_read.insert(id);
                } else {
                    queues.to_change.insert(id);
                }
            }
            Verdict::Ask(question) => self.ask(id, question),
            Verdict::Become(turn) => self.turn(id, turn),
        }
        self.touched_providers.insert(&provider);
        if wake != next_wake || was_queued != is_queued {
            self.ledger.update_live(id, |live| (live.wake, live.is_queued) = (next_wake, is_queued));
        }
        if wake != next_wake {
            if let Some(at) = wake {
                self.timers.remove(&(at, Timer::Server(id)));
            }
            if let Some(at) = next_wake {
                self.timers.insert((at, Timer::Server(id)));
            }
        }
    }

    /// Gives what a plan for a server depends on, if its provider is configured.
    pub(crate) fn terms(&self, record: &ServerRecord) -> Option<Terms<'_>> {
        let config = self.config.server_types.get(&record.server_type);
        Some(Terms {
            now: self.now,
            confirmed: self.provider(&record.provider).and_then(|live| live.confirmed),
            timing: &self.config.timing,
            provider: self.config.providers.get(&record.provider)?,
            stop_timeout: config.map_or(DEFAULT_STOP_TIMEOUT, |config| config.stop_timeout),
            on_failed: config.map_or(FailedPolicy::Delete, |config| config.on_failed),
            drain: config.and_then(|config| config.drain),
            learned: self.ledger.fleet().types.get(&record.server_type).map(|record| &record.learned),
        })
    }

    fn turn(&mut self, id: ServerId, turn: Turn) {
        match turn {
            Turn::Unmade => self.unmake(id),
            Turn::Hanging => {
                self.move_server(id, Status::Hanging, EventKind::Hanging);
            }
            Turn::GivenUp => self.give_up(id),
            Turn::Doomed => self.let_failed_go(id),
            Turn::Draining => self.begin_drain(id),
            Turn::Unanswered(question) => {
                let failure = Failure::new("its worker gave no answer in time");
                self.handle_answered(id, question, Answer::Silent(failure));
            }
            Turn::Ended => self.end_server(id),
            Turn::Forgotten => self.ledger.forget(id),
        }
    }

    /// Asks the host what a new server is to be called and made from.
    pub(crate) fn ask_to_prepare(&mut self, id: ServerId) {
        let Some(record) = self.ledger.server(id) else { return };
        let server_type = record.server_type.clone();
        self.gate.send(Output::Prepare(Prepare { server: id, server_type }));
    }

    /// Moves a server to another status and tells of it.
    pub(crate) fn move_server(
        &mut self,
        id: ServerId,
        status: Status,
        tell: fn(crate::event::ServerEvent) -> EventKind,
    ) {
        self.change_and_move_server(id, status, tell, |_| ());
    }

    /// Changes a record, moves its server to another status, and tells of that.
    pub(crate) fn change_and_move_server(
        &mut self,
        id: ServerId,
        status: Status,
        tell: fn(crate::event::ServerEvent) -> EventKind,
        change: impl FnOnce(&mut ServerRecord),
    ) {
        let now = self.now;
        let told = self.ledger.update(id, |record| {
            change(record);
            record.move_to(status, now);
            record.tell()
        });
        if let Some(told) = told {
            self.notify(tell(told));
        }
    }

    /// Writes an event and tells of it once it is durable.
    pub(crate) fn notify(&mut self, kind: EventKind) {
        let event = self.ledger.log(kind, self.now);
        self.gate.send_after_write(Output::Notify(event));
    }

    /// Gives what is known of a provider. One that is not configured is known of, and nothing more.
    pub(crate) fn provider_mut(&mut self, name: &ProviderName) -> &mut Provider {
        entry(&mut self.providers, name)
    }

    pub(crate) fn provider_config(&self, name: &ProviderName) -> Option<&ProviderConfig> {
        self.config.providers.get(name)
    }
}

/// Sets how far a record's attempt is.
pub(crate) fn set_phase(record: &mut ServerRecord, phase: Phase) {
    if let Some(attempt) = &mut record.attempt {
        attempt.phase = phase;
    }
}

/// Takes a timer that is due off a queue.
fn pop_due(timers: &mut BTreeSet<(Time, Timer)>, now: Time) -> Option<Timer> {
    if timers.first()?.0 <= now { timers.pop_first().map(|(_, timer)| timer) } else { None }
}
