//! The host: a process with its clocks, and what is on its way to and from it.

use dynservers_core::{Batch, Completion, Effect, Input, Reconciler, Time};

use super::cloud::Told;
use super::step::Fate;

/// A process: the machine, and the clock that it was started with.
#[derive(Debug)]
pub(crate) struct Process {
    /// Which one: answers to another one find nobody.
    pub(crate) number: u64,
    pub(crate) machine: Reconciler,
    /// The fleet's time when it began, and the real time then.
    begun: (Time, u64),
    /// For how long its monotonic clock stood still.
    pub(crate) suspended: u64,
    /// How many outputs were taken from it.
    pub(crate) outputs: u64,
}

impl Process {
    pub(crate) fn new(number: u64, machine: Reconciler, begun: (Time, u64)) -> Self {
        Self { number, machine, begun, suspended: 0, outputs: 0 }
    }

    /// Gives the fleet's time at a moment of real time.
    pub(crate) fn fleet_time(&self, real: u64) -> Time {
        Time::from_millis(self.begun.0.as_millis() + real.saturating_sub(self.begun.1 + self.suspended))
    }

    /// Gives the moment of real time at which the fleet's clock shows this.
    pub(crate) fn real_time(&self, fleet: Time) -> u64 {
        self.begun.1 + self.suspended + fleet.as_millis().saturating_sub(self.begun.0.as_millis())
    }
}

/// Something on its way.
#[derive(Debug)]
pub(crate) enum Happening {
    /// An effect is about to leave the host.
    Send { process: u64, effect: Effect, fate: Fate },
    /// A request arrives at its provider.
    Arrive { process: u64, effect: Effect, fate: Fate, told: Told, sent: u64 },
    /// News arrives at the process.
    Hear { process: u64, input: Box<Input> },
    /// A write is done.
    Written { process: u64, batch: Batch },
    /// A process is started.
    Start,
}

impl Happening {
    /// Makes the news of a completion.
    pub(crate) fn completed(process: u64, effect: &Effect, completion: Completion) -> Self {
        Self::Hear { process, input: Box::new(Input::Completed { effect: effect.id, completion }) }
    }

    /// Whether it is the host's affair, and so waits while the host sleeps.
    pub(crate) const fn is_of_host(&self) -> bool {
        !matches!(self, Self::Arrive { .. })
    }
}
