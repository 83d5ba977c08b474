//! A server's turning points: made ready, bound, unmade, given up, disowned, ended.

use alloc::vec::Vec;
use core::time::Duration;

use crate::effect::{Addresses, Failure, Reason, Step};
use crate::event::EventKind;
use crate::ids::{ProviderId, ProviderName, ServerId};
use crate::input::Prepared;
use crate::reconciler::{Reconciler, set_phase};
use crate::record::{Phase, ServerRecord};
use crate::status::Status;
use crate::time::Time;
use crate::why::Why;

/// Looks so many times as far apart as they should be say little about when something happened between them.
const LATE: u32 = 3;
/// How many given-up tokens a record keeps: what bears an older one is an orphan like any other.
const MOST_ABANDONED: usize = 32;

impl Reconciler {
    /// Decides on the end of a server that failed and was kept long enough. Who only watches decides on nobody's end:
    /// another process would carry it out.
    pub(crate) fn let_failed_go(&mut self, id: ServerId) {
        let now = self.now;
        if !self.config.shadow {
            self.ledger.update(id, |record| record.doom(Why::Failed, now));
        }
    }

    /// Takes the name and specification of a new server, or the reason why there is none.
    pub(crate) fn handle_prepared(&mut self, id: ServerId, result: Result<Prepared, Failure>) {
        let Some(record) = self.ledger.server(id).filter(|record| record.status == Status::New) else {
            return;
        };
        let server_type = record.server_type.clone();
        let provider = record.provider.clone();
        match result {
            Ok(Prepared { name, spec }) => {
                let hash = self.ledger.keep_spec(spec);
                self.ledger.update(id, |record| {
                    record.name = name.into();
                    record.spec = Some(hash);
                });
                self.prepared.entry(server_type).or_default().insert(id);
                self.touched_providers.insert(&provider);
            }
            Err(failure) => {
                // It stays wanted, and is asked about again when the type's wait is over.
                self.unprepared.entry(server_type.clone()).or_default().insert(id);
                let (next_try, is_first) = self.back_off_create(&server_type, Reason::Invalid);
                self.ledger.update(id, |record| record.failure = Some(failure.clone().into()));
                if is_first {
                    let reason = Reason::Invalid;
                    self.notify(EventKind::CreateRefused {
                        server: id,
                        server_type,
                        reason,
                        failure,
                        next_try,
                    });
                }
            }
        }
    }

    /// The server of a record is known by its id from now on; no later news of the create can undo that.
    pub(crate) fn bind(
        &mut self,
        id: ServerId,
        provider_id: ProviderId,
        addresses: Addresses,
        unfinished: Option<Step>,
    ) {
        let now = self.now;
        let server_type = self.ledger.update(id, |record| {
            set_phase(record, Phase::Bound);
            record.provider_id = Some(provider_id);
            record.bound_at = Some(now);
            record.unfinished = unfinished;
            record.failure = None;
            if !addresses.is_empty() {
                record.addresses = addresses;
            }
            record.server_type.clone()
        });
        let Some(server_type) = server_type else { return };
        if self.type_record(&server_type).is_some_and(|record| !record.create_backoff.is_empty()) {
            self.ledger.update_type(&server_type, |record| {
                record.create_backoff.clear();
                record.creates_fail_since = None;
            });
        }
    }

    /// Gives up an attempt; whatever bears its token later is a late duplicate.
    pub(crate) fn abandon_attempt(&mut self, id: ServerId) {
        let forgotten = self.ledger.update(id, |record| {
            record.abandoned.extend(record.attempt.take().map(|attempt| attempt.token));
            let excess = record.abandoned.len().saturating_sub(MOST_ABANDONED);
            record.abandoned.drain(..excess).collect::<Vec<_>>()
        });
        forgotten.iter().flatten().for_each(|token| self.ledger.forget_token(*token));
    }

    /// An attempt made nothing. The server is as new as before, or is not wanted any more and never was.
    pub(crate) fn unmake(&mut self, id: ServerId) {
        self.abandon_attempt(id);
        let now = self.now;
        let is_wanted = |record: &ServerRecord| record.removal.is_none() && self.is_placed(record);
        if self.ledger.server(id).is_some_and(is_wanted) {
            self.ledger.update(id, |record| record.move_to(Status::New, now));
            self.ask_to_prepare(id);
        } else {
            self.end_server(id);
        }
    }

