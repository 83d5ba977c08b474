//! Counting: the closure of the host's that determines how many servers there should be, called now and then.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::Time;

use crate::handle::Handle;
use crate::jobs::{AsyncJob, BlockingJob, Job, Leash, Report};
use crate::mailbox::{Kind, Mailbox};

/// What an async closure of a [`Counter`] gives: nothing, or why it could not tell.
pub type Counting = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A closure that looks at the work there is and gives its commands by the handle.
#[derive(Clone)]
pub enum CountFn {
    /// One that blocks its thread.
    Blocking(Arc<dyn Fn(Handle) -> Result<(), String> + Send + Sync>),
    /// One that does not.
    Async(Arc<dyn Fn(Handle) -> Counting + Send + Sync>),
}

impl fmt::Debug for CountFn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Blocking(_) => "CountFn::Blocking",
            Self::Async(_) => "CountFn::Async",
        })
    }
}

/// When and how the number of servers is determined.
#[derive(Clone)]
pub struct Counter {
    /// Between the beginnings of two calls. One that takes longer is waited for.
    pub interval: Duration,
    /// How long a call may take before it counts as failed; an async one is given up then.
    pub timeout: Duration,
    /// What is called.
    pub count: CountFn,
}

impl fmt::Debug for Counter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Counter")
            .field("interval", &self.interval)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Calls of a counter: one at a time.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// When the next one is due; at once if none was made.
    due: Option<Time>,
    open: Option<Open>,
    /// How many there were.
    made: u64,
}

#[derive(Debug)]
struct Open {
    call: u64,
    /// When it counts as failed; none if it does already.
    deadline: Option<Time>,
    leash: Option<Leash>,
}

impl Calls {
    /// Gives when to look again.
    pub(crate) fn wakeup(&self) -> Option<Time> {
        match &self.open {
            Some(open) => open.deadline,
            None => self.due,
        }
    }

    /// Makes the next call if it is due.
    pub(crate) fn poll_job(
        &mut self,
        counter: &Counter,
        now: Time,
        mailbox: &Arc<Mailbox>,
        handle: impl FnOnce() -> Handle,
    ) -> Option<Job> {
        if self.open.is_some() || self.due.is_some_and(|due| due > now) {
            return None;
        }
        self.due = Some(now + counter.interval.max(Duration::from_millis(1)));
        let broken = "the closure that determines the number of servers panicked".to_owned();
        self.made += 1;
        let call = self.made;
        let report = Report::new(mailbox, Kind::Counted(call, Err(broken)));
        let handle = handle();
        let (job, leash) = match &counter.count {
            CountFn::Blocking(count) => {
                let count = Arc::clone(count);
                (Job::Blocking(BlockingJob::new(report, move || Kind::Counted(call, count(handle)))), None)
            }
            CountFn::Async(count) => {
                let count = Arc::clone(count);
                // The closure itself is called within, so that a panic of it is caught too.
                let (job, leash) =
                    AsyncJob::new(report, async move { Kind::Counted(call, count(handle).await) });
                (Job::Async(job), Some(leash))
            }
        };
        self.open = Some(Open { call, deadline: Some(now + counter.timeout), leash });
        Some(job)
    }

    /// Tells of a call that takes too long, once.
    pub(crate) fn overdue(&mut self, counter: &Counter, now: Time) -> Option<String> {
        let open = self.open.as_mut()?;
        open.deadline.take_if(|deadline| *deadline <= now)?;
        open.leash = None;
        Some(format!(
            "the closure that determines the number of servers took longer than {:?}",
            counter.timeout
        ))
    }

    /// Notes that a call has ended. Gives whether that is news: one that took too long has been told of, and one of a
    /// counter before this one is nobody's any more.
    pub(crate) fn end(&mut self, call: u64) -> bool {
        self.open.take_if(|open| open.call == call).is_some_and(|open| open.deadline.is_some())
    }

    /// Begins anew with another counter, at once. An async call of the old one is given up.
    pub(crate) fn renew(&mut self) {
        *self = Self { made: self.made, ..Self::default() };
    }
}
