//! The loop, written out: drain the machine's outputs, wait for news, hand it in, again.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;

use dynservers_core::{
    Asker, AsyncExecutor, Completion, Config, Effect, EffectId, Event, Failure, Input, Output, Prepare,
    Prepared, ProviderName, Seq, StoreError,
};
use thiserror::Error;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::asks::Asks;
use crate::callers::Callers;
use crate::clock::FleetClock;
use crate::desk::{Desk, Read};
use crate::handle::Message;
use crate::host::{Parts, StartError};
use crate::in_flight::InFlight;
use crate::machine::Machine;
use crate::metrics::Metrics;

/// How many messages may wait for the loop, how many of them it takes between two writes, and how many callers may
/// wait for the answer to their command. Whoever comes on top of that waits.
pub(crate) const INBOX: usize = 1024;

/// Renders the name and the specification of a new server; its second argument is the name it has by default.
pub type PrepareFn = dyn Fn(&Prepare, &str) -> Result<Prepared, Failure> + Send + Sync;

/// Why a loop ended before its time. Servers stay, and what was not recorded is found again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The ledger could not be written, or belongs to another process now.
    #[error("the ledger could not be written: {0}")]
    Store(#[source] StoreError),
    /// The store panicked.
    #[error("the store panicked while it was used")]
    StorePanicked,
}

/// Everything that a loop owns while it runs.
pub(crate) struct Engine<M> {
    pub(crate) machine: M,
    pub(crate) config: Config,
    pub(crate) clock: FleetClock,
    pub(crate) desk: Desk,
    pub(crate) executors: BTreeMap<ProviderName, Arc<dyn AsyncExecutor>>,
    pub(crate) prepare: Arc<PrepareFn>,
    pub(crate) asker: Arc<dyn Asker>,
    pub(crate) asks: Asks,
    pub(crate) inbox: mpsc::Receiver<Message>,
    pub(crate) reads: mpsc::Receiver<Read>,
    pub(crate) stop: Arc<Notify>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) callers: Callers,
    pub(crate) in_flight: InFlight,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stopping: bool,
}

impl<M: Machine> Engine<M> {
    /// Runs until a shutdown is through, or a write fails. Dropping it at any await is a crash, which is lawful.
    pub(crate) async fn run(mut self) -> Result<(), RunError> {
        let result = self.turn().await;
        if let Err(error) = &result {
            tracing::error!(%error, "loop");
        }
        self.desk.close().await;
        result
    }

