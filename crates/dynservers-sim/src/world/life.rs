//! The life of a process: how it starts and ends, and what it writes meanwhile.

use dynservers_core::{Batch, Change, Input, Ledger, Op, Reconciler, ServerRecord, Time};

use super::cloud::Cloud;
use super::host::{Happening, Process};
use super::law::{self, Law};
use super::run::World;
use super::step::{Crash, StoreTrouble};

/// How long a process that ended by itself stays away, in seconds.
const RESTART: u16 = 5;

impl<C: Cloud> World<C> {
    /// Starts a process, if none is there: it reads the store and the wall clock, and nothing else.
    pub(crate) fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        self.processes += 1;
        let stored = self.store.load();
        let begun = Time::from_millis(self.wall()).max(stored.fleet.time);
        let ledger = Ledger::restore(stored);
        let contradictions = ledger.contradictions(&self.config);
        if !contradictions.is_empty() {
            // An operator puts back what is still in use.
            self.shape.retires = false;
            self.config = self.setup.config(self.shape);
        }
        let seed = self.seeds.u64(..);
        let machine = Reconciler::new(self.config.clone(), ledger, seed, begun);
        self.trace.note(self.now, || format!("process {} begins", self.processes));
        self.process = Some(Process::new(self.processes, machine, (begun, self.now)));
        self.drain();
    }

    /// Ends the process: what was not durable is forgotten, what was sent still arrives, and its answer finds nobody.
    pub(crate) fn crash(&mut self, crash: Crash) {
        if self.process.take().is_none() {
            return;
        }
        self.death = None;
        self.end_write(crash.is_done);
        if crash.skew > 0 {
            self.evidence.note("the clock put forward");
        } else if crash.skew < 0 {
            self.evidence.note("the clock put back");
        }
        self.skew += i64::from(crash.skew) * 1_000;
        self.trace.note(self.now, || format!("the process ends: {crash:?}"));
        self.queue(self.now + u64::from(crash.down) * 1_000, Happening::Start);
    }

    /// Ends the process as its own loop does that cannot write.
    pub(super) fn give_up(&mut self) {
        self.crash(Crash { after: 0, is_done: false, down: RESTART, skew: 0 });
    }

    /// Decides what becomes of a write that is under way as its process ends.
    pub(super) fn end_write(&mut self, is_kept: bool) {
        let is_write = |happening: &Happening| matches!(happening, Happening::Written { .. });
        let Some(key) = self.queue.iter().find(|(_, happening)| is_write(happening)).map(|(key, _)| *key)
        else {
            return;
        };
        if let Some(Happening::Written { batch, .. }) = self.queue.remove(&key)
            && is_kept
        {
            self.write(&batch);
        }
    }

    /// Another process takes the ledger over while this one writes: what it writes is refused, and it ends.
    pub(crate) fn fence(&mut self) {
        let is_writing = self.queue.values().any(|happening| matches!(happening, Happening::Written { .. }));
        self.evidence.note(if is_writing { "a write fenced off" } else { "a leader deposed" });
        self.crash(Crash { after: 0, is_done: false, down: 0, skew: 0 });
    }

    /// Whether a create is on its way, or what it made is not listed yet, so that a ledger that does not know of it is not what
    /// the fleet was promised.
    pub(crate) fn is_creating(&self) -> bool {
        let is_unlisted = |at: u64| self.now < at + u64::from(self.court.lag);
        let is_create = |happening: &Happening| match happening {
            Happening::Arrive { effect, .. } => matches!(effect.op, Op::CreateFromSnapshot(_)),
            _ => false,
        };
        self.court.created_at.is_some_and(is_unlisted) || self.queue.values().any(is_create)
    }

    pub(super) fn persist(&mut self, process: u64, batch: Batch) -> Option<Input> {
        if self.store.failing > 0 {
            self.store.failing -= 1;
            self.evidence.note("a write refused");
            self.give_up();
            return None;
        }
        match self.store.next.take() {
            Some(StoreTrouble::LoseReply) => {
                self.write(&batch);
                self.evidence.note("a write that took effect unheard");
                self.give_up();
                None
            }
            Some(_) => {
                self.evidence.note("a batch torn");
                self.give_up();
                None
            }
            None if self.store.slow > 0 => {
                let done = self.now + u64::from(self.store.slow);
                self.queue(done, Happening::Written { process, batch });
                None
            }
            None => {
                self.write(&batch);
                Some(Input::Persisted(batch.seq))
            }
        }
    }

    pub(super) fn write(&mut self, batch: &Batch) {
        if !self.court.may_take_over {
            self.judge(law::judge_owners(batch, &self.store));
        }
        if !self.court.misled {
            self.judge(law::judge_conviction(batch, &self.store, &self.servers(), &self.court.uncounted));
        }
        for change in &batch.changes {
            match change {
                Change::Server(record) => self.note_record(record),
                Change::Forget(_) => self.evidence.note("records forgotten"),
                _ => {}
            }
        }
        if let Some(wrong) = self.store.append(batch) {
            self.violate(Law::Deterministic, wrong);
        }
    }

    pub(super) fn note_record(&mut self, record: &ServerRecord) {
        let known = self.store.server(record.id).map_or(0, |known| known.abandoned.len());
        if record.abandoned.len() > known {
            self.evidence.note("an attempt given up");
        }
        let config = self.config.server_types.get(&record.server_type);
        if config.is_none_or(|config| config.drain.is_none())
            && record.removal.as_ref().is_some_and(|removal| removal.stop.is_some())
        {
            self.workers.unspared.insert(record.id);
        }
    }
}
