//! The driver: a loop without its runtime. Jobs out, news in, and the moment to wake up.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dynservers_core::{
    Completion, Effect, EffectId, Failure, Input, Output, Prepare, ProviderName, Reconciler, Store,
    StoreError, Time,
};
use thiserror::Error;

use crate::asks::Asks;
use crate::callers::Callers;
use crate::clock::FleetClock;
use crate::counting::Calls;
use crate::desk::{Desk, StoreEnd};
use crate::handle::{Handle, Message};
use crate::hands::Hands;
use crate::host::{Parts, StartError};
use crate::in_flight::InFlight;
use crate::jobs::Job;
use crate::latch::Weight;
use crate::machine::Machine;
use crate::mailbox::{Kind, Mailbox, News};
use crate::metrics::Metrics;
use crate::settling::Waiters;

/// The most news that is handed in between two rounds of jobs.
const MOST_NEWS: usize = 4096;

/// Why a loop ended before its time. Servers stay, and what was not recorded is found again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The ledger could not be written, or belongs to another process now.
    #[error("the ledger could not be written: {0}")]
    Store(StoreError),
    /// The store panicked.
    #[error("the store panicked while it was used")]
    StorePanicked,
}

/// A loop without its runtime: everything that is the same in all of them.
///
/// A runtime's loop polls jobs and has them done elsewhere until there is none, ends if [`Driver::ended`] says so, waits
/// for news until [`Driver::wakeup`] at most, and hands it in:
///
/// ```
/// # use dynservers_host::{Driver, Job, RunError};
/// fn run(mut driver: Driver) -> Result<(), RunError> {
///     let mailbox = driver.mailbox();
///     loop {
///         while let Some(job) = driver.poll_job() {
///             match job {
///                 Job::Blocking(job) => drop(std::thread::spawn(move || job.run())),
///                 Job::Async(job) => drop(std::thread::spawn(move || dynservers_host::wait(job.run()))),
///             }
///         }
///         if let Some(end) = driver.ended() {
///             return end;
///         }
///         let deadline = driver.wakeup().map(|wait| std::time::Instant::now() + wait);
///         driver.handle(mailbox.next_until(deadline));
///     }
/// }
/// ```
///
/// Dropping it at any point is a crash, which is lawful: what is in flight counts as lost, whoever waits for an answer is
/// told that the loop has ended, and the store is let go, on the thread that drops it.
pub struct Driver<M: Machine = Reconciler> {
    machine: M,
    parts: Parts,
    clock: FleetClock,
    desk: Desk,
    asks: Asks,
    calls: Calls,
    callers: Callers,
    waiters: Waiters,
    in_flight: InFlight,
    /// Effects that the machine wants and nobody has begun.
    effects: VecDeque<Effect>,
    metrics: Arc<Metrics>,
    handle: Handle,
    stopping: bool,
    failed: Option<RunError>,
    busy_since: Instant,
    _closing: Closing,
}

impl<M: Machine> std::fmt::Debug for Driver<M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Driver").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// Lets everybody go who waits for the loop. Dropped last, when the store is closed.
struct Closing {
    handle: Handle,
    _weight: Weight,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.handle.mailbox.close();
        self.handle.feed.close();
    }
}

impl<M: Machine> Driver<M> {
    pub(crate) fn new(
        machine: M,
        parts: Parts,
        store: Box<dyn Store>,
        clock: FleetClock,
        handle: Handle,
    ) -> Self {
        let metrics = Arc::clone(&handle.metrics);
        let weight = Weight(Arc::clone(&handle.ended));
        Self {
            machine,
            parts,
            desk: Desk::new(store, Arc::clone(&metrics)),
            asks: Asks::default(),
            calls: Calls::default(),
            callers: Callers::default(),
            waiters: Waiters::default(),
            in_flight: InFlight::new(clock.clone(), Arc::clone(&metrics)),
            effects: VecDeque::new(),
            metrics,
            clock,
            stopping: false,
            failed: None,
            busy_since: Instant::now(),
            _closing: Closing { handle: handle.clone(), _weight: weight },
            handle,
        }
    }

