//! The gate: nothing leaves before the record of it is durable.

use alloc::collections::VecDeque;

use crate::ids::Seq;
use crate::ledger::Ledger;
use crate::output::Output;
use crate::record::Batch;
use crate::time::Time;

/// How many outputs the queues keep room for while they are empty: a burst that is over is not paid for any longer.
const ROOM: usize = 64;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventKind};
    use crate::ids::{EventId, FleetName, OwnerId, ProviderName, ServerId, TypeName};
    use crate::output::Prepare;
    use crate::record::Stored;
    use alloc::sync::Arc;

    fn ledger() -> Ledger {
        Ledger::restore(Stored::empty(FleetName::new("fleet").unwrap(), OwnerId::from_random(1)))
    }

    fn prepare(number: u64) -> Output {
        Output::Prepare(Prepare { server: ServerId(number), server_type: TypeName::new("default").unwrap() })
    }

    fn notify() -> Output {
        let kind = EventKind::Resumed { provider: ProviderName::new("cloud").unwrap() };
        Output::Notify(Arc::new(Event { id: EventId(1), at: Time::ZERO, kind }))
    }

    fn poll(gate: &mut Gate) -> Option<Output> {
        gate.poll(&mut ledger(), Time::ZERO)
    }

    /// Takes the batch that must come next, and tells its number and whether it must be on the disk.
    fn batch(gate: &mut Gate) -> (u64, bool) {
        match poll(gate) {
            Some(Output::Persist(batch)) => (batch.seq.0, batch.must_sync),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_waits_for_a_write_leaves_after_that_write_and_no_other() {
        let mut gate = Gate::default();
        gate.send_after_write(prepare(1));
        assert_eq!(batch(&mut gate), (1, true));
        gate.send_after_write(prepare(2));
        gate.persisted(Seq(2));
        gate.persisted(Seq(0));
        assert_eq!(poll(&mut gate), None, "one write at a time, and its news is still to come");
        gate.persisted(Seq(1));
        assert_eq!(poll(&mut gate), Some(prepare(1)));
        assert_eq!(batch(&mut gate), (2, true));
        gate.persisted(Seq(1));
        assert_eq!(poll(&mut gate), None, "that is old news");
        gate.persisted(Seq(2));
        assert_eq!((poll(&mut gate), poll(&mut gate)), (Some(prepare(2)), None));
    }

    #[test]
    fn one_write_is_enough_for_all_that_was_sent_before_it() {
        let mut gate = Gate::default();
        gate.send_after_write(prepare(1));
        gate.send_after_write(prepare(2));
        gate.send(prepare(3));
        assert_eq!(poll(&mut gate), Some(prepare(3)), "what needs no record does not wait");
        assert_eq!(batch(&mut gate), (1, true));
        gate.persisted(Seq(1));
        assert_eq!((poll(&mut gate), poll(&mut gate)), (Some(prepare(1)), Some(prepare(2))));
        assert_eq!(poll(&mut gate), None);
    }

    #[test]
    fn a_write_must_be_on_the_disk_if_anything_but_news_waits_for_it() {
        let mut gate = Gate::default();
        gate.send_after_write(notify());
        assert_eq!(batch(&mut gate), (1, false));
        gate.persisted(Seq(1));
        assert_eq!(poll(&mut gate), Some(notify()));
        gate.send_after_write(notify());
        gate.send_after_write(prepare(1));
        assert_eq!(batch(&mut gate), (2, true));
    }

    #[test]
    fn what_changed_is_written_though_nothing_waits_for_it() {
        let (mut gate, mut ledger) = (Gate::default(), ledger());
        ledger.update_fleet(|fleet| fleet.paused_out = true);
        assert!(
            matches!(gate.poll(&mut ledger, Time::ZERO), Some(Output::Persist(batch)) if batch.changes.len() == 1)
        );
        gate.persisted(Seq(1));
        assert_eq!(gate.poll(&mut ledger, Time::ZERO), None, "it is written");
    }

    #[test]
    fn it_is_empty_when_nothing_is_written_or_waits_or_is_to_be_taken() {
        let mut gate = Gate::default();
        assert!(gate.is_empty() && !gate.is_writing());
        gate.send_after_write(prepare(1));
        assert!(!gate.is_empty() && !gate.is_writing(), "it waits");
        batch(&mut gate);
        assert!(!gate.is_empty() && gate.is_writing());
        gate.persisted(Seq(1));
        assert!(!gate.is_empty() && !gate.is_writing(), "it is to be taken");
        poll(&mut gate);
        assert!(gate.is_empty());
    }
}
