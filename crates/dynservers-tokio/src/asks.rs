//! Questions to workers: asked on the blocking pool, few at a time, each with exactly one answer.

use std::collections::HashMap;
use std::sync::Arc;

use dynservers_core::{Answer, Ask, Asker, Failure, Input, Question, ServerId};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};

/// How many questions are asked at once.
const CONCURRENCY: usize = 16;

/// The questions whose answer is still to come. How many there are is the machine's to bound.
#[derive(Debug)]
pub(crate) struct Asks {
    tasks: JoinSet<Answer>,
    open: HashMap<Id, (ServerId, Question)>,
    room: Arc<Semaphore>,
}

impl Default for Asks {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), open: HashMap::new(), room: Arc::new(Semaphore::new(CONCURRENCY)) }
    }
}

impl Asks {
    /// Asks a question.
    pub(crate) fn begin(&mut self, ask: Ask, asker: Arc<dyn Asker>) {
        let key = (ask.server, ask.question);
        let room = Arc::clone(&self.room);
        let task = async move {
            let _permit = room.acquire_owned().await.expect("the semaphore is never closed");
            let answer = tokio::task::spawn_blocking(move || asker.ask(&ask)).await;
            answer.unwrap_or_else(|_| Answer::Silent(Failure::new("asking the worker panicked")))
        };
        let id = self.tasks.spawn(task).id();
        self.open.insert(id, key);
    }

    /// Waits for the next answer; none if no question is open. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Input> {
        loop {
            let (id, answer) = match self.tasks.join_next_with_id().await? {
                Ok(answered) => answered,
                Err(error) => (error.id(), Answer::Silent(Failure::new("asking the worker broke off"))),
            };
            let Some((server, question)) = self.open.remove(&id) else { continue };
            if let Answer::Silent(failure) = &answer {
                tracing::warn!(server = server.0, question = question.name(), %failure, "ask");
            } else {
                tracing::debug!(server = server.0, question = question.name(), ?answer, "ask");
            }
            return Some(Input::Answered { server, question, answer });
        }
    }
}
