//! Questions to workers: asked off the loop, few at a time, each with exactly one answer.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use dynservers_core::{Answer, Ask, Asker, Failure, Question, ServerId};

use crate::jobs::{BlockingJob, Report};
use crate::mailbox::{Kind, Mailbox};

/// How many questions are asked at once.
const CONCURRENCY: usize = 16;

/// The questions whose answer is still to come: of each server one that is asked, and one that waits, the latest.
///
/// So no two questions to one worker are under way at once, and none that was overtaken is asked at all.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    waiting: VecDeque<Ask>,
    asked: BTreeSet<ServerId>,
}

impl Asks {
    /// Asks a question once there is room.
    pub(crate) fn begin(&mut self, ask: Ask) {
        self.waiting.retain(|waiting| waiting.server != ask.server);
        self.waiting.push_back(ask);
    }

    /// Gives the next question to be asked now.
    pub(crate) fn poll_job(&mut self, asker: &Arc<dyn Asker>, mailbox: &Arc<Mailbox>) -> Option<BlockingJob> {
        if self.asked.len() >= CONCURRENCY {
            return None;
        }
        let next = self.waiting.iter().position(|ask| !self.asked.contains(&ask.server))?;
        let ask = self.waiting.remove(next)?;
        self.asked.insert(ask.server);
        let (server, question) = (ask.server, ask.question);
        let broken = Answer::Silent(Failure::new("asking the worker panicked"));
        let report = Report::new(mailbox, Kind::Answered(server, question, broken));
        let asker = Arc::clone(asker);
        Some(BlockingJob::new(report, move || Kind::Answered(server, question, asker.ask(&ask))))
    }

    /// Notes an answer.
    pub(crate) fn end(&mut self, server: ServerId, question: Question, answer: &Answer) {
        self.asked.remove(&server);
        if let Answer::Silent(failure) = answer {
            tracing::warn!(server = server.0, question = question.name(), %failure, "ask");
        } else {
            tracing::debug!(server = server.0, question = question.name(), ?answer, "ask");
        }
    }
}

#[cfg(test)]
mod tests {
    use dynservers_core::{NoAsker, ProviderName, Subject, Time, TypeName};

    use super::*;

    fn ask(server: u64, question: Question) -> Ask {
        let subject = Subject {
            server_type: TypeName::new("default").unwrap(),
            name: "worker".into(),
            provider: ProviderName::new("cloud").unwrap(),
            provider_id: None,
            addresses: Vec::new(),
        };
        Ask { server: ServerId(server), question, subject }
    }

    #[test]
    fn of_one_server_one_question_is_asked_at_a_time_and_then_the_latest() {
        let (nobody, mailbox): (Arc<dyn Asker>, _) = (Arc::new(NoAsker), Arc::new(Mailbox::default()));
        let mut asks = Asks::default();
        let drain = Question::Drain { deadline: Time::ZERO };
        asks.begin(ask(1, drain));
        let first = asks.poll_job(&nobody, &mailbox).unwrap();
        for question in [drain, Question::Undrain] {
            asks.begin(ask(1, question));
        }
        asks.begin(ask(2, drain));
        assert!(asks.poll_job(&nobody, &mailbox).is_some(), "another server has not to wait");
        assert!(asks.poll_job(&nobody, &mailbox).is_none(), "the first has no answer yet");
        first.run();
        asks.end(ServerId(1), drain, &Answer::Done);
        asks.poll_job(&nobody, &mailbox).unwrap().run();
        let mut told = Vec::new();
        while let Some(news) = mailbox.try_next() {
            if let Kind::Answered(server, question, _) = news.0 {
                told.push((server.0, question));
            }
        }
        assert_eq!(told.last(), Some(&(1, Question::Undrain)), "what was overtaken is not asked: {told:?}");
        assert!(asks.poll_job(&nobody, &mailbox).is_none());
    }
}
