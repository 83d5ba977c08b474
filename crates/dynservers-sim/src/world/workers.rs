//! Workers: who is at work on each server, and what becomes of the questions that are put to them.

use std::collections::{BTreeMap, BTreeSet};

use dynservers_core::{Answer, Ask, Failure, ProviderId, Question, ServerId};

use super::step::AskFate;

/// How long a host waits for an answer, in milliseconds.
const PATIENCE: u64 = 10_000;
/// How long an answer takes, in milliseconds.
const SOON: u64 = 200;

/// Everybody at work. Workers go by real time, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workers {
    of: BTreeMap<ProviderId, Worker>,
    rule: Option<(AskFate, u8)>,
    asked: u64,
    /// Those whose stop was recorded while their type had no drain, which is irrevocable.
    pub(crate) unspared: BTreeSet<ServerId>,
}

/// Who works on one server.
#[derive(Clone, Debug, Default)]
struct Worker {
    /// Until when it has work in hand.
    busy_until: u64,
    is_draining: bool,
    is_gone: bool,
}

impl Workers {
    /// Has every n-th of the next questions meet this.
    pub(crate) fn rule(&mut self, fate: AskFate, every: u8) {
        self.rule = (fate != AskFate::Answer && every > 0).then_some((fate, every));
    }

    pub(crate) fn heal(&mut self) {
        self.rule = None;
    }

    /// Puts a question to a worker. Gives the answers that the host will hear, and when.
    pub(crate) fn hear(&mut self, ask: &Ask, now: u64) -> Vec<(u64, Answer)> {
        self.asked += 1;
        let rule = self.rule.filter(|(_, every)| self.asked.is_multiple_of(u64::from(*every)));
        let fate = rule.map_or(AskFate::Answer, |(fate, _)| fate);
        let silent = || Answer::Silent(Failure::new("no answer"));
        let heard = if fate == AskFate::LoseQuestion { silent() } else { self.answer(ask, now) };
        match fate {
            AskFate::Answer => vec![(now + SOON, heard)],
            AskFate::Twice => vec![(now + SOON, heard.clone()), (now + PATIENCE, heard)],
            AskFate::LoseQuestion | AskFate::LoseAnswer => vec![(now + PATIENCE, silent())],
            AskFate::Late(seconds) => vec![(now + SOON + u64::from(seconds) * 1_000, heard)],
            AskFate::Never => Vec::new(),
        }
    }

    fn answer(&mut self, ask: &Ask, now: u64) -> Answer {
        let Some(id) = ask.subject.provider_id.clone() else { return Answer::Done };
        let worker = self.of.entry(id).or_default();
        if worker.is_gone {
            return Answer::Gone;
        }
        match ask.question {
            Question::Drain { .. } => worker.is_draining = true,
            Question::Undrain => worker.is_draining = false,
            Question::Score => {}
        }
        if worker.busy_until > now && ask.question != Question::Undrain {
            let score = worker.busy_until.is_multiple_of(2).then_some(worker.busy_until - now);
            return Answer::Busy { score };
        }
        Answer::Done
    }

    /// Gives a worker work, if it takes any.
    pub(crate) fn occupy(&mut self, id: &ProviderId, until: u64) {
        let worker = self.of.entry(id.clone()).or_default();
        if !worker.is_draining && !worker.is_gone {
            worker.busy_until = worker.busy_until.max(until);
        }
    }

    pub(crate) fn leave(&mut self, id: &ProviderId) {
        self.of.entry(id.clone()).or_default().is_gone = true;
    }

    /// Whether a worker has work in hand.
    pub(crate) fn is_at_work(&self, id: &ProviderId, now: u64) -> bool {
        self.of.get(id).is_some_and(|worker| worker.busy_until > now && !worker.is_gone)
    }

    /// Whether a worker takes no work since it was told to drain, and is still there.
    pub(crate) fn is_idle_for_good(&self, id: &ProviderId) -> bool {
        self.of.get(id).is_some_and(|worker| worker.is_draining && !worker.is_gone)
    }
}