    /// Whether a record is where servers of its type are made by now.
    pub(crate) fn is_placed(&self, record: &ServerRecord) -> bool {
        let config = self.config.server_types.get(&record.server_type);
        config.is_some_and(|config| config.provider == record.provider)
    }

    /// Drops a server that was never made. One that was tried before stays known by the tokens that it gave up.
    pub(crate) fn drop_new(&mut self, id: ServerId) {
        let Some(record) = self.ledger.server(id) else { return };
        for waiting in [&mut self.prepared, &mut self.unprepared] {
            waiting.get_mut(&record.server_type).map(|ids| ids.remove(&id));
        }
        if record.abandoned.is_empty() {
            self.ledger.forget(id);
        } else {
            self.end_server(id);
        }
    }

    /// A hanging server had all the time there is.
    pub(crate) fn give_up(&mut self, id: ServerId) {
        let now = self.now;
        self.ledger.update(id, |record| {
            record.failed_at = Some(now);
            record
                .failure
                .get_or_insert_with(|| Failure::new("it did not come up in all the time that it had").into());
        });
        self.move_server(id, Status::Errored, EventKind::Errored);
    }

    /// A server lost our labels: somebody took it from us, and it is not touched again.
    pub(crate) fn disown(&mut self, id: ServerId) {
        if self.ledger.server(id).is_none_or(|record| record.disowned || record.status == Status::Deleted) {
            return;
        }
        let told = self.ledger.update(id, |record| {
            record.disowned = true;
            record.tell()
        });
        if let Some(told) = told {
            self.notify(EventKind::Disowned(told));
        }
    }

    /// There is no server any more, or there never was.
    pub(crate) fn end_server(&mut self, id: ServerId) {
        let deleted = self.ledger.server(id).and_then(|record| record.removal.as_ref()?.delete);
        if let Some(delete) = deleted {
            self.learn(id, Status::Deleting, delete.at);
        }
        self.ledger.update_live(id, |live| {
            live.suspected = false;
            live.inspect = false;
            live.absent = false;
        });
        self.change_and_move_server(id, Status::Deleted, EventKind::Deleted, |record| record.retry = None);
    }

    /// Learns how long a boot takes from one that has ended.
    pub(crate) fn learn_boot(&mut self, id: ServerId) {
        let Some(record) = self.ledger.server(id) else { return };
        let was_starting = record.status == Status::Starting
            || (record.status == Status::Hanging && record.previous_status == Some(Status::Starting));
        if let Some(bound_at) = record.bound_at.filter(|_| was_starting) {
            self.learn(id, Status::Starting, bound_at);
        }
    }

    /// Whether a look shows what happened while nobody looked, and not how long that took.
    fn was_unseen(&self, name: &ProviderName, since: Time) -> bool {
        let Some(live) = self.provider(name) else { return true };
        let begun = live.look.as_ref().map_or(self.now, |run| run.reading.begun);
        // A look of many pages is as late as it is long.
        let pause = self.config.timing.poll_interval.max(self.now.since(begun)).saturating_mul(LATE);
        live.looked.map_or(since < self.started, |looked| begun > looked.max(since) + pause)
    }

    /// Learns how long a passing status takes: at once if it took longer, slowly if it took less.
    pub(crate) fn learn(&mut self, id: ServerId, status: Status, since: Time) {
        let taken = self.now.since(since);
        let Some(record) = self.ledger.server(id) else { return };
        if self.was_unseen(&record.provider, since) {
            return;
        }
        let server_type = record.server_type.clone();
        let known = self.type_record(&server_type).and_then(|record| record.learned.get(&status)).copied();
        let next = known.map_or(taken, |known| taken.max(known.saturating_mul(7).saturating_add(taken) / 8));
        if known != Some(next) && next > Duration::ZERO {
            self.ledger.update_type(&server_type, |record| {
                record.learned.insert(status, next);
            });
        }
    }
}
