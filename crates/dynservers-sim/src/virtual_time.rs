//! Virtual time: the real loop, with waits that are skipped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dynservers_core::{Reconciler, Time};
use dynservers_host::{Driver, FleetClock, Job, Machine, Mailbox, RunError, wait};
use thiserror::Error;

/// How long, in life, the jobs of one moment may take before a simulation says that one of them hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that only a simulation moves.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    elapsed: Arc<AtomicU64>,
    clock: FleetClock,
}

impl VirtualClock {
    /// Makes a clock that stands at a moment.
    #[must_use]
    pub fn starting_at(start: Time) -> Self {
        let elapsed = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&elapsed);
        let clock =
            FleetClock::ticking_by(start, move || Duration::from_millis(read.load(Ordering::Acquire)));
        Self { elapsed, clock }
    }

    /// Gives the clock as a fleet needs it.
    #[must_use]
    pub fn fleet_clock(&self) -> FleetClock {
        self.clock.clone()
    }

    /// Moves the clock forward.
    fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.elapsed.fetch_add(millis, Ordering::AcqRel);
    }
}

/// Why a simulation does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The loop has ended by an error.
    #[error(transparent)]
    Loop(#[from] RunError),
    /// The loop was shut down.
    #[error("the fleet was shut down")]
    Over,
    /// Something that the loop had begun did not end in real time; or a call waited for time to pass, which it does only in
    /// `run_for`.
    #[error("nothing happened for {PATIENCE:?} of real time, and somebody waits for something")]
    Hangs,
}

/// The real loop in virtual time: what is begun is done at once, on threads, and then the clock jumps to the next moment
/// at which there is something to do.
#[derive(Debug)]
pub struct VirtualLoop<M: Machine = Reconciler> {
    /// None once the loop has ended: then whoever waits for that goes on.
    driver: Option<Driver<M>>,
    mailbox: Arc<Mailbox>,
    clock: VirtualClock,
    busy: Arc<AtomicUsize>,
}

impl<M: Machine> VirtualLoop<M> {
    /// Makes a loop of a driver whose fleet goes by this clock.
    #[must_use]
    pub fn new(driver: Driver<M>, clock: VirtualClock) -> Self {
        Self { mailbox: driver.mailbox(), driver: Some(driver), clock, busy: Arc::default() }
    }

    /// Gives the present, on the fleet's clock.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.clock.now()
    }

    /// Lets so much time pass, and everything happen that happens in it.
    pub fn run_for(&mut self, time: Duration) -> Result<(), SimulationError> {
        let end = self.now() + time;
        loop {
            self.finish_moment()?;
            let wakeup = self.driver()?.wakeup_at();
            let next = wakeup.filter(|at| *at < end);
            self.clock.advance(next.unwrap_or(end).since(self.now()));
            self.driver()?.handle(None);
            if next.is_none() {
                return self.finish_moment();
            }
        }
    }

    /// Lets everything happen that happens at this moment, for as long as `goes_on` says so. Time passes only while somebody
    /// waits for the fleet to be settled. If nothing more happens and it still goes on, the loop is ended.
    pub fn run_while(&mut self, mut goes_on: impl FnMut() -> bool) -> Result<(), SimulationError> {
        while goes_on() {
            let stepped = self.step(Instant::now() + PATIENCE);
            if stepped == Err(SimulationError::Hangs) {
                // Whoever waits for what cannot come is let go.
                self.driver = None;
            }
            stepped?;
        }
        Ok(())
    }

    fn finish_moment(&mut self) -> Result<(), SimulationError> {
        while self.step_if_any(Instant::now() + PATIENCE)? {}
        Ok(())
    }

    /// Does what there is to do; waits for news where something was begun. Gives whether there was anything.
    fn step_if_any(&mut self, deadline: Instant) -> Result<bool, SimulationError> {
        self.begin_jobs()?;
        // A job tells its news before it counts as ended: with none begun, all news is here.
        let begun = self.busy.load(Ordering::Acquire);
        if let Some(news) = self.mailbox.try_next() {
            self.driver()?.handle(Some(news));
            return Ok(true);
        }
        if begun == 0 {
            return Ok(false);
        }
        let news = self.mailbox.next_until(Some(deadline)).ok_or(SimulationError::Hangs)?;
        self.driver()?.handle(Some(news));
        Ok(true)
    }

    /// Does what there is to do, and waits for news, or for time where somebody waits for that.
    fn step(&mut self, deadline: Instant) -> Result<(), SimulationError> {
        if self.step_if_any(deadline)? {
            return Ok(());
        }
        let now = self.now();
        let driver = self.driver()?;
        if let Some(at) = driver.wakeup_at().filter(|_| driver.is_waited_for()) {
            self.clock.advance(at.since(now));
            self.driver()?.handle(None);
            return Ok(());
        }
        let news = self.mailbox.next_until(Some(deadline)).ok_or(SimulationError::Hangs)?;
        self.driver()?.handle(Some(news));
        Ok(())
    }

    fn begin_jobs(&mut self) -> Result<(), SimulationError> {
        while let Some(job) = self.driver()?.poll_job() {
            self.begin(job);
        }
        let Some(end) = self.driver()?.ended() else { return Ok(()) };
        self.driver = None;
        Err(end.map_or_else(SimulationError::Loop, |()| SimulationError::Over))
    }

    fn driver(&mut self) -> Result<&mut Driver<M>, SimulationError> {
        self.driver.as_mut().ok_or(SimulationError::Over)
    }

    fn begin(&self, job: Job) {
        self.busy.fetch_add(1, Ordering::AcqRel);
        let ending = Busy { busy: Arc::clone(&self.busy), mailbox: Arc::clone(&self.mailbox) };
        let work = move || {
            // Dropped after the job has told its news.
            let _ending = ending;
            match job {
                Job::Blocking(job) => job.run(),
                Job::Async(job) => wait(job.run()),
            }
        };
        // A job that gets no thread is dropped, which its loop is told.
        drop(thread::Builder::new().name("dynservers-simulated".to_owned()).spawn(work));
    }
}

/// One job that was begun.
struct Busy {
    busy: Arc<AtomicUsize>,
    mailbox: Arc<Mailbox>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.busy.fetch_sub(1, Ordering::AcqRel);
        self.mailbox.nudge();
    }
}
