//! The loop on tokio: jobs on its threads and its blocking pool, and its timer between two pieces of news.

use std::sync::Arc;

use dynservers_core::{Completion, Effect, Failure, Outcome, Time};
use dynservers_host::{
    Driver, FleetClock, Handle, Hands, Host, Job, Machine, RunError, Running, StartError, wall_millis,
};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

/// Makes a loop that carries a driver.
pub fn carry<M: Machine>(driver: Driver<M>) -> Running {
    Running::new(run(driver))
}

/// Reads the ledger, checks that everything fits, and gives the handle and the loop, to be spawned or awaited.
///
/// To be called within a tokio runtime that has its time driver enabled.
pub async fn start(host: Host) -> Result<(Handle, Running), StartError> {
    let opened = spawn_blocking(move || host.open()).await;
    // Opening catches the panics of what it calls; the task is cancelled only when the runtime ends.
    let (handle, driver) = opened.map_err(|_| StartError::StorePanicked)??;
    Ok((handle, carry(driver)))
}

/// Makes a clock that goes by tokio's, which tests may pause; elsewhere it is like any other.
#[must_use]
pub fn clock() -> FleetClock {
    let origin = Instant::now();
    FleetClock::ticking_by(Time::from_millis(wall_millis()), move || origin.elapsed())
}

/// Has one effect done outside of a loop: what blocks, on the blocking pool.
pub async fn execute(hands: &Hands, effect: &Effect) -> Completion {
    match hands {
        Hands::Async(executor) => executor.execute(effect).await,
        Hands::Blocking(executor) => {
            let (executor, effect) = (Arc::clone(executor), effect.clone());
            // What it panicked with is not repeated, since that may hold anything.
            let done = spawn_blocking(move || executor.execute(&effect)).await;
            done.unwrap_or_else(|_| Outcome::Lost(Failure::new("the executor panicked")).into())
        }
    }
}

/// Runs until a shutdown is through, or a write fails. Dropping it at any await is a crash, which is lawful.
async fn run<M: Machine>(mut driver: Driver<M>) -> Result<(), RunError> {
    let mailbox = driver.mailbox();
    loop {
        while let Some(job) = driver.poll_job() {
            match job {
                Job::Blocking(job) => drop(spawn_blocking(move || job.run())),
                Job::Async(job) => drop(tokio::spawn(job.run())),
            }
        }
        if let Some(end) = driver.ended() {
            // Letting the store go may close files: not on this thread.
            let _ = spawn_blocking(move || drop(driver)).await;
            return end;
        }
        let news = match driver.wakeup() {
            Some(wait) => timeout(wait, mailbox.next()).await.ok(),
            None => Some(mailbox.next().await),
        };
        driver.handle(news);
    }
}
