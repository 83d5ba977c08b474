//! Threads: where jobs are done without a runtime; as many as are needed at once, and gone when they idle.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;

use crate::jobs::Job;

/// How long a thread waits for another job before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// Does jobs, each on a thread of its own while it lasts. How many there are at once is the loop's to bound.
///
/// Dropping it ends the threads that wait; those at work end with it.
#[derive(Default)]
pub struct Threads(Arc<Shared>);

impl fmt::Debug for Threads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Threads").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    waiting: usize,
    closed: bool,
}

impl Threads {
    /// Has a job done. If the system gives no thread for it, it waits for one that is there, or for the next job that gets
    /// one.
    pub fn begin(&self, job: Job) {
        let mut state = self.0.state();
        state.jobs.push_back(job);
        if state.waiting >= state.jobs.len() {
            drop(state);
            self.0.changed.notify_one();
            return;
        }
        drop(state);
        let shared = Arc::clone(&self.0);
        let work = move || {
            while let Some(job) = shared.next() {
                match job {
                    Job::Blocking(job) => job.run(),
                    Job::Async(job) => block_on(job.run()),
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("dynservers-job".to_owned()).spawn(work) {
            tracing::warn!(%error, "the system gives no thread");
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closed = true;
        // What nobody has begun is not begun any more, which its loop is told.
        let left = std::mem::take(&mut state.jobs);
        drop(state);
        drop(left);
        self.0.changed.notify_all();
    }
}

impl Shared {
    /// Waits for another job for a while.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        state.waiting += 1;
        let nothing = |state: &mut State| state.jobs.is_empty() && !state.closed;
        let (mut state, _) =
            self.changed.wait_timeout_while(state, IDLE, nothing).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.jobs.pop_front()
    }

    /// Jobs do not panic, and nothing else is done under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
