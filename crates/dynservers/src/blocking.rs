//! A fleet on threads, without an async runtime: on one of its own, or turned by a program that has a loop already.

use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;
use std::time::Duration;

use dynservers_blocking::{HttpExecutor, HttpOptions, Running};
use dynservers_core::Event;
use dynservers_host::{CountFn, Driver, FleetClock, Handle, Hands, wait};

pub use dynservers_blocking::Turned;

use crate::blueprint::{Blueprint, Site};
use crate::errors::{BoxError, BuildError, RunError};
use crate::events::{Lagged, Reading};
use crate::face::face;
use crate::fleet::{Ending, Idle, Inner};

macro_rules! waited {
    ($future:expr) => {
        wait($future)
    };
}

macro_rules! done {
    ($value:expr) => {
        $value
    };
}

face!([], waited, done, Events);

impl FleetBuilder {
    /// Calls a closure every minute that looks at the work there is and says how many servers there should be,
    /// with [`Fleet::ensure`] for example. See [`determine_every`](Self::determine_every).
    ///
    /// If it fails, panics or takes too long, the last numbers stay, an event says so
    /// ([`CountUnknown`](crate::EventKind::CountUnknown), once an episode), and it is called again. It is called on a
    /// thread on which it may block. One that takes too long cannot be ended: until it returns it is not called again, so
    /// give what it asks a timeout.
    pub fn determine_server_count<F, T, E>(mut self, determine: F) -> Self
    where
        F: Fn(Fleet) -> Result<T, E> + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        self.0.determine = Some(Box::new(move |plan| {
            CountFn::Blocking(Arc::new(move |handle| {
                let fleet = Fleet { inner: Inner::new(handle, Arc::clone(&plan)), idle: Idle::default() };
                determine(fleet).map(drop).map_err(crate::errors::told)
            }))
        }));
        self
    }

    /// Builds a fleet in virtual time, for tests: without waiting, and with providers that are simulated, without a
    /// network.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use dynservers::ServerType;
    /// use dynservers::blocking::Fleet;
    /// use dynservers::simulation::SimulatedCloud;
    ///
    /// let cloud = SimulatedCloud::default();
    /// let mut fleet = Fleet::builder("workers")
    ///     .provider("cloud", cloud.clone())
    ///     .server_type(ServerType::new("default").template(serde_json::json!({ "size": "small" })))
    ///     .simulate()?;
    /// fleet.with(|fleet| fleet.ensure(3))??;
    /// fleet.run_for(Duration::from_secs(60))?;
    /// assert_eq!(cloud.servers().len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "simulation")]
    pub fn simulate(self) -> Result<crate::simulation::Simulation, BuildError> {
        crate::simulation::Simulation::new(self)
    }

    /// Opens a fleet that goes by this clock, to be carried by somebody else.
    #[cfg(feature = "simulation")]
    pub(crate) fn begin_at(self, clock: FleetClock) -> Result<(Fleet, Driver, Ending), BuildError> {
        let site = self.0.open(carry, clock)?;
        // Sources live by the time of the system, which is another one.
        let idle = Idle::new(site.driver, site.listeners, crate::measuring::Gauges::default());
        let fleet = Fleet { inner: site.inner, idle };
        let (driver, ending) = fleet.idle.begin(&fleet.inner).map_err(|_| BuildError::Panicked)?;
        Ok((fleet, driver, ending))
    }

    /// Builds a fleet for a program that owns its loop: it does nothing but within [`Turns::turn`] and [`Turns::with`].
    pub fn turns(self) -> Result<Turns, BuildError> {
        let fleet = self.build()?;
        // It was built just now, and nobody else has it.
        let (driver, ending) = fleet.idle.begin(&fleet.inner).map_err(|_| BuildError::Panicked)?;
        Ok(Turns { fleet, running: Running::new(driver), ending: Some(ending) })
    }
}

/// A fleet that runs while it is turned.
#[derive(Debug)]
#[must_use = "a fleet does nothing unless it is turned"]
pub struct Turns {
    fleet: Fleet,
    running: Running,
    ending: Option<Ending>,
}

#[cfg(feature = "simulation")]
impl Fleet {
    pub(crate) fn wait_for_listeners(&self) {
        self.inner.wait_for_listeners();
    }
}

