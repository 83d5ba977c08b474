//! One state of the world: the real machine, the disk, a cloud, what is on its way between them, and what may still go wrong.

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use dynservers_core::{
    Action, Batch, Command, CommandId, Completion, Config, Effect, EffectId, Input, Ledger, Op, Output,
    Phase, Prepare, Prepared, Reconciler, ServerRecord, Spec, Stored, Time,
};

use super::bounds::{self, Bounds, Faults, TIMEOUT, type_name};
use super::canon;
use super::cloud::Cloud;
use super::disk;

/// One state.
#[derive(Clone)]
pub struct World {
    /// The machine; none while the process is dead.
    pub(crate) machine: Option<Reconciler>,
    /// What is durable.
    pub(crate) disk: Arc<Stored>,
    /// The write under way.
    pub(crate) writing: Option<Batch>,
    /// Requests and answers on their way, in the order in which they left.
    pub(crate) flights: Vec<Flight>,
    /// What the provider has.
    pub(crate) cloud: Cloud,
    /// Who wants the servers.
    pub(crate) client: Client,
    /// What may still go wrong.
    pub(crate) left: Faults,
    /// Whether an effect left before the intent of it was durable.
    pub(crate) hasty: bool,
    /// The moment.
    pub(crate) now: Time,
    processes: u64,
    fingerprint: u64,
}

/// A request on its way, or the answer to it.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) effect: Effect,
    /// Whether the process that sent it still lives.
    pub(crate) is_awaited: bool,
    /// The answer, once the request was done and its answer is slow.
    pub(crate) answer: Option<Completion>,
}

/// Whoever wants the servers: says a wish until it is answered, as a client does that outlives the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Whether it wants the second number by now.
    pub(crate) has_changed: bool,
    /// Whether this process was told.
    pub(crate) told: bool,
    pub(crate) answered: bool,
}

/// What all states of one check have in common.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) bounds: Bounds,
    pub(crate) config: Config,
    spec: Arc<Spec>,
}

impl Rules {
    /// Makes the rules of a bound.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        let spec = Arc::new(Spec::new(serde_json::json!({"plan": "small"})));
        Self { bounds: bounds.clone(), config: bounds::config(), spec }
    }
}

/// When every world begins.
pub(crate) const BEGINNING: Time = Time::from_millis(1_000_000_000);

impl World {
    /// Begins: a new ledger, a process that was just started and told how many servers are wanted.
    pub(crate) fn new(rules: &Rules) -> Self {
        let mut world = Self {
            machine: None,
            disk: Arc::new(disk::empty()),
            writing: None,
            flights: Vec::new(),
            cloud: Cloud::new(),
            client: Client { has_changed: false, told: false, answered: false },
            left: rules.bounds.faults,
            hasty: false,
            now: BEGINNING,
            processes: 0,
            fingerprint: 0,
        };
        world.start(rules);
        world.say(rules);
        world.seal();
        world
    }

    /// Gives how many servers are wanted by now.
    pub(crate) fn wanted(&self, rules: &Rules) -> u32 {
        rules.bounds.then.filter(|_| self.client.has_changed).unwrap_or(rules.bounds.wanted)
    }

    /// Gives the records as the machine has them, or the disk while there is none.
    pub(crate) fn records(&self) -> Vec<&ServerRecord> {
        match &self.machine {
            Some(machine) => machine.ledger().servers().collect(),
            None => self.disk.servers.iter().collect(),
        }
    }

    /// Starts a process with what the disk has.
    pub(crate) fn start(&mut self, rules: &Rules) {
        self.processes += 1;
        let ledger = Ledger::restore(Stored::clone(&self.disk));
        assert_eq!(ledger.contradictions(&rules.config), [], "a host would refuse to start");
        self.machine = Some(Reconciler::new(rules.config.clone(), ledger, self.processes, self.now));
        self.drain(rules);
    }

    /// Lets the process die, with the write under way done or not. The changes that it asked for may still be done.
    pub(crate) fn die(&mut self, written: bool) {
        self.machine = None;
        let batch = self.writing.take().filter(|_| written);
        if let Some(batch) = batch {
            disk::write(Arc::make_mut(&mut self.disk), &batch);
        }
        self.flights.retain(|flight| !flight.effect.op.is_read() && flight.answer.is_none());
        for flight in &mut self.flights {
            // Nobody waits for it any more.
            flight.is_awaited = false;
            flight.effect.id = EffectId(0);
        }
        self.client.told = false;
    }

