//! A recorder around the machine: what it was told, and what it wanted, so that each part of a run can be done again alone.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dynservers_core::{
    Batch, Config, ConfigError, Effect, EventKind, FleetView, Input, Output, Reconciler, ServerId,
    ServerRecord, Time,
};
use dynservers_host::Machine;

/// One thing that a loop did with its machine.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// It handed in news.
    Input(Box<Input>, Time),
    /// It told the time.
    Timeout(Time),
    /// It asked for an output.
    Poll,
}

/// A run, taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// The decision: every call of the machine.
    pub(crate) calls: Vec<Call>,
    /// What was written.
    pub(crate) batches: Vec<Batch>,
    /// What the provider was asked.
    pub(crate) effects: Vec<Effect>,
}

/// A machine whose every call is recorded until so many servers run.
pub(crate) struct Recorder {
    machine: Reconciler,
    record: Arc<Mutex<Record>>,
    /// How many servers are still to be told of.
    left: u32,
    done: Sender<Instant>,
}

impl Recorder {
    /// Records into `record` until the event of the last of `count` servers is put out, and then says so.
    pub(crate) fn new(
        machine: Reconciler,
        count: u32,
        record: Arc<Mutex<Record>>,
        done: Sender<Instant>,
    ) -> Self {
        Self { machine, record, left: count, done }
    }

    fn note(&self, note: impl FnOnce(&mut Record)) {
        if self.left > 0 {
            note(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn look_at(&mut self, output: &Output) {
        match output {
            Output::Persist(batch) => self.note(|record| record.batches.push(batch.clone())),
            Output::Execute(effect) => self.note(|record| record.effects.push(Effect::clone(effect))),
            Output::Notify(event) if matches!(event.kind, EventKind::Running(_)) && self.left > 0 => {
                self.left -= 1;
                if self.left == 0 {
                    self.done.send(Instant::now()).expect("it is waited for");
                }
            }
            _ => {}
        }
    }
}

impl Machine for Recorder {
    fn handle_input(&mut self, input: Input, now: Time) {
        self.note(|record| record.calls.push(Call::Input(Box::new(input.clone()), now)));
        self.machine.handle_input(input, now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.note(|record| record.calls.push(Call::Timeout(now)));
        self.machine.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.note(|record| record.calls.push(Call::Poll));
        let output = self.machine.poll_output()?;
        self.look_at(&output);
        Some(output)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.machine.poll_timeout().map(|wakeup| wakeup.at)
    }

    fn view(&self, now: Time) -> FleetView {
        self.machine.view(now)
    }

    fn servers(&self) -> Vec<ServerRecord> {
        Machine::servers(&self.machine)
    }

    fn server(&self, server: ServerId) -> Option<ServerRecord> {
        Machine::server(&self.machine, server)
    }

    fn contradictions(&self, config: &Config) -> Vec<ConfigError> {
        Machine::contradictions(&self.machine, config)
    }
}
