//! One forecast: the real machine, a cloud in memory and a queue, from event to event in virtual time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Action, Answer, Ask, Change, Command, CommandId, Config, Demand, FleetName, Input, Ledger, NoStore,
    Output, Prepared, ProviderConfig, ProviderName, Question, Reconciler, Spec, Store as _, Time, Timing,
    TypeConfig, TypeName,
};

use super::cloud::{Cloud, News, number};
use super::model::Model;
use super::queue::Queue;
use super::report::{Recording, Report, Sample};
use super::trace::Trace;
use crate::Durations;

/// Where and how servers are, and who decides how many.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its name, for people.
    pub name: String,
    /// How long the machine waits for what.
    pub timing: Timing,
    /// What it must know of the provider.
    pub provider: ProviderConfig,
    /// What it must know of the type, with the policy that decides.
    pub server_type: TypeConfig,
    /// From one measurement to the next.
    pub interval: Duration,
    /// How long the cloud takes.
    pub durations: Durations,
    /// What a server is paid for, where its policy does not say so: units that are begun count whole.
    pub unit: Duration,
    /// What a server costs an hour, in millionths of a currency, if that is known.
    pub price: Option<u64>,
}

/// The hour that most clouds bill by.
pub const UNIT: Duration = Duration::from_secs(3_600);

/// So long after the end of its trace a forecast ends, whatever is left.
const AFTERMATH: u64 = 24 * 3_600_000;
/// A forecast begins here, so that what is older than it has room.
const BEGIN: u64 = 1_000_000_000;

impl Setup {
    /// Makes the setup of a type with everything else as it is by default, measured each minute.
    #[must_use]
    pub fn new(name: impl Into<String>, server_type: TypeConfig) -> Self {
        let provider = ProviderConfig { max_servers_in_account: None, ..ProviderConfig::default() };
        Self {
            name: name.into(),
            timing: Timing::default(),
            provider,
            server_type,
            interval: Duration::from_secs(60),
            durations: Durations::default(),
            unit: UNIT,
            price: None,
        }
    }

    /// Forecasts what becomes of a trace where the type's policy decides.
    #[must_use]
    pub fn forecast(&self, trace: &Trace) -> Report {
        Run::new(self, trace, None).run()
    }

    /// Forecasts what becomes of a trace where a model decides, whose numbers are said by command to the same machine.
    #[must_use]
    pub fn forecast_by(&self, model: &mut dyn Model, trace: &Trace) -> Report {
        let mut setup = self.clone();
        setup.interval = model.interval();
        setup.server_type.min = setup.server_type.min.max(model.least());
        let jobs_at_once = self.jobs_at_once();
        setup.server_type.policy = None;
        let mut run = Run::new(&setup, trace, Some(model));
        run.queue = Queue::new(trace.jobs(), jobs_at_once);
        run.run()
    }

    /// Gives how many jobs a server has in hand at once.
    fn jobs_at_once(&self) -> u32 {
        self.server_type.policy.as_ref().map_or(1, |policy| policy.jobs_at_once.max(1))
    }

    /// Gives what a server is paid for.
    #[must_use]
    pub fn billing_unit(&self) -> Duration {
        let billing = self.server_type.policy.as_ref().and_then(|policy| policy.billing);
        billing.map_or(self.unit, |billing| billing.unit)
    }

    fn config(&self, server_type: &TypeName) -> Config {
        Config {
            fleet: FleetName::new("forecast").expect("the name is valid"),
            timing: self.timing.clone(),
            providers: BTreeMap::from([(self.server_type.provider.clone(), self.provider.clone())]),
            server_types: BTreeMap::from([(server_type.clone(), self.server_type.clone())]),
            retired_types: BTreeSet::new(),
            shadow: false,
        }
    }
}

/// Gives a type by this policy, or one whose number is said, at a provider of its own: what drains does so for as long as a job
/// may take.
///
/// # Panics
///
/// Never: the provider's name is valid.
#[must_use]
pub fn server_type(policy: Option<dynservers_core::PolicyConfig>, max: u32) -> TypeConfig {
    let drain = dynservers_core::DrainConfig {
        deadline: Duration::from_secs(6 * 3_600),
        interval: Duration::from_secs(10),
    };
    let provider = ProviderName::new("cloud").expect("the name is valid");
    TypeConfig { drain: Some(drain), policy, ..TypeConfig::new(provider, max) }
}

struct Run<'a> {
    setup: &'a Setup,
    trace: &'a Trace,
    model: Option<&'a mut dyn Model>,
    server_type: TypeName,
    machine: Reconciler,
    cloud: Cloud,
    queue: Queue<'a>,
    /// What the machine is to be told yet.
    inbox: VecDeque<Input>,
    spec: Arc<Spec>,
    now: u64,
    measured_at: u64,
    /// How often a number was said.
    said: u64,
    desired: u32,
    recording: Recording,
}

