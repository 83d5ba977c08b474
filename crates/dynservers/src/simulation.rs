//! Simulation: a fleet in virtual time, for tests of the program that it is in.

use std::sync::mpsc::TryRecvError;
use std::thread;
use std::time::Duration;

use dynservers_core::Time;
use dynservers_sim::{VirtualClock, VirtualLoop};

pub use dynservers_sim::{Durations, SimulatedCloud, SimulatedServer, SimulationError, Trouble};

use crate::blocking::{Answering, Fleet, FleetBuilder};
use crate::errors::BuildError;
use crate::fleet::Ending;
use crate::provider::Provider;

/// Where a simulation's time begins: in the year 2026.
const START: Time = Time::from_millis(1_767_225_600_000);

impl From<SimulatedCloud> for Provider {
    fn from(cloud: SimulatedCloud) -> Self {
        Self::executor_with(move |_, clock| {
            let clock = clock.clone();
            Ok::<_, crate::BoxError>(cloud.executor(move || clock.now()))
        })
    }
}

/// A fleet in virtual time: an hour of its life takes as long as what happens in it.
#[derive(Debug)]
#[must_use = "time passes only when it is told to"]
pub struct Simulation {
    fleet: Fleet,
    turning: VirtualLoop,
    /// None once it was told how the loop ended.
    ending: Option<Ending>,
}

impl Simulation {
    pub(crate) fn new(builder: FleetBuilder) -> Result<Self, BuildError> {
        let clock = VirtualClock::starting_at(START);
        let (fleet, driver, ending) = builder.begin_at(clock.fleet_clock())?;
        Ok(Self { fleet, turning: VirtualLoop::new(driver, clock), ending: Some(ending) })
    }

    /// Gives the present, by the fleet's clock.
    #[must_use]
    pub fn now(&self) -> Time {
        self.turning.now()
    }

    /// Lets so much time pass, and everything happen that happens in it, until all who listen have heard of it.
    pub fn run_for(&mut self, time: Duration) -> Result<(), SimulationError> {
        let turned = self.turning.run_for(time);
        self.note(&turned);
        self.fleet.wait_for_listeners();
        turned
    }

    /// Makes calls to the fleet. Gives what they give. Time stands still meanwhile, but while `wait_until_settled` waits.
    ///
    /// A call that waits for anything else that has not happened yet, as an event is, waits in vain: let time pass by
    /// [`run_for`](Self::run_for) instead. It is ended, and the fleet with it.
    ///
    /// # Panics
    ///
    /// If the calls do.
    pub fn with<T: Send>(&mut self, calls: impl FnOnce(&Fleet) -> T + Send) -> Result<T, SimulationError> {
        let fleet = self.fleet.clone();
        let (answering, answered) = Answering::new(&fleet);
        thread::scope(|scope| {
            scope.spawn(move || answering.tell(calls(&fleet)));
            let mut answer = None;
            let turned = self.turning.run_while(|| match answered.try_recv() {
                Ok(value) => {
                    answer = Some(value);
                    false
                }
                // They panicked, and the scope passes that on.
                Err(TryRecvError::Disconnected) => false,
                Err(TryRecvError::Empty) => true,
            });
            // Whoever waits for the end goes on now.
            self.note(&turned);
            let answer = answer.or_else(|| answered.recv().ok());
            answer.ok_or_else(|| turned.err().unwrap_or(SimulationError::Over))
        })
    }

    /// Tells how the loop ended, if it has.
    fn note(&mut self, turned: &Result<(), SimulationError>) {
        let result = match turned {
            Ok(()) => return,
            Err(SimulationError::Loop(error)) => Err(error.clone()),
            Err(_) => Ok(()),
        };
        if let Some(ending) = self.ending.take() {
            // What it gives is told by the error that led here.
            let _ = ending.tell(result);
        }
    }
}
