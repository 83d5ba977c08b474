//! Jobs: what a loop has done for it elsewhere. Each tells the loop of its end by itself, whatever becomes of it.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use futures_lite::FutureExt as _;

use crate::mailbox::{Kind, Mailbox};

/// Something to be done outside of the loop.
#[derive(Debug)]
pub enum Job {
    /// To be run where blocking is allowed.
    Blocking(BlockingJob),
    /// To be polled beside the loop.
    Async(AsyncJob),
}

/// The news of a job's end: that of its work, or the one for when it broke off.
///
/// A job that panics, is dropped, or is never run tells that it broke off, so that nobody waits for ever.
pub(crate) struct Report {
    mailbox: Arc<Mailbox>,
    /// Boxed, since it is carried around and hardly ever needed.
    broken: Option<Box<Kind>>,
}

impl Report {
    pub(crate) fn new(mailbox: &Arc<Mailbox>, broken: Kind) -> Self {
        Self { mailbox: Arc::clone(mailbox), broken: Some(Box::new(broken)) }
    }

    pub(crate) fn tell(mut self, news: Kind) {
        self.broken = None;
        // The loop may have ended.
        let _ = self.mailbox.push(news);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(news) = self.broken.take() {
            // The loop may have ended.
            let _ = self.mailbox.push(*news);
        }
    }
}

/// Work that may block its thread: the store, a blocking executor, a question to a worker.
pub struct BlockingJob {
    work: Box<dyn FnOnce() -> Kind + Send>,
    report: Report,
}

impl fmt::Debug for BlockingJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BlockingJob").finish_non_exhaustive()
    }
}

impl BlockingJob {
    pub(crate) fn new(report: Report, work: impl FnOnce() -> Kind + Send + 'static) -> Self {
        Self { work: Box::new(work), report }
    }

    /// Does the work on this thread, and tells the loop. A panic of the work does not come through.
    pub fn run(self) {
        // What it panicked with is not repeated, since that may hold anything.
        match catch_unwind(AssertUnwindSafe(self.work)) {
            Ok(news) => self.report.tell(news),
            Err(_) => drop(self.report),
        }
    }
}

/// Work that waits without a thread of its own: an async executor, an async closure.
///
/// It ends early when the loop does not wait for it any more.
#[must_use = "nothing happens but while this is polled"]
pub struct AsyncJob(Pin<Box<dyn Future<Output = ()> + Send>>);

impl fmt::Debug for AsyncJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AsyncJob").finish_non_exhaustive()
    }
}

impl AsyncJob {
    /// Makes a job, and what keeps it going: once that is dropped, it is given up.
    pub(crate) fn new(report: Report, work: impl Future<Output = Kind> + Send + 'static) -> (Self, Leash) {
        let (leash, given_up) = async_channel::bounded::<()>(1);
        let job = async move {
            let work = AssertUnwindSafe(work).catch_unwind();
            let given_up = async {
                // Nothing is ever sent: this ends when the leash is let go.
                let _ = given_up.recv().await;
                None
            };
            let ended = async { work.await.ok() }.or(given_up).await;
            match ended {
                Some(news) => report.tell(news),
                None => drop(report),
            }
        };
        (Self(Box::pin(job)), Leash { _held: leash })
    }

    /// Gives the future to be polled.
    pub fn run(self) -> impl Future<Output = ()> + Send + 'static {
        self.0
    }
}

/// Keeps an [`AsyncJob`] going.
#[derive(Debug)]
pub(crate) struct Leash {
    _held: async_channel::Sender<()>,
}
