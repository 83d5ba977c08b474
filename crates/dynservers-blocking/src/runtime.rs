//! The loop on threads: on one of its own, or turned by a host that has a loop already.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use dynservers_core::Reconciler;
use dynservers_host::{Driver, Handle, Host, Machine, Mailbox, RunError, StartError, Threads};

/// A loop that is ready to run: nothing happens but within [`Running::run`], [`Running::turn`] and [`Running::until`].
///
/// Dropping it is a crash: lawful, and made up for by the next start.
#[must_use = "a fleet runs only while this is run or turned"]
pub struct Running<M: Machine = Reconciler> {
    /// None once the loop has ended: then whoever waits for that goes on, and the store is closed.
    driver: Option<Driver<M>>,
    threads: Threads,
    mailbox: Arc<Mailbox>,
}

impl<M: Machine> fmt::Debug for Running<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Running").field("driver", &self.driver).finish_non_exhaustive()
    }
}

/// Whether a loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a loop that is over must not be turned any more"]
pub enum Turned {
    /// It does: turn it again.
    GoesOn,
    /// A shutdown is through.
    Over,
}

/// Reads the ledger, checks that everything fits, and gives the handle and the loop. Blocks while the store is read.
pub fn start(host: Host) -> Result<(Handle, Running), StartError> {
    let (handle, driver) = host.open()?;
    Ok((handle, Running::new(driver)))
}

impl<M: Machine> Running<M> {
    /// Makes a loop that carries a driver.
    pub fn new(driver: Driver<M>) -> Self {
        let mailbox = driver.mailbox();
        Self { driver: Some(driver), threads: Threads::default(), mailbox }
    }

    /// Runs on this thread until a shutdown is through, or a write fails.
    pub fn run(mut self) -> Result<(), RunError> {
        while self.step(None)? == Turned::GoesOn {}
        Ok(())
    }

    /// Does everything that there is to do, then waits for news for as long as `wait`, and hands it in.
    ///
    /// For hosts that own their loop: call it again and again, with no wait if there is something else to do. What is
    /// begun in a turn goes on by itself on other threads until the next. After an error, as after [`Turned::Over`], the
    /// loop has ended, and every further turn says that it is over.
    ///
    /// The handle's calls wait for the loop: between two turns make them from another thread, or by [`Running::until`].
    pub fn turn(&mut self, wait: Duration) -> Result<Turned, RunError> {
        self.step(Some(wait))
    }

    /// Turns the loop until a call of the handle has its answer; none if the loop has ended before.
    pub fn until<T>(&mut self, call: impl Future<Output = T>) -> Result<Option<T>, RunError> {
        let waker = Waker::from(Arc::clone(&self.mailbox));
        let mut call = pin!(call);
        let mut is_over = false;
        loop {
            if let Poll::Ready(answer) = call.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Ok(Some(answer));
            }
            if is_over {
                return Ok(None);
            }
            // The end itself may be what is waited for.
            is_over = self.step(None)? == Turned::Over;
        }
    }

    fn step(&mut self, most: Option<Duration>) -> Result<Turned, RunError> {
        let Some(driver) = &mut self.driver else { return Ok(Turned::Over) };
        while let Some(job) = driver.poll_job() {
            self.threads.begin(job);
        }
        if let Some(end) = driver.ended() {
            self.driver = None;
            return end.map(|()| Turned::Over);
        }
        let wait = driver.wakeup().into_iter().chain(most).min();
        let deadline = wait.and_then(|wait| Instant::now().checked_add(wait));
        let news = self.mailbox.next_until(deadline);
        driver.handle(news);
        Ok(Turned::GoesOn)
    }
}
