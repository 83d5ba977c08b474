//! Creation: what becomes of the request that makes a server, and of the type when it is refused.

use alloc::boxed::Box;

use crate::backoff;
use crate::effect::{Failure, Outcome, Reason, Step};
use crate::event::EventKind;
use crate::ids::{ProviderName, ServerId, Token, TypeName};
use crate::look::Observed;
use crate::reconciler::{Reconciler, set_phase};
use crate::record::{Phase, Retry};
use crate::status::Status;
use crate::time::Time;

impl Reconciler {
    /// Lets a type wait after a refusal, longer each time. Gives until when, and whether this refusal is news.
    pub(crate) fn back_off_create(&mut self, server_type: &TypeName, reason: Reason) -> (Time, bool) {
        let now = self.now;
        let before =
            self.type_record(server_type).and_then(|record| record.create_backoff.get(&reason)).copied();
        let retry = match reason {
            Reason::Busy => Retry { tries: 1, at: now + self.config.timing.poll_interval },
            Reason::Invalid | Reason::Quota | Reason::Credit | Reason::Capacity => match before {
                // Refusals of one burst are one refusal.
                Some(before) if now < before.at => return (before.at, false),
                before => backoff::CREATE.after(before, now),
            },
        };
        self.ledger.update_type(server_type, |record| {
            record.create_backoff.insert(reason, retry);
            record.creates_fail_since.get_or_insert(now);
        });
        (retry.at, true)
    }

    /// A create was refused: the record ends as failed, and its type waits, longer each time.
    pub(crate) fn refuse_create(&mut self, id: ServerId, reason: Reason, failure: Failure) {
        let now = self.now;
        let Some(record) = self.ledger.server(id) else { return };
        let server_type = record.server_type.clone();
        let (next_try, _) = self.back_off_create(&server_type, reason);
        self.ledger.update(id, |record| {
            record.failure = Some(failure.clone().into());
            record.failed_at = Some(now);
        });
        if reason == Reason::Busy {
            self.unmake(id);
            return;
        }
        self.abandon_attempt(id);
        if self.ledger.server(id).is_some_and(|record| record.removal.is_some()) {
            self.end_server(id);
        } else {
            self.move_server(id, Status::Errored, EventKind::Errored);
            self.notify(EventKind::CreateRefused { server: id, server_type, reason, failure, next_try });
        }
    }

    pub(crate) fn handle_create(
        &mut self,
        name: &ProviderName,
        id: ServerId,
        token: Token,
        outcome: Outcome,
        next: Option<Step>,
    ) {
        let attempt = self.ledger.server(id).and_then(|record| record.attempt.clone());
        let is_open = attempt.is_some_and(|attempt| attempt.token == token && attempt.phase != Phase::Bound);
        match outcome {
            Outcome::Created(observed) => self.created(name, id, token, is_open, observed, next),
            _ if !is_open => {}
            Outcome::Refused(reason, failure) => self.refuse_create(id, reason, failure),
            Outcome::Absent(failure) => self.refuse_create(id, Reason::Invalid, failure),
            Outcome::Vanished(failure) => self.refuse_create(id, Reason::Capacity, failure),
            Outcome::Denied(failure) | Outcome::Unsent(failure) => {
                self.ledger.update(id, |record| record.failure = Some(failure.into()));
                self.unmake(id);
            }
            Outcome::Throttled { failure, .. } => {
                self.ledger.update(id, |record| {
                    record.failure = Some(failure.into());
                    set_phase(record, Phase::Throttled);
                });
            }
            Outcome::Exists(failure) => {
                self.ledger.update_live(id, |live| live.exists = true);
                self.undecided(id, failure);
            }
            Outcome::Lost(failure) => self.undecided(id, failure),
            Outcome::Page(_) | Outcome::Inspected(_) | Outcome::Account(_) | Outcome::Accepted => {
                self.ledger.update(id, |record| set_phase(record, Phase::Uncertain));
            }
        }
    }

    fn undecided(&mut self, id: ServerId, failure: Failure) {
        self.ledger.update(id, |record| {
            record.failure = Some(failure.into());
            set_phase(record, Phase::Uncertain);
        });
    }

    /// The server is there. If its record knows already, or has given it up, that is what decides.
    fn created(
        &mut self,
        name: &ProviderName,
        id: ServerId,
        token: Token,
        is_open: bool,
        observed: Box<Observed>,
        next: Option<Step>,
    ) {
        let bound = self.ledger.server(id).and_then(|record| record.provider_id.clone());
        if is_open {
            let Observed { provider_id, addresses, .. } = *observed;
            self.bind(id, provider_id, addresses, next);
        } else if bound.as_ref() == Some(&observed.provider_id) {
            self.ledger.update(id, |record| {
                if !observed.addresses.is_empty() {
                    record.addresses = observed.addresses;
                }
                record.unfinished = next;
            });
        } else if self.ledger.by_provider_id(name, &observed.provider_id).is_none() {
            let mut observed = observed;
            observed.labels.token = Some(token);
            self.adopt_duplicate(name, &observed);
        }
    }
}
