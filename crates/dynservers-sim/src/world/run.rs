//! The world itself: the real machine, its host, its store and its clouds, in virtual time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use dynservers_core::{
    Action, CommandId, Config, Input, Output, Prepare, Prepared, ProviderName, Reply, ServerRecord, Spec,
    Status,
};

use super::cloud::{Cloud, TrueServer};
use super::evidence::Evidence;
use super::host::{Happening, Process};
use super::law::{self, Court, Law, Violation};
use super::setup::{Setup, provider};
use super::step::{Crash, Net, Shape};
use super::store::FaultyStore;
use super::trace::Trace;
use super::wire::Rule;
use super::workers::Workers;

/// When every world begins, in milliseconds of the wall clock.
const BEGINNING: u64 = 1_700_000_000_000;
/// The most that may happen at one moment.
const MOMENT: u32 = 20_000;

/// A world: one fleet, and everything that can happen to it.
pub struct World<C> {
    pub(crate) setup: Setup,
    pub(crate) config: Config,
    pub(crate) shape: Shape,
    pub(crate) clouds: Vec<C>,
    pub(crate) store: FaultyStore,
    pub(crate) process: Option<Process>,
    /// Real time, in milliseconds.
    pub(crate) now: u64,
    /// How far the wall clock is off, in milliseconds.
    pub(super) skew: i64,
    pub(super) queue: BTreeMap<(u64, u64), Happening>,
    queued: u64,
    pub(super) processes: u64,
    /// What each process draws its tokens from.
    pub(super) seeds: fastrand::Rng,
    pub(crate) net: Net,
    pub(crate) rules: Vec<Rule>,
    pub(crate) workers: Workers,
    /// At which output the process dies.
    pub(crate) death: Option<(u64, Crash)>,
    pub(crate) commands: u64,
    pub(crate) last_wish: Option<LastWish>,
    pub(crate) court: Court,
    /// Whether the credentials are those of another account.
    pub(crate) is_elsewhere: bool,
    pub(crate) evidence: Evidence,
    pub(crate) trace: Trace,
    violation: Option<Violation>,
    outputs: u64,
}

/// The last command, and what was answered, in the ledger that was there then.
#[derive(Clone, Debug)]
pub(crate) struct LastWish {
    pub(crate) id: CommandId,
    pub(crate) action: Action,
    pub(crate) reply: Option<Reply>,
    pub(crate) ledger: u32,
}

impl<C: Cloud> fmt::Debug for World<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("World")
            .field("now", &self.now)
            .field("setup", &self.setup)
            .finish_non_exhaustive()
    }
}

impl<C: Cloud> World<C> {
    /// Makes a world of this setup whose clouds are these, one for each provider, and starts its first process.
    #[must_use]
    pub fn new(setup: Setup, clouds: Vec<C>, seed: u64) -> Self {
        let setup = C::fitting(setup);
        let mut world = Self {
            config: setup.config(setup.shape),
            shape: setup.shape,
            setup,
            clouds,
            store: FaultyStore::new(),
            process: None,
            now: 0,
            skew: 0,
            queue: BTreeMap::new(),
            queued: 0,
            processes: 0,
            seeds: fastrand::Rng::with_seed(seed),
            net: Net::default(),
            rules: Vec::new(),
            workers: Workers::default(),
            death: None,
            commands: 0,
            last_wish: None,
            court: Court::default(),
            is_elsewhere: false,
            evidence: Evidence::default(),
            trace: Trace::default(),
            violation: None,
            outputs: 0,
        };
        world.start();
        world
    }

    /// Keeps a line for everything that happens from now on.
    pub fn trace(&mut self) {
        self.trace.begin();
    }

