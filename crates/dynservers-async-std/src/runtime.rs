//! The loop on async-std: jobs on its threads and its blocking pool, and its timer between two pieces of news.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_std::future::timeout;
use async_std::task::{spawn, spawn_blocking};
use dynservers_core::{Completion, Effect, Failure, Outcome};
use dynservers_host::{Driver, Handle, Hands, Host, Job, Machine, RunError, Running, StartError};

/// Makes a loop that carries a driver.
pub fn carry<M: Machine>(driver: Driver<M>) -> Running {
    Running::new(run(driver))
}

/// Reads the ledger, checks that everything fits, and gives the handle and the loop, to be spawned or awaited.
pub async fn start(host: Host) -> Result<(Handle, Running), StartError> {
    let (handle, driver) = spawn_blocking(move || host.open()).await?;
    Ok((handle, carry(driver)))
}

/// Has one effect done outside of a loop: what blocks, on the blocking pool.
pub async fn execute(hands: &Hands, effect: &Effect) -> Completion {
    match hands {
        Hands::Async(executor) => executor.execute(effect).await,
        Hands::Blocking(executor) => {
            let (executor, effect) = (Arc::clone(executor), effect.clone());
            spawn_blocking(move || {
                // What it panicked with is not repeated, since that may hold anything.
                let done = catch_unwind(AssertUnwindSafe(|| executor.execute(&effect)));
                done.unwrap_or_else(|_| Outcome::Lost(Failure::new("the executor panicked")).into())
            })
            .await
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
                Job::Async(job) => drop(spawn(job.run())),
            }
        }
        if let Some(end) = driver.ended() {
            // Letting the store go may close files: not on this thread.
            spawn_blocking(move || drop(driver)).await;
            return end;
        }
        let news = match driver.wakeup() {
            Some(wait) => timeout(wait, mailbox.next()).await.ok(),
            None => Some(mailbox.next().await),
        };
        driver.handle(news);
    }
}
