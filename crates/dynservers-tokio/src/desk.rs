//! The desk: the store on the blocking pool, one job at a time.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;

use dynservers_core::{Batch, Event, EventId, Seq, Store, StoreError};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::engine::RunError;
use crate::metrics::Metrics;

/// A question to the store's log.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) after: EventId,
    pub(crate) limit: usize,
    pub(crate) answer: oneshot::Sender<Result<Vec<Event>, StoreError>>,
}

/// What a job did: wrote the batch of this number, or only read.
type Job = (Box<dyn Store>, Result<Option<Seq>, StoreError>);

/// Owns the store. It travels to the blocking pool with each job and comes back with the result, so that nothing has
/// to be locked, and the next job cannot begin before the last one has ended.
pub(crate) struct Desk {
    store: Option<Box<dyn Store>>,
    job: Option<JoinHandle<Job>>,
    /// The machine has at most one batch out, but that one may have to wait for a read to end.
    batches: VecDeque<Batch>,
    metrics: Arc<Metrics>,
}

impl Desk {
    pub(crate) fn new(store: Box<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store: Some(store), job: None, batches: VecDeque::new(), metrics }
    }

    /// Whether nothing is being done nor waits to be.
    pub(crate) fn is_free(&self) -> bool {
        self.job.is_none() && self.batches.is_empty()
    }

    /// Writes a batch once the jobs before it have ended.
    pub(crate) fn write(&mut self, batch: Batch) {
        self.batches.push_back(batch);
        self.begin_next();
    }

    /// Reads; to be called while the desk is free. Otherwise the question is dropped, which its asker notices.
    pub(crate) fn read(&mut self, read: Read) {
        let Some(mut store) = self.store.take() else { return };
        self.job = Some(spawn_blocking(move || {
            // Whoever asked may have gone.
            let _ = read.answer.send(store.events(read.after, read.limit));
            (store, Ok(None))
        }));
    }

    /// Waits for the end of a job, for ever if there is none. Gives the number of the batch that is durable now.
    ///
    /// Cancel safe: a job that has ended is told of by the next call.
    pub(crate) async fn done(&mut self) -> Result<Option<Seq>, RunError> {
        let Some(job) = &mut self.job else { return pending().await };
        let joined = job.await;
        self.job = None;
        let (store, result) = joined.map_err(|_| RunError::StorePanicked)?;
        self.store = Some(store);
        let seq = result.map_err(RunError::Store)?;
        self.begin_next();
        Ok(seq)
    }

    /// Waits for the job under way and lets the store go, which may close files: not on the caller's thread.
    pub(crate) async fn close(mut self) {
        if let Some(job) = self.job.take()
            && let Ok((store, _)) = job.await
        {
            self.store = Some(store);
        }
        let store = self.store.take();
        let _ = spawn_blocking(move || drop(store)).await;
    }

    fn begin_next(&mut self) {
        if self.batches.is_empty() {
            return;
        }
        let Some(mut store) = self.store.take() else { return };
        let Some(batch) = self.batches.pop_front() else { return };
        let (metrics, begun) = (Arc::clone(&self.metrics), Instant::now());
        self.job = Some(spawn_blocking(move || {
            let result = store.append(&batch).map(|()| Some(batch.seq));
            metrics.write(begun.elapsed());
            (store, result)
        }));
    }
}