    async fn turn(&mut self) -> Result<(), RunError> {
        let mut busy = Instant::now();
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.carry_out(output);
            }
            if self.is_over() {
                return Ok(());
            }
            self.metrics.turn(busy.elapsed());
            let news = self.wait().await?;
            busy = Instant::now();
            self.take(news);
            self.take_what_is_there();
            let now = self.clock.now();
            if let Some(at) = self.machine.poll_timeout().filter(|at| *at <= now) {
                self.metrics.wakeup(now.since(at));
                self.machine.handle_timeout(now);
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Persist(batch) => self.desk.write(batch),
            Output::Prepare(prepare) => self.render(&prepare),
            Output::Execute(effect) => self.execute(effect),
            Output::Ask(ask) => self.asks.begin(ask, Arc::clone(&self.asker)),
            // Nobody may listen, and whoever is too slow reads the log.
            Output::Notify(event) => drop(self.events.send(event)),
            Output::Reply { command, reply } => self.callers.answer(&command, &reply),
            // A newer machine than this loop was made for; what it wants may hold anything and is not logged.
            _ => tracing::error!("unknown output"),
        }
    }

    fn render(&mut self, prepare: &Prepare) {
        let name = format!("dynamic-server-{}-{}", prepare.server_type, prepare.server);
        let result = (self.prepare)(prepare, &name);
        if let Err(failure) = &result {
            let (server, server_type) = (prepare.server.0, prepare.server_type.as_str());
            tracing::warn!(server, server_type, %failure, "prepare");
        }
        self.tell(Input::Prepared { server: prepare.server, result });
    }

    fn execute(&mut self, effect: Effect) {
        let executor = self.executors.get(&effect.provider).cloned();
        let give_up = self.give_up(&effect);
        self.in_flight.begin(effect, executor, give_up);
    }

    /// Gives the moment after which no answer is waited for: the last one at which the request may leave, and as long
    /// as it may take then. An executor that heeds both has answered by then.
    fn give_up(&self, effect: &Effect) -> Instant {
        let timeout = self.config.providers.get(&effect.provider).map(|provider| provider.request_timeout);
        self.clock.instant(effect.not_after.max(self.clock.now()) + timeout.unwrap_or_default())
    }

    /// Whether a shutdown is through: nothing in flight, and all that came of it written.
    fn is_over(&self) -> bool {
        self.stopping && self.in_flight.is_empty() && self.desk.is_free()
    }

    /// Waits for one piece of news. Dropping it loses none: every branch is cancel safe.
    async fn wait(&mut self) -> Result<News, RunError> {
        let wakeup = self.machine.poll_timeout().map(|at| self.clock.instant(at));
        Ok(tokio::select! {
            done = self.desk.done() => News::Done(done?),
            Some((effect, completion)) = self.in_flight.next() => News::Completed(effect, completion),
            Some(answered) = self.asks.next() => News::Answered(answered),
            Some(message) = self.inbox.recv(), if self.callers.len() < INBOX => News::Message(message),
            Some(read) = self.reads.recv(), if self.desk.is_free() => News::Read(read),
            () = self.stop.notified(), if !self.stopping => News::Stop,
            () = sleep_until_some(wakeup) => News::Wakeup,
        })
    }

    /// Hands in a piece of news.
    fn take(&mut self, news: News) {
        match news {
            News::Done(None) | News::Wakeup => {}
            News::Done(Some(seq)) => self.tell(Input::Persisted(seq)),
            News::Completed(effect, completion) => self.tell(Input::Completed { effect, completion }),
            News::Answered(answered) => self.tell(answered),
            News::Message(message) => self.hear(message),
            News::Read(read) => self.desk.read(read),
            News::Stop => {
                self.stopping = true;
                self.tell(Input::Shutdown);
            }
        }
    }

    /// Hands in what has come meanwhile, so that one write serves all of it.
    fn take_what_is_there(&mut self) {
        while let Some((effect, completion)) = self.in_flight.try_next() {
            self.tell(Input::Completed { effect, completion });
        }
        for _ in 0..INBOX {
            if self.callers.len() >= INBOX {
                break;
            }
            let Ok(message) = self.inbox.try_recv() else { break };
            self.hear(message);
        }
    }

    fn hear(&mut self, message: Message) {
        // Whoever asked may have gone.
        match message {
            Message::Command(command, caller) => {
                if let Some(command) = self.callers.admit(command, caller) {
                    self.tell(Input::Command(command));
                }
            }
            Message::View(caller) => drop(caller.send(self.machine.view(self.clock.now()))),
            Message::Demand(demand) => self.tell(Input::Demand(demand)),
            Message::Reload(parts, caller) => {
                let result = self.reload(*parts);
                drop(caller.send(result));
            }
            Message::Servers(caller) => drop(caller.send(self.machine.servers())),
        }
    }

    /// Goes by another configuration, or stays with the one there is. Effects in flight end as they began.
    fn reload(&mut self, parts: Parts) -> Result<(), StartError> {
        parts.check()?;
        let errors = self.machine.contradictions(&parts.config);
        if !errors.is_empty() {
            return Err(StartError::Config(errors));
        }
        self.config = parts.config.clone();
        self.executors = parts.executors;
        self.prepare = parts.prepare;
        self.asker = parts.asker;
        self.tell(Input::Configure(Box::new(parts.config)));
        Ok(())
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle_input(input, self.clock.now());
    }
}

/// What the loop waits for.
enum News {
    /// A job of the store's has ended, and made this batch durable if it was a write.
    Done(Option<Seq>),
    /// What became of an effect.
    Completed(EffectId, Completion),
    /// What a worker answered.
    Answered(Input),
    /// Somebody speaks to the machine.
    Message(Message),
    /// Somebody reads the log.
    Read(Read),
    /// The end is wished for.
    Stop,
    /// The moment has come that the machine named.
    Wakeup,
}

async fn sleep_until_some(wakeup: Option<Instant>) {
    match wakeup {
        Some(wakeup) => sleep_until(wakeup).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
