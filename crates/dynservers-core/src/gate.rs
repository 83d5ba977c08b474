//! The gate: nothing leaves before the record of it is durable.

use alloc::collections::VecDeque;

use crate::ids::Seq;
use crate::ledger::Ledger;
use crate::output::Output;
use crate::record::Batch;
use crate::time::Time;

/// How many outputs the queues keep room for while they are empty: a burst that is over is not paid for any longer.
const ROOM: usize = 256;

/// Outputs on their way out, those that wait for a write behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Gate {
    /// The number of the latest batch that was handed out.
    last: Seq,
    /// The batch that the host is writing.
    writing: Option<Seq>,
    ready: VecDeque<Output>,
    waiting: VecDeque<(Seq, Output)>,
}

impl Gate {
    /// Lets out at once what needs no record.
    pub(crate) fn send(&mut self, output: Output) {
        self.ready.push_back(output);
    }

    /// Lets out once everything that is unsaved now is durable.
    pub(crate) fn send_after_write(&mut self, output: Output) {
        self.waiting.push_back((Seq(self.last.0 + 1), output));
    }

    /// Takes news of a write. News of a batch that is not being written is old news.
    pub(crate) fn persisted(&mut self, seq: Seq) {
        if self.writing != Some(seq) {
            return;
        }
        self.writing = None;
        while self.waiting.front().is_some_and(|(after, _)| *after <= seq) {
            self.ready.extend(self.waiting.pop_front().map(|(_, output)| output));
        }
        if self.waiting.is_empty() {
            self.waiting.shrink_to(ROOM);
        }
    }

    /// Whether a write is under way.
    pub(crate) const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Gives the next output. A batch comes last, so that everything told before it is in it.
    pub(crate) fn poll(&mut self, ledger: &mut Ledger, now: Time) -> Option<Output> {
        if let Some(output) = self.ready.pop_front() {
            return Some(output);
        }
        self.ready.shrink_to(ROOM);
        let is_idle = !ledger.has_unsaved() && self.waiting.is_empty();
        if self.writing.is_some() || is_idle {
            return None;
        }
        self.last = Seq(self.last.0 + 1);
        self.writing = Some(self.last);
        let must_sync = self.waiting.iter().any(|(_, output)| !matches!(output, Output::Notify(_)));
        Some(Output::Persist(Batch { seq: self.last, at: now, must_sync, changes: ledger.take_unsaved(now) }))
    }

    /// Whether nothing is left to write or to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.writing.is_none() && self.ready.is_empty() && self.waiting.is_empty()
    }
}