    /// Gives where the news for this driver arrives.
    #[must_use]
    pub fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.handle.mailbox)
    }

    /// Gives the fleet's time.
    #[must_use]
    pub const fn clock(&self) -> &FleetClock {
        &self.clock
    }

    /// Gives the next job, to be done elsewhere. Its answer may change after each [`Driver::handle`].
    pub fn poll_job(&mut self) -> Option<Job> {
        if self.failed.is_some() {
            return None;
        }
        self.carry_out();
        if let Some(effect) = self.effects.pop_front() {
            return Some(self.execute(effect));
        }
        let mailbox = &self.handle.mailbox;
        if let Some(job) = self.desk.poll_job(mailbox) {
            return Some(Job::Blocking(job));
        }
        if let Some(job) = self.asks.poll_job(&self.parts.asker, mailbox) {
            return Some(Job::Blocking(job));
        }
        let counter = self.parts.counter.as_ref().filter(|_| !self.stopping)?;
        self.calls.poll_job(counter, self.clock.now(), mailbox, || self.handle.clone())
    }

    /// Tells whether the loop is over, and how it ended: a shutdown is through, or the ledger cannot be written. If it is
    /// not, whoever waited for what is so now is answered.
    pub fn ended(&mut self) -> Option<Result<(), RunError>> {
        if let Some(error) = &self.failed {
            return Some(Err(error.clone()));
        }
        let over = self.stopping && self.in_flight.is_empty() && self.desk.is_free();
        if !over {
            self.settle();
            self.metrics.turn(self.busy_since.elapsed());
        }
        over.then_some(Ok(()))
    }

    /// Whether somebody waits for the fleet to be settled, and so for time to pass.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// Gives how long to wait for news at most; for ever if there is nothing to wake up for.
    #[must_use]
    pub fn wakeup(&self) -> Option<Duration> {
        self.wakeup_at().map(|at| self.clock.until(at))
    }

    /// Gives the moment to wake up at, on the fleet's clock.
    #[must_use]
    pub fn wakeup_at(&self) -> Option<Time> {
        let counts = self.parts.counter.is_some() && !self.stopping;
        let moments = [
            self.machine.poll_timeout(),
            self.in_flight.next_deadline(),
            self.waiters.next_deadline(),
            self.calls.wakeup().filter(|_| counts),
        ];
        moments.into_iter().flatten().min()
    }

    /// Hands in the news that was waited for, all that has come meanwhile, so that one write serves all of it, and the
    /// time.
    pub fn handle(&mut self, news: Option<News>) {
        self.busy_since = Instant::now();
        let mailbox = self.mailbox();
        let mut next = news.or_else(|| mailbox.try_next());
        for _ in 0..MOST_NEWS {
            let Some(news) = next else { break };
            self.take(news.0);
            next = mailbox.try_next();
        }
        self.watch_the_clock();
    }

    fn watch_the_clock(&mut self) {
        let now = self.clock.now();
        while let Some((effect, completion)) = self.in_flight.give_up(now) {
            self.tell(Input::Completed { effect, completion });
        }
        if let Some(counter) = &self.parts.counter
            && let Some(reason) = self.calls.overdue(counter, now)
        {
            self.tell(Input::Counted(Err(reason)));
        }
        if let Some(at) = self.machine.poll_timeout().filter(|at| *at <= now) {
            self.metrics.wakeup(now.since(at));
            self.machine.handle_timeout(now);
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Persist(batch) => self.desk.write(batch),
                Output::Prepare(prepare) => self.render(&prepare),
                Output::Execute(effect) => self.effects.push_back(*effect),
                Output::Ask(ask) => self.asks.begin(*ask),
                // Nobody may listen, and whoever is too slow reads the log.
                Output::Notify(event) => self.handle.feed.send(Arc::unwrap_or_clone(event)),
                Output::Reply { command, reply } => self.callers.answer(&command, &reply),
                // A newer machine than this loop was made for; what it wants may hold anything and is not logged.
                _ => tracing::error!("unknown output"),
            }
        }
    }

    fn render(&mut self, prepare: &Prepare) {
        let name = format!("dynamic-server-{}-{}", prepare.server_type, prepare.server);
        // It is the host's own code, and what it panicked with may hold anything.
        let rendered = catch_unwind(AssertUnwindSafe(|| (self.parts.prepare)(prepare, &name)));
        let result = rendered.unwrap_or_else(|_| Err(Failure::new("naming or configuring it panicked")));
        if let Err(failure) = &result {
            let (server, server_type) = (prepare.server.0, prepare.server_type.as_str());
            tracing::warn!(server, server_type, %failure, "prepare");
        }
        self.tell(Input::Prepared { server: prepare.server, result });
    }

    fn execute(&mut self, effect: Effect) -> Job {
        let hands = self.hands(&effect.provider);
        let give_up = self.give_up(&effect);
        self.in_flight.begin(effect, hands, give_up, &self.handle.mailbox)
    }

    /// Gives who does a provider's effects: nobody, where it is not configured any more, or where as many as may be under
    /// way at once have not come back. More would take every thread that there is.
    fn hands(&self, provider: &ProviderName) -> Hands {
        let Some(hands) = self.parts.executors.get(provider) else {
            return Hands::none(format!("there is no executor for provider {provider}"));
        };
        let concurrency = self.parts.config.providers.get(provider).map_or(1, |config| config.concurrency);
        let hung = self.in_flight.count_hung(provider);
        if hung >= concurrency.max(1) as usize {
            return Hands::none(format!("{hung} calls of the executor have not come back"));
        }
        hands.clone()
    }

    /// Gives the moment after which no answer is waited for: the last one at which the request may leave, and as long
    /// as it may take then. An executor that heeds both has answered by then.
    fn give_up(&self, effect: &Effect) -> Time {
        let provider = self.parts.config.providers.get(&effect.provider);
        let timeout = provider.map(|provider| provider.request_timeout).unwrap_or_default();
        effect.not_after.max(self.clock.now()) + timeout
    }

    fn take(&mut self, news: Kind) {
        match news {
            Kind::Stored(end) => self.stored(end),
            Kind::Completed(effect, completion) => self.completed(effect, completion),
            Kind::Answered(server, question, answer) => {
                self.asks.end(server, question, &answer);
                self.tell(Input::Answered { server, question, answer });
            }
            Kind::Counted(call, result) => {
                if self.calls.end(call) {
                    self.tell(Input::Counted(result));
                }
            }
            Kind::Message(message) => self.hear(message),
            Kind::Stop => {
                if !self.stopping {
                    self.stopping = true;
                    self.desk.read_no_more();
                    self.tell(Input::Shutdown);
                }
            }
            Kind::Nudge => {}
        }
    }

    fn stored(&mut self, end: StoreEnd) {
        match self.desk.end(end) {
            Ok(Some(seq)) => self.tell(Input::Persisted(seq)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "loop");
                self.failed = Some(error);
            }
        }
    }

    fn completed(&mut self, effect: EffectId, completion: Completion) {
        // One that was given up has had its completion.
        if self.in_flight.end(effect, &completion) {
            self.tell(Input::Completed { effect, completion });
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Command(command, caller) => {
                if let Some(command) = self.callers.admit(command, caller) {
                    self.tell(Input::Command(command));
                }
            }
            Message::View(caller) => caller.answer(self.machine.view(self.clock.now())),
            Message::Demand(demand, _seat) => self.tell(Input::Demand(demand)),
            Message::Reload(parts, caller) => {
                let result = self.reload(*parts);
                caller.answer(result);
            }
            Message::Servers(caller) => caller.answer(self.machine.servers()),
            Message::Server(server, caller) => caller.answer(self.machine.server(server)),
            Message::Settle(settling) => self.waiters.admit(settling, self.clock.now()),
            Message::Read(read) => self.desk.read(read),
        }
    }

    /// Goes by another configuration, or stays with the one there is. Effects in flight end as they began.
    fn reload(&mut self, parts: Parts) -> Result<(), StartError> {
        parts.check()?;
        let errors = self.machine.contradictions(&parts.config);
        if !errors.is_empty() {
            return Err(StartError::Config(errors));
        }
        let config = parts.config.clone();
        let counted = self.parts.counter.is_some();
        self.parts = parts;
        self.calls.renew();
        if counted && self.parts.counter.is_none() {
            // Nobody is left who could say so.
            self.tell(Input::Counted(Ok(())));
        }
        self.tell(Input::Configure(Box::new(config)));
        Ok(())
    }

    /// Answers those who wait for a settled fleet. To be called when nothing is left to be carried out.
    fn settle(&mut self) {
        if !self.waiters.is_empty() {
            let now = self.clock.now();
            self.waiters.look(&self.machine.view(now), now);
        }
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle_input(input, self.clock.now());
    }
}
