//! Callers: who waits for the answer to which command.

use std::collections::BTreeMap;

use dynservers_core::{Command, CommandId, Refusal, Reply};
use tokio::sync::oneshot;

/// Those whose commands were given to the machine and not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    waiting: BTreeMap<CommandId, Waiting>,
    count: usize,
}

#[derive(Debug)]
struct Waiting {
    command: Command,
    callers: Vec<oneshot::Sender<Reply>>,
}

impl Callers {
    /// How many wait for an answer.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Notes a caller. Gives the command if the machine is to hear of it: one that it already has is not told twice,
    /// so that one answer serves all who gave it.
    pub(crate) fn admit(&mut self, command: Command, caller: oneshot::Sender<Reply>) -> Option<Command> {
        match self.waiting.get_mut(&command.id) {
            Some(waiting) if waiting.command == command => {
                // Whoever says it again has mostly given up waiting for the answer to the first time.
                self.count -= waiting.callers.len();
                waiting.callers.retain(|caller| !caller.is_closed());
                waiting.callers.push(caller);
                self.count += waiting.callers.len();
                None
            }
            Some(_) => {
                // Whoever asked may have gone.
                let _ = caller.send(Err(Refusal::KeyReused));
                None
            }
            None => {
                let waiting = Waiting { command: command.clone(), callers: vec![caller] };
                self.waiting.insert(command.id.clone(), waiting);
                self.count += 1;
                Some(command)
            }
        }
    }

    /// Answers everybody who waits for the command.
    pub(crate) fn answer(&mut self, command: &CommandId, reply: &Reply) {
        let callers = self.waiting.remove(command).map(|waiting| waiting.callers).unwrap_or_default();
        self.count -= callers.len();
        for caller in callers {
            // Whoever asked may have gone.
            let _ = caller.send(reply.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use dynservers_core::{Action, Done};

    use super::*;

    fn resume() -> Command {
        Command { id: CommandId::new("key").unwrap(), action: Action::Resume { provider: None } }
    }

    #[test]
    fn one_answer_serves_all_and_those_who_left_are_not_kept() {
        let mut callers = Callers::default();
        let (gone, _) = oneshot::channel();
        let (first, first_answer) = oneshot::channel();
        let (second, second_answer) = oneshot::channel();
        assert_eq!(callers.admit(resume(), gone), Some(resume()));
        assert_eq!(callers.admit(resume(), first), None);
        assert_eq!(callers.len(), 1);
        assert_eq!(callers.admit(resume(), second), None);
        assert_eq!(callers.len(), 2);

        let reply = Ok(Done::Resumed { providers: 1 });
        callers.answer(&resume().id, &reply);
        assert_eq!(callers.len(), 0);
        assert_eq!(
            (first_answer.blocking_recv(), second_answer.blocking_recv()),
            (Ok(reply.clone()), Ok(reply))
        );
    }
}