    /// Says what is wanted, under the key of that wish.
    pub(crate) fn say(&mut self, rules: &Rules) {
        self.client.told = true;
        let key = if self.client.has_changed { "second" } else { "first" };
        let action = Action::Ensure { server_type: type_name(), count: self.wanted(rules) };
        let command = Command { id: CommandId::new(key).expect("it is plain"), action };
        self.tell(rules, Input::Command(command));
    }

    /// Tells the machine something, if there is one, and does what it wants then.
    pub(crate) fn tell(&mut self, rules: &Rules, input: Input) {
        if let Some(machine) = &mut self.machine {
            machine.handle_input(input, self.now);
            self.drain(rules);
        }
    }

    /// Makes the write under way durable, and says so.
    pub(crate) fn write(&mut self, rules: &Rules) {
        if let Some(batch) = self.writing.take() {
            disk::write(Arc::make_mut(&mut self.disk), &batch);
            self.tell(rules, Input::Persisted(batch.seq));
        }
    }

    /// Lets time pass up to a moment.
    pub(crate) fn pass(&mut self, rules: &Rules, until: Time) {
        self.now = until;
        self.cloud.advance(until);
        if let Some(machine) = &mut self.machine
            && machine.poll_timeout().is_some_and(|wakeup| wakeup.at <= until)
        {
            machine.handle_timeout(until);
            self.drain(rules);
        }
    }

    /// Takes everything that the machine puts out. Effects leave, a write begins, names are made at once.
    fn drain(&mut self, rules: &Rules) {
        while let Some(output) = self.machine.as_mut().and_then(Reconciler::poll_output) {
            match output {
                Output::Persist(batch) => self.writing = Some(batch),
                Output::Execute(effect) => self.send(*effect),
                Output::Prepare(Prepare { server, .. }) => {
                    let prepared = Prepared { name: "worker".to_owned(), spec: rules.spec.clone() };
                    let input = Input::Prepared { server, result: Ok(prepared) };
                    self.machine.as_mut().expect("it just spoke").handle_input(input, self.now);
                }
                Output::Reply { reply, .. } => self.client.answered |= reply.is_ok(),
                Output::Notify(_) => {}
                other => panic!("nothing in this world asks for {other:?}"),
            }
        }
    }

    fn send(&mut self, effect: Effect) {
        self.hasty |= !effect.op.is_read() && !self.is_intended(&effect);
        self.flights.push(Flight { effect, is_awaited: true, answer: None });
    }

    /// Whether the disk has the intent of an effect.
    fn is_intended(&self, effect: &Effect) -> bool {
        let Some(record) = self.disk.servers.iter().find(|record| Some(record.id) == effect.server) else {
            return false;
        };
        let removal = record.removal.as_ref();
        match &effect.op {
            Op::CreateFromSnapshot(create) => record.attempt.as_ref().is_some_and(|attempt| {
                // Where the server bears no token, that is found by the other laws.
                let bears_it = attempt.token == create.labels.token || cfg!(dynservers_knockout = "token");
                attempt.phase == Phase::Issued && attempt.not_after == effect.not_after && bears_it
            }),
            Op::Stop { provider_id, mode } => {
                record.provider_id.as_ref() == Some(provider_id)
                    && removal.and_then(|removal| removal.stop).is_some_and(|stop| stop.mode == *mode)
            }
            Op::Delete { provider_id, .. } => {
                record.provider_id.as_ref() == Some(provider_id)
                    && removal.is_some_and(|removal| removal.delete.is_some())
            }
            _ => false,
        }
    }

    /// Takes the fingerprint, once nothing changes any more.
    pub(crate) fn seal(&mut self) {
        let mut text = String::with_capacity(16 * 1024);
        self.print(&mut text).expect("a string takes everything");
        self.fingerprint = canon::fingerprint(&text, self.now, self.reading_since());
    }

    /// Gives when the oldest reading began that the machine awaits, or would begin now.
    pub(crate) fn reading_since(&self) -> Time {
        let readings = self.flights.iter().filter(|flight| flight.is_awaited && flight.effect.op.is_read());
        let begun = readings.map(|flight| flight.effect.not_after.saturating_sub(TIMEOUT));
        begun.min().unwrap_or(self.now)
    }

    /// Prints all of the state but its name.
    pub(crate) fn print(&self, text: &mut String) -> fmt::Result {
        // Every field is named, so that one that is added is thought of. A process's number only seeds its dice.
        let Self {
            machine,
            disk,
            writing,
            flights,
            cloud,
            client,
            left,
            hasty,
            now: _,
            processes: _,
            fingerprint: _,
        } = self;
        write!(text, "{machine:?}{disk:?}{writing:?}{flights:?}{cloud:?}{client:?}{left:?}{hasty}")
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.fingerprint);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&super::story::scene(self))
    }
}