impl<'a> Run<'a> {
    fn new(setup: &'a Setup, trace: &'a Trace, model: Option<&'a mut dyn Model>) -> Self {
        let server_type = TypeName::new("worker").expect("the name is valid");
        let config = setup.config(&server_type);
        let stored =
            NoStore::new(config.fleet.clone()).load().expect("what keeps nothing has nothing to fail at");
        let machine = Reconciler::new(config, Ledger::restore(stored), 1, Time::from_millis(BEGIN));
        Self {
            setup,
            trace,
            model,
            server_type,
            machine,
            cloud: Cloud::new(setup.durations),
            queue: Queue::new(trace.jobs(), setup.jobs_at_once()),
            inbox: VecDeque::new(),
            spec: Arc::new(Spec::new(serde_json::json!({}))),
            now: 0,
            measured_at: 0,
            said: 0,
            desired: 0,
            recording: Recording::default(),
        }
    }

    fn run(mut self) -> Report {
        let end = self.trace.length().saturating_add(AFTERMATH);
        self.settle();
        while !self.is_over() && self.now < end {
            self.now = self.next().max(self.now).min(end);
            self.cloud.advance(self.now);
            self.move_jobs();
            let moment = self.moment();
            if self.machine.poll_timeout().is_some_and(|wakeup| wakeup.at <= moment) {
                self.machine.handle_timeout(moment);
                self.settle();
            }
            if self.measured_at <= self.now {
                self.measure();
                self.settle();
            }
        }
        let waits = self.queue.waited(self.now);
        let done = (self.queue.done, self.queue.killed);
        Report::of(self.setup, self.trace, self.now, self.recording, &waits, done, &self.cloud)
    }

    /// Whether everything came, is done, and costs no more than it must.
    fn is_over(&self) -> bool {
        self.now >= self.trace.length()
            && self.queue.is_over()
            && self.cloud.count() <= self.setup.server_type.min
    }

    fn next(&self) -> u64 {
        let machine = self.machine.poll_timeout().map(|wakeup| wakeup.at.as_millis().saturating_sub(BEGIN));
        let others = [self.cloud.next(), self.queue.next(), machine];
        others.into_iter().flatten().fold(self.measured_at, u64::min)
    }

    /// Gives the present on the machine's clock.
    fn moment(&self) -> Time {
        Time::from_millis(BEGIN + self.now)
    }

    fn move_jobs(&mut self) {
        // What ends now is done before a server takes it along.
        self.queue.advance(self.now);
        let news = self.cloud.take_news();
        for happened in &news {
            match happened {
                News::Up(server) => self.queue.join(*server),
                News::Down(server) => self.queue.leave(*server),
            }
        }
        if !news.is_empty() {
            self.queue.advance(self.now);
        }
    }

    fn measure(&mut self) {
        let signal = self.queue.signal(self.now);
        let running = self.queue.servers();
        let moment = self.moment();
        let input = match &mut self.model {
            None => Some(Input::Demand(Demand::known(self.server_type.clone(), "trace", signal))),
            Some(model) => {
                let config = &self.setup.server_type;
                let count = model.desired(&signal, running, moment).clamp(config.min, config.max);
                let is_news = self.said == 0 || count != self.desired;
                is_news.then(|| {
                    self.said += 1;
                    self.desired = count;
                    let id = CommandId::new(format!("said-{}", self.said)).expect("the id is valid");
                    let action = Action::Ensure { server_type: self.server_type.clone(), count };
                    Input::Command(Command { id, action })
                })
            }
        };
        self.inbox.extend(input);
        self.settle();
        self.recording.desire(self.now, self.desired);
        let sample = Sample {
            at: self.now,
            waiting: signal.waiting,
            in_flight: signal.in_flight,
            desired: self.desired,
            running,
        };
        self.recording.sample(sample, self.trace);
        self.measured_at =
            self.now + u64::try_from(self.setup.interval.as_millis()).unwrap_or(u64::MAX).max(1);
    }

    /// Does everything that the machine wants by now.
    fn settle(&mut self) {
        let moment = self.moment();
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.carry_out(output);
            }
            self.move_jobs();
            match self.inbox.pop_front() {
                Some(input) => self.machine.handle_input(input, moment),
                None => return,
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        let input = match output {
            Output::Persist(batch) => {
                for change in &batch.changes {
                    if let Change::Decision(decision) = change {
                        self.desired = decision.desired.unwrap_or(self.desired);
                    }
                }
                Input::Persisted(batch.seq)
            }
            Output::Prepare(prepare) => {
                let (name, spec) = (format!("worker-{}", prepare.server), Arc::clone(&self.spec));
                Input::Prepared { server: prepare.server, result: Ok(Prepared { name, spec }) }
            }
            Output::Execute(effect) => {
                self.cloud.advance(self.now);
                let completion = self.cloud.execute(&effect, Time::from_millis(self.now)).into();
                Input::Completed { effect: effect.id, completion }
            }
            Output::Ask(ask) => {
                let answer = self.answer(&ask);
                Input::Answered { server: ask.server, question: ask.question, answer }
            }
            _ => return,
        };
        self.inbox.push_back(input);
    }

    fn answer(&mut self, ask: &Ask) -> Answer {
        let Some(server) = ask.subject.provider_id.as_ref().and_then(number) else { return Answer::Done };
        let in_hand = match ask.question {
            Question::Drain { .. } => self.queue.drain(server),
            Question::Undrain => {
                self.queue.undrain(server);
                return Answer::Done;
            }
            Question::Score => self.queue.in_hand_of(server),
        };
        if in_hand == 0 { Answer::Done } else { Answer::Busy { score: Some(in_hand as u64) } }
    }
}
