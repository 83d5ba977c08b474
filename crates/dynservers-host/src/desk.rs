//! The desk: the store, one job at a time, never on the loop's own thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use dynservers_core::{Batch, Decision, DecisionQuery, Event, EventId, Seq, Store, StoreError};

use crate::driver::RunError;
use crate::handle::Caller;
use crate::jobs::{BlockingJob, Report};
use crate::mailbox::{Kind, Mailbox};
use crate::metrics::Metrics;

/// A question to the store's log.
#[derive(Debug)]
pub(crate) enum Read {
    /// What happened.
    Events { after: EventId, limit: usize, caller: Caller<Result<Vec<Event>, StoreError>> },
    /// What was decided.
    Decisions { wish: DecisionQuery, caller: Caller<Result<Vec<Decision>, StoreError>> },
}

impl Read {
    fn answer(self, store: &mut dyn Store) {
        match self {
            Self::Events { after, limit, caller } => caller.answer(store.events(after, limit)),
            Self::Decisions { wish, caller } => caller.answer(store.decisions(&wish)),
        }
    }
}

/// What a job did: wrote the batch of this number, or only read. The store comes home with it.
pub(crate) enum StoreEnd {
    Home(Box<dyn Store>, Result<Option<Seq>, StoreError>),
    /// It panicked, and the store is no more.
    Broken,
}

/// Owns the store. It travels with each job and comes back with the result, so that nothing has to be locked, and the
/// next job cannot begin before the last one has ended.
pub(crate) struct Desk {
    store: Option<Box<dyn Store>>,
    /// The machine has at most one batch out, but that one may have to wait for a read to end.
    batches: VecDeque<Batch>,
    reads: VecDeque<Read>,
    reads_no_more: bool,
    metrics: Arc<Metrics>,
}

impl Desk {
    pub(crate) fn new(store: Box<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self {
            store: Some(store),
            batches: VecDeque::new(),
            reads: VecDeque::new(),
            reads_no_more: false,
            metrics,
        }
    }

    /// Whether nothing is being done nor waits to be.
    pub(crate) fn is_free(&self) -> bool {
        self.store.is_some() && self.batches.is_empty() && self.reads.is_empty()
    }

    /// Writes a batch once the jobs before it have ended.
    pub(crate) fn write(&mut self, batch: Batch) {
        self.batches.push_back(batch);
    }

    /// Reads once there is nothing to write.
    pub(crate) fn read(&mut self, read: Read) {
        if !self.reads_no_more {
            self.reads.push_back(read);
        }
    }

    /// Lets go of whoever waits to read, now and from now on: readers must not keep a loop from its end.
    pub(crate) fn read_no_more(&mut self) {
        self.reads_no_more = true;
        self.reads.clear();
    }

    /// Gives the next job, if the store is here and there is one.
    pub(crate) fn poll_job(&mut self, mailbox: &Arc<Mailbox>) -> Option<BlockingJob> {
        if self.batches.is_empty() && self.reads.is_empty() {
            return None;
        }
        let mut store = self.store.take()?;
        let report = Report::new(mailbox, Kind::Stored(StoreEnd::Broken));
        if let Some(batch) = self.batches.pop_front() {
            let (metrics, begun) = (Arc::clone(&self.metrics), Instant::now());
            return Some(BlockingJob::new(report, move || {
                let result = store.append(&batch).map(|()| Some(batch.seq));
                metrics.write(begun.elapsed());
                Kind::Stored(StoreEnd::Home(store, result))
            }));
        }
        let read = self.reads.pop_front()?;
        Some(BlockingJob::new(report, move || {
            read.answer(&mut *store);
            Kind::Stored(StoreEnd::Home(store, Ok(None)))
        }))
    }

    /// Takes the store back. Gives the number of the batch that is durable now.
    pub(crate) fn end(&mut self, end: StoreEnd) -> Result<Option<Seq>, RunError> {
        match end {
            StoreEnd::Home(store, result) => {
                self.store = Some(store);
                result.map_err(RunError::Store)
            }
            StoreEnd::Broken => Err(RunError::StorePanicked),
        }
    }
}
