//! Callers: who waits for the answer to which command.

use std::collections::BTreeMap;

use dynservers_core::{Command, CommandId, Refusal, Reply};
use tokio::sync::oneshot;

/// The commands that were given to the machine and not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    waiting: BTreeMap<CommandId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    command: Command,
    callers: Vec<oneshot::Sender<Reply>>,
}

impl Callers {
    /// How many commands are not answered yet.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Notes a caller. Gives the command if the machine is to hear of it: one that it already has is not told twice,
    /// so that one answer serves all who gave it.
    pub(crate) fn admit(&mut self, command: Command, caller: oneshot::Sender<Reply>) -> Option<Command> {
        match self.waiting.get_mut(&command.id) {
            Some(waiting) if waiting.command == command => {
                waiting.callers.push(caller);
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
                Some(command)
            }
        }
    }

    /// Answers everybody who waits for the command.
    pub(crate) fn answer(&mut self, command: &CommandId, reply: &Reply) {
        for caller in self.waiting.remove(command).into_iter().flat_map(|waiting| waiting.callers) {
            // Whoever asked may have gone.
            let _ = caller.send(reply.clone());
        }
    }
}