    /// Gives the lines that were kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.trace.lines()
    }

    /// Gives which rare paths were reached.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Gives how many outputs the machine put out.
    #[must_use]
    pub const fn outputs(&self) -> u64 {
        self.outputs
    }

    /// Gives what broke a law first, if anything did.
    pub fn verdict(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn violate(&mut self, law: Law, what: impl Into<String>) {
        self.judge(Err(Violation { law, what: what.into() }));
    }

    pub(super) fn judge(&mut self, judged: Result<(), Violation>) {
        if let (Err(violation), None) = (judged, &self.violation) {
            self.trace.note(self.now, || format!("BROKEN {violation}"));
            self.violation = Some(violation);
        }
    }

    /// Gives the wall clock.
    pub(super) fn wall(&self) -> u64 {
        BEGINNING.saturating_add(self.now).saturating_add_signed(self.skew)
    }

    pub(crate) fn queue(&mut self, at: u64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((at, self.queued), happening);
    }

    /// Gives everything that exists at all providers.
    pub(crate) fn servers(&self) -> Vec<TrueServer> {
        self.clouds.iter().flat_map(Cloud::servers).collect()
    }

    pub(crate) fn cloud_of(&mut self, name: &ProviderName) -> &mut C {
        let number = (0..self.setup.providers).find(|number| provider(*number) == *name).unwrap_or(0);
        &mut self.clouds[usize::from(number)]
    }

    /// Tells the machine something, if it is there.
    pub(crate) fn tell(&mut self, input: Input) {
        let Some(process) = &mut self.process else { return };
        let time = process.fleet_time(self.now);
        process.machine.handle_input(input, time);
        self.court.note_wanted(&process.machine);
    }

    /// Does everything that the machine wants by now, unless the process dies of it.
    pub(crate) fn drain(&mut self) {
        for _ in 0..MOMENT {
            let Some(process) = &mut self.process else { return };
            let Some(output) = process.machine.poll_output() else { return };
            process.outputs += 1;
            self.outputs += 1;
            let number = process.number;
            self.trace.output(self.now, &output);
            let dies = self.death.filter(|(at, _)| *at <= process.outputs).map(|(_, crash)| crash);
            if dies.is_none_or(|crash| crash.is_done)
                && let Some(input) = self.take_output(number, output)
                && dies.is_none()
            {
                self.tell(input);
            }
            if let Some(crash) = dies {
                self.crash(crash);
            }
        }
        self.violate(Law::Bounded, "the machine puts out more and more at one moment");
    }

    /// Does one thing, and gives what the machine is told of it at once.
    fn take_output(&mut self, process: u64, output: Output) -> Option<Input> {
        match output {
            Output::Persist(batch) => {
                self.evidence.note_decisions(&batch);
                return self.persist(process, batch);
            }
            Output::Prepare(prepare) => return Some(render::<C>(&prepare)),
            Output::Execute(effect) => self.issue(process, *effect),
            Output::Ask(ask) => {
                for (at, answer) in self.workers.hear(&ask, self.now) {
                    let input = Input::Answered { server: ask.server, question: ask.question, answer };
                    self.queue(at, Happening::Hear { process, input: Box::new(input) });
                }
            }
            Output::Notify(event) => {
                self.judge(law::judge_event(&event, &self.store));
                self.evidence.note_event(&event);
            }
            Output::Reply { command, reply } => {
                self.judge(law::judge_reply(&command, &reply, &self.store));
                self.note_reply(&command, &reply);
            }
            _ => {}
        }
        None
    }

    fn note_reply(&mut self, command: &CommandId, reply: &Reply) {
        let Some(last) = self.last_wish.as_mut().filter(|last| last.id == *command) else { return };
        let before = last.reply.replace(reply.clone());
        let is_same_ledger = last.ledger == self.store.replaced;
        if let Some(before) = before.filter(|before| before.is_ok() && is_same_ledger)
            && before != *reply
        {
            self.violate(
                Law::Deterministic,
                format!("{command} was answered {before:?}, and then {reply:?}"),
            );
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Send { process, effect, fate } => self.send(process, effect, fate),
            Happening::Arrive { process, effect, fate, told, sent } => {
                self.arrive(process, &effect, fate, told, sent);
            }
            Happening::Hear { process, input } => {
                if self.process.as_ref().is_some_and(|living| living.number == process) {
                    self.tell(*input);
                }
            }
            Happening::Written { process, batch } => {
                self.write(&batch);
                if self.process.as_ref().is_some_and(|living| living.number == process) {
                    self.tell(Input::Persisted(batch.seq));
                }
            }
            Happening::Start => self.start(),
        }
    }

    /// Goes to the next moment at which anything happens, at most to `until`.
    fn advance(&mut self, until: u64) {
        let arrival = self.queue.first_key_value().map(|((at, _), _)| *at);
        let wakeup = self
            .process
            .as_ref()
            .and_then(|process| process.machine.poll_timeout().map(|wakeup| process.real_time(wakeup.at)));
        let next = [arrival, wakeup].into_iter().flatten().min().unwrap_or(until).min(until);
        self.now = self.now.max(next);
        for cloud in &mut self.clouds {
            cloud.advance(self.now);
        }
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let happening = entry.remove();
            self.happen(happening);
            self.drain();
        }
        if let Some(process) = &mut self.process {
            let time = process.fleet_time(self.now);
            process.machine.handle_timeout(time);
            self.court.note_wanted(&process.machine);
        }
        self.drain();
        self.judge_moment();
    }

    fn judge_moment(&mut self) {
        let servers = self.servers();
        self.judge(law::judge_tokens(&servers));
        self.judge(self.court.judge_excess(&self.store, &servers));
    }

    /// Lets so much time pass, and everything happen that happens in it, until a law is broken.
    pub fn run_for(&mut self, millis: u64) {
        let until = self.now + millis;
        let mut still = 0_u32;
        while self.now < until && self.violation.is_none() {
            let before = self.now;
            self.advance(until);
            still = if self.now == before { still + 1 } else { 0 };
            if still > MOMENT {
                self.violate(Law::Bounded, "time stands still");
            }
        }
    }

    /// Suspends the host, whose monotonic clock stands still; the world goes on.
    pub(crate) fn suspend(&mut self, millis: u64) {
        let until = self.now + millis;
        while let Some(key) = self.queue.first_key_value().map(|(key, _)| *key).filter(|(at, _)| *at < until)
        {
            let Some(happening) = self.queue.remove(&key) else { break };
            if happening.is_of_host() {
                self.queue(until, happening);
            } else {
                self.now = self.now.max(key.0);
                self.happen(happening);
            }
        }
        self.now = until;
        if let Some(process) = &mut self.process {
            process.suspended += millis;
        }
        self.evidence.note("the host suspended");
    }

    /// Gives the servers of ours in a status, by their numbers.
    pub(crate) fn records(&self, status: Status) -> Vec<ServerRecord> {
        let Some(process) = &self.process else { return Vec::new() };
        process.machine.ledger().servers().filter(|record| record.status == status).cloned().collect()
    }
}

/// Makes a name and a specification, as a host does from a template.
fn render<C: Cloud>(prepare: &Prepare) -> Input {
    let name = format!("dynamic-server-{}-{}", prepare.server_type, prepare.server);
    let spec = Arc::new(Spec::new(C::specification(&prepare.server_type)));
    Input::Prepared { server: prepare.server, result: Ok(Prepared { name, spec }) }
}
