//! Questions to workers: asked off the loop, few at a time, each with exactly one answer.

use std::collections::VecDeque;
use std::sync::Arc;

use dynservers_core::{Answer, Ask, Asker, Failure, Question, ServerId};

use crate::jobs::{BlockingJob, Report};
use crate::mailbox::{Kind, Mailbox};

/// How many questions are asked at once.
const CONCURRENCY: usize = 16;

/// The questions whose answer is still to come. How many there are is the machine's to bound.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    waiting: VecDeque<Ask>,
    asked: usize,
}

impl Asks {
    /// Asks a question once there is room.
    pub(crate) fn begin(&mut self, ask: Ask) {
        self.waiting.push_back(ask);
    }

    /// Gives the next question to be asked now.
    pub(crate) fn poll_job(&mut self, asker: &Arc<dyn Asker>, mailbox: &Arc<Mailbox>) -> Option<BlockingJob> {
        if self.asked >= CONCURRENCY {
            return None;
        }
        let ask = self.waiting.pop_front()?;
        self.asked += 1;
        let (server, question) = (ask.server, ask.question);
        let broken = Answer::Silent(Failure::new("asking the worker panicked"));
        let report = Report::new(mailbox, Kind::Answered(server, question, broken));
        let asker = Arc::clone(asker);
        Some(BlockingJob::new(report, move || Kind::Answered(server, question, asker.ask(&ask))))
    }

    /// Notes an answer.
    pub(crate) fn end(&mut self, server: ServerId, question: Question, answer: &Answer) {
        self.asked = self.asked.saturating_sub(1);
        if let Answer::Silent(failure) = answer {
            tracing::warn!(server = server.0, question = question.name(), %failure, "ask");
        } else {
            tracing::debug!(server = server.0, question = question.name(), ?answer, "ask");
        }
    }
}