impl Turns {
    /// Gives the fleet. Its calls wait for the loop: make them from other threads, or by [`Turns::with`].
    #[must_use]
    pub fn fleet(&self) -> Fleet {
        self.fleet.clone()
    }

    /// Does everything that there is to do, then waits for news for as long as `wait`, and takes it.
    ///
    /// What was begun goes on by itself between two turns. After [`Turned::Over`], and after an error, there is nothing
    /// left to turn.
    pub fn turn(&mut self, wait: Duration) -> Result<Turned, RunError> {
        let turned = self.running.turn(wait);
        self.note(turned)
    }

    /// Makes calls to the fleet on a thread of their own and turns the loop meanwhile. Gives what they give.
    pub fn with<T: Send>(&mut self, calls: impl FnOnce(&Fleet) -> T + Send) -> Result<T, RunError> {
        let fleet = self.fleet.clone();
        let (answering, answered) = Answering::new(&fleet);
        thread::scope(|scope| {
            scope.spawn(move || answering.tell(calls(&fleet)));
            loop {
                match answered.try_recv() {
                    Ok(value) => return Ok(value),
                    // It panicked: the scope passes that on.
                    Err(TryRecvError::Disconnected) => return Err(RunError::Dropped),
                    Err(TryRecvError::Empty) => {}
                }
                if self.turn(TURN)? == Turned::Over {
                    return answered.recv().map_err(|_| RunError::Dropped);
                }
            }
        })
    }

    fn note(&mut self, turned: Result<Turned, dynservers_host::RunError>) -> Result<Turned, RunError> {
        let result = match turned {
            Ok(Turned::GoesOn) => return Ok(Turned::GoesOn),
            Ok(Turned::Over) => Ok(()),
            Err(error) => Err(error),
        };
        match self.ending.take() {
            Some(ending) => ending.tell(result).map(|()| Turned::Over),
            // It was told before.
            None => Ok(Turned::Over),
        }
    }
}

/// The end of calls that are made on another thread. The loop is made to look up, whether they have an answer or panicked.
pub(crate) struct Answering<T> {
    answer: Option<mpsc::Sender<T>>,
    handle: Handle,
}

impl<T> Answering<T> {
    /// Makes it, and where the answer is to be found.
    pub(crate) fn new(fleet: &Fleet) -> (Self, mpsc::Receiver<T>) {
        let (answer, answered) = mpsc::channel();
        (Self { answer: Some(answer), handle: fleet.inner.handle().clone() }, answered)
    }

    pub(crate) fn tell(self, value: T) {
        if let Some(answer) = &self.answer {
            // Whoever waits for it is there as long as this thread is.
            let _ = answer.send(value);
        }
    }
}

impl<T> Drop for Answering<T> {
    fn drop(&mut self) {
        // First of all it can be seen that there will be none.
        self.answer = None;
        self.handle.nudge();
    }
}

/// The longest turn while calls are made: they end one early by themselves.
const TURN: Duration = Duration::from_secs(1);

fn open(blueprint: Blueprint) -> Result<Site, BuildError> {
    blueprint.open(carry, FleetClock::new())
}

fn carry(
    provider: Arc<dyn dynservers_http::Provider>,
    request_timeout: Duration,
    clock: FleetClock,
) -> Result<Hands, BoxError> {
    let executor = HttpExecutor::new(provider, HttpOptions { request_timeout, clock })?;
    Ok(Hands::Blocking(Arc::new(executor)))
}

fn carry_on(driver: Driver) -> Result<(), dynservers_host::RunError> {
    Running::new(driver).run()
}

fn spawn(fleet: Fleet) -> Result<(), BuildError> {
    let run = move || drop(fleet.run());
    let spawned = thread::Builder::new().name("dynservers".to_owned()).spawn(run);
    spawned.map(drop).map_err(|error| BuildError::NoThread(error.to_string()))
}

/// Events as an iterator. See [`Fleet::events`].
pub struct Events(Reading);

impl std::fmt::Debug for Events {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    const fn new(reading: Reading) -> Self {
        Self(reading)
    }
}

impl Iterator for Events {
    type Item = Result<Event, Lagged>;

    /// Waits for the next event; none when the loop has ended and all that it told was read.
    fn next(&mut self) -> Option<Self::Item> {
        wait(self.0.next())
    }
}
