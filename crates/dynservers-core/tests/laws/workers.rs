//! Workers: who is at work on each server, and what becomes of the questions that are put to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dynservers_core::{
    Answer, Ask, Batch, Change, Config, DrainConfig, Effect, Failure, Input, Op, PolicyConfig, ProviderState,
    Question, Rule, ServerId, ServerRecord, Status, Time, Why,
};

use crate::world::{World, config, type_name};

/// How long a worker may take to drain in these worlds, and how often it is asked.
pub(crate) const DEADLINE: Duration = Duration::from_secs(900);
pub(crate) const INTERVAL: Duration = Duration::from_secs(15);

/// How long a host waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What befalls one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AskFate {
    Answer,
    LoseQuestion,
    LoseAnswer,
    Never,
    Late(u64),
    Twice,
}

/// Who works on one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worker {
    /// Until when it has work in hand.
    pub(crate) busy_until: Time,
    pub(crate) is_draining: bool,
    pub(crate) is_gone: bool,
    pub(crate) score: Option<u64>,
}

/// Everybody at work, and what they were asked.
pub(crate) struct Workers {
    pub(crate) of: BTreeMap<ServerId, Worker>,
    pub(crate) asked: Vec<(Time, ServerId, &'static str)>,
    pub(crate) fates: Box<dyn FnMut(&Ask) -> AskFate>,
    /// Those whose stop was recorded while their type had no drain, which is irrevocable.
    unspared: BTreeSet<ServerId>,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            of: BTreeMap::new(),
            asked: Vec::new(),
            fates: Box::new(|_| AskFate::Answer),
            unspared: BTreeSet::new(),
        }
    }
}

impl Workers {
    pub(crate) fn count(&self, question: &str) -> usize {
        self.asked.iter().filter(|(_, _, name)| *name == question).count()
    }

    fn answer(&mut self, ask: &Ask, now: Time) -> Answer {
        let worker = self.of.entry(ask.server).or_default();
        if worker.is_gone {
            return Answer::Gone;
        }
        match ask.question {
            Question::Drain { .. } => worker.is_draining = true,
            Question::Undrain => worker.is_draining = false,
            Question::Score => {}
        }
        let is_busy = worker.busy_until > now;
        if is_busy && ask.question != Question::Undrain {
            return Answer::Busy { score: worker.score };
        }
        Answer::Done
    }
}

impl World {
    /// Puts a question to a worker, whose answer comes later or never.
    pub(crate) fn hear(&mut self, ask: &Ask) {
        assert!(self.workers.asked.len() < 100_000, "a worker is asked without end");
        self.workers.asked.push((self.now, ask.server, ask.question.name()));
        if let Question::Drain { deadline } = ask.question {
            let stored = self.disk.stored.servers.iter().find(|record| record.id == ask.server);
            let drain = stored.and_then(|record| record.removal.as_ref()?.drain);
            assert_eq!(
                drain.map(|drain| drain.deadline),
                Some(deadline),
                "its deadline is durable before it is told"
            );
        }
        let fate = (self.workers.fates)(ask);
        let silent = || Answer::Silent(Failure::new("no answer"));
        let heard = if fate == AskFate::LoseQuestion { silent() } else { self.workers.answer(ask, self.now) };
        let soon = self.now + Duration::from_millis(self.latency);
        let answers = match fate {
            AskFate::Answer => vec![(soon, heard)],
            AskFate::Twice => vec![(soon, heard.clone()), (soon + PATIENCE, heard)],
            AskFate::LoseQuestion | AskFate::LoseAnswer => vec![(self.now + PATIENCE, silent())],
            AskFate::Late(seconds) => vec![(soon + Duration::from_secs(seconds), heard)],
            AskFate::Never => Vec::new(),
        };
        for (at, answer) in answers {
            let input = Input::Answered { server: ask.server, question: ask.question, answer };
            self.answers.push_back((self.process, at, input));
        }
    }

    /// Gives every server that runs work for so many seconds.
    pub(crate) fn occupy_all(&mut self, seconds: u64) {
        for id in self.ids(Status::Running) {
            self.occupy(id, seconds);
        }
    }

    /// Gives a worker work, if it takes any.
    pub(crate) fn occupy(&mut self, id: ServerId, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        let worker = self.workers.of.entry(id).or_default();
        if !worker.is_draining && !worker.is_gone {
            worker.busy_until = worker.busy_until.max(until);
        }
    }

    pub(crate) fn worker(&mut self, id: ServerId) -> &mut Worker {
        self.workers.of.entry(id).or_default()
    }

    /// Notes whose stop is recorded while their type has no drain.
    pub(crate) fn note_unspared(&mut self, batch: &Batch) {
        for change in &batch.changes {
            let Change::Server(record) = change else { continue };
            let config = self.config.server_types.get(&record.server_type);
            if config.is_none_or(|config| config.drain.is_none())
                && record.removal.as_ref().is_some_and(|removal| removal.stop.is_some())
            {
                self.workers.unspared.insert(record.id);
            }
        }
    }

    /// Nobody who has work in hand is stopped before the end of the time that it was given.
    pub(crate) fn check_mercy(&self, effect: &Effect) {
        let Op::Stop { provider_id, .. } = &effect.op else { return };
        let Some(record) = effect.server.and_then(|id| self.machine.ledger().server(id)) else { return };
        let Some(worker) = self.workers.of.get(&record.id) else { return };
        let state = provider_id.as_str().parse().ok().and_then(|key| self.cloud.servers.get(&key));
        let works = state.is_some_and(|server| server.state == ProviderState::Running)
            && worker.busy_until > self.now
            && !worker.is_gone;
        let Some(removal) = record.removal.as_ref().filter(|_| works) else { return };
        let is_lost =
            matches!(removal.why, Why::Failed | Why::FoundStopped | Why::Drained | Why::DeletedBefore);
        let config = self.machine.config().server_types.get(&record.server_type);
        let drains = config.is_some_and(|config| config.drain.is_some());
        if is_lost || !drains || self.workers.unspared.contains(&record.id) {
            return;
        }
        assert!(
            removal.drain.is_some_and(|drain| drain.deadline <= self.now),
            "a worker with work in hand is stopped at {}: {record:#?}",
            self.now
        );
    }

    /// Gives the running servers of ours whose worker takes no work.
    pub(crate) fn idlers(&self) -> Vec<ServerId> {
        let is_idler = |record: &&ServerRecord| {
            let worker = self.workers.of.get(&record.id);
            record.status == Status::Running
                && !record.disowned
                && worker.is_some_and(|worker| worker.is_draining)
        };
        self.machine.ledger().servers().filter(is_idler).map(|record| record.id).collect()
    }
}

/// A configuration whose workers are drained.
pub(crate) fn draining() -> Config {
    let mut config = config();
    config.server_types.get_mut(&type_name()).unwrap().drain =
        Some(DrainConfig { deadline: DEADLINE, interval: INTERVAL });
    config
}

/// One whose workers say how busy they are besides.
pub(crate) fn scoring() -> Config {
    let mut config = draining();
    config.server_types.get_mut(&type_name()).unwrap().asks_scores = true;
    config
}

/// One whose number follows from the work there is, ten jobs a server.
pub(crate) fn demanding() -> Config {
    let mut config = draining();
    config.server_types.get_mut(&type_name()).unwrap().policy =
        Some(PolicyConfig { rule: Rule::JobsPerServer(10), rate_up: None, ..PolicyConfig::default() });
    config
}
