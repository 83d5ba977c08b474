//! Draining: a worker finishes what it has before its server is stopped, and is called back if demand returns.

use alloc::boxed::Box;

use crate::ask::{Answer, Ask, Question, Subject};
use crate::backoff;
use crate::event::EventKind;
use crate::ids::ServerId;
use crate::output::Output;
use crate::reconciler::Reconciler;
use crate::record::Retry;
use crate::removal::Drain;
use crate::server::Score;
use crate::status::Status;
use crate::why::Why;

impl Reconciler {
    /// Begins the drain of a server whose end was decided. Its deadline is durable before anybody is asked.
    pub(crate) fn begin_drain(&mut self, id: ServerId) {
        if self.config.shadow {
            return;
        }
        let now = self.now;
        let Some(record) = self.ledger.server(id) else { return };
        let config = self.config.server_types.get(&record.server_type).and_then(|config| config.drain);
        let Some(config) = config else { return };
        self.ledger.update(id, |record| {
            record.recall = None;
            if let Some(removal) = &mut record.removal {
                removal.drain = Some(Drain { since: now, deadline: now + config.deadline, done: false });
            }
        });
        self.ledger.update_live(id, |live| live.ask_after = now);
        self.move_server(id, Status::Draining, EventKind::Draining);
    }

    /// Keeps a server that was to go. A worker that was told to drain is told that it goes on.
    pub(crate) fn reprieve(&mut self, id: ServerId) {
        let now = self.now;
        self.ledger.update(id, |record| {
            // Else it may still wait for the answer to an earlier call.
            if record.removal.take().is_some_and(|removal| removal.drain.is_some()) {
                record.recall = Some(Retry { tries: 0, at: now });
            }
        });
        if self.ledger.server(id).is_some_and(|record| record.status == Status::Draining) {
            self.move_server(id, Status::Running, EventKind::Undrained);
        }
    }

    /// Asks a worker, once everything that led to the question is durable.
    pub(crate) fn ask(&mut self, id: ServerId, question: Question) {
        // Who only watches asks, and tells nobody anything.
        if self.is_shutting_down || (self.config.shadow && question != Question::Score) {
            return;
        }
        let now = self.now;
        let Some(record) = self.ledger.server(id) else { return };
        let subject = Subject {
            server_type: record.server_type.clone(),
            name: record.name.clone(),
            provider: record.provider.clone(),
            provider_id: record.provider_id.clone(),
            addresses: record.addresses.clone(),
        };
        self.ledger.update_live(id, |live| live.asked = Some((question, now)));
        // So that the plan waits for the answer.
        self.ledger.touched.insert(&id);
        let ask = Output::Ask(Box::new(Ask { server: id, question, subject }));
        // Asked again and again: no write of nothing for that.
        if self.ledger.has_unsaved() || self.gate.is_writing() {
            self.gate.send_after_write(ask);
        } else {
            self.gate.send(ask);
        }
    }

    /// Takes an answer. One to a question that is not open any more is old news.
    pub(crate) fn handle_answered(&mut self, id: ServerId, question: Question, answer: Answer) {
        let asked = self.ledger.get(id).and_then(|server| server.live.asked);
        if asked.is_none_or(|(asked, _)| asked != question) {
            return;
        }
        self.ledger.update_live(id, |live| live.asked = None);
        self.ledger.touched.insert(&id);
        // Its type may wait to ask it something else.
        let server_type = self.ledger.server(id).map(|record| record.server_type.clone());
        self.ledger.touched_types.extend(server_type.as_ref());
        match question {
            Question::Drain { .. } => self.drain_answered(id, answer),
            Question::Undrain => self.recall_answered(id, answer),
            Question::Score => self.score_answered(id, &answer),
        }
    }

    fn drain_answered(&mut self, id: ServerId, answer: Answer) {
        let now = self.now;
        let Some(record) = self.ledger.server(id) else { return };
        let config = self.config.server_types.get(&record.server_type).and_then(|config| config.drain);
        let interval = config.map_or(self.config.timing.poll_interval, |config| config.interval);
        self.ledger.update_live(id, |live| live.ask_after = now + interval);
        match answer {
            Answer::Done | Answer::Gone => {
                self.ledger.update(id, |record| {
                    if let Some(drain) = record.removal.as_mut().and_then(|removal| removal.drain.as_mut()) {
                        drain.done = true;
                    }
                });
            }
            Answer::Busy { .. } => {}
            Answer::Silent(failure) => {
                // Written when it is news, since it is asked often.
                let known = self.ledger.server(id).and_then(|record| record.failure.as_ref());
                if known.map(|known| &**known) != Some(&failure) {
                    self.ledger.update(id, |record| record.failure = Some(failure.into()));
                }
            }
        }
    }

    fn recall_answered(&mut self, id: ServerId, answer: Answer) {
        let now = self.now;
        if self.ledger.server(id).is_none_or(|record| record.recall.is_none()) {
            return;
        }
        match answer {
            Answer::Done | Answer::Busy { .. } => {
                self.ledger.update(id, |record| {
                    record.recall = None;
                    record.failure = None;
                });
            }
            // There is a server and nobody works on it: another one is made in its place.
            Answer::Gone => {
                self.ledger.update(id, |record| {
                    record.recall = None;
                    record.failure = None;
                    // Unless an operator keeps it.
                    if !record.protected {
                        record.doom(Why::Drained, now);
                    }
                });
            }
            Answer::Silent(failure) => {
                self.ledger.update(id, |record| {
                    record.recall = Some(backoff::STEP.after(record.recall, now));
                    record.failure = Some(failure.into());
                });
            }
        }
    }

    fn score_answered(&mut self, id: ServerId, answer: &Answer) {
        let at = self.now;
        let value = match answer {
            Answer::Done | Answer::Gone => Some(0),
            // It has something, and does not say how much.
            Answer::Busy { score } => Some(score.unwrap_or(1)),
            Answer::Silent(_) => None,
        };
        self.ledger.update_live(id, |live| live.score = Some(Score { value, at }));
    }
}
