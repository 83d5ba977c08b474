//! Callers: who waits for the answer to which command.

use std::collections::BTreeMap;

use dynservers_core::{Command, CommandId, Refusal, Reply};

use crate::handle::Caller;

/// Those whose commands were given to the machine and not answered yet. How many there are is bounded by their seats.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    waiting: BTreeMap<CommandId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    command: Command,
    callers: Vec<Caller<Reply>>,
}

impl Callers {
    /// Notes a caller. Gives the command if the machine is to hear of it: one that it already has is not told twice,
    /// so that one answer serves all who gave it.
    pub(crate) fn admit(&mut self, command: Command, caller: Caller<Reply>) -> Option<Command> {
        match self.waiting.get_mut(&command.id) {
            Some(waiting) if waiting.command == command => {
                // Whoever says it again has mostly given up waiting for the answer to the first time.
                waiting.callers.retain(|caller| !caller.is_gone());
                waiting.callers.push(caller);
                None
            }
            Some(_) => {
                caller.answer(Err(Refusal::KeyReused));
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
        let callers = self.waiting.remove(command).map(|waiting| waiting.callers).unwrap_or_default();
        for caller in callers {
            caller.answer(reply.clone());
        }
    }
}
