//! Overriding: what servers are called, who goes first, and how workers finish.

use std::sync::Arc;

use dynservers_core::{Answer, Ask, Asker, Failure, Question, Subject, Time};

use crate::errors::told;
use crate::template::NewServer;

/// What servers are called. A closure over [`NewServer`] is one.
pub trait Naming: Send + Sync {
    /// Gives the name of a new server, for people; two may have the same. Called by the loop: it must not wait.
    fn name(&self, server: &NewServer<'_>) -> String {
        server.default_name().to_owned()
    }
}

impl<F: Fn(&NewServer<'_>) -> String + Send + Sync> Naming for F {
    fn name(&self, server: &NewServer<'_>) -> String {
        self(server)
    }
}

/// The names of the reference: `dynamic-server-{type}-{id}`.
pub(crate) struct DefaultNames;

impl Naming for DefaultNames {}

/// How workers are spoken with. Called on threads that may block, also where the fleet is async; an error or a panic is no
/// answer, and it is asked again.
///
/// Every call must end by itself within a bound, as with a timeout on the connection: few are made at once, and one that never
/// ends keeps its place. Of a server there is one call at a time.
pub trait Workers: Send + Sync {
    /// Tells how much would be lost if this server went now: the one with the least goes first. None if there is nothing
    /// to tell; then the oldest goes.
    fn score(&self, server: &Subject) -> Result<Option<u64>, crate::BoxError> {
        let _ = server;
        Ok(None)
    }

    /// Tells a worker to take no new work, and whether it has none left. Asked again and again until it has, or until
    /// the deadline; then its server is stopped whatever the answer.
    fn drain(&self, server: &Subject, deadline: Time) -> Result<Drained, crate::BoxError> {
        let _ = (server, deadline);
        Ok(Drained::Yes)
    }

    /// Tells a worker that drains to take work again: its server stays.
    fn undrain(&self, server: &Subject) -> Result<Undrained, crate::BoxError> {
        let _ = server;
        Ok(Undrained::AtWork)
    }
}

impl<W: Workers + ?Sized> Workers for Arc<W> {
    fn score(&self, server: &Subject) -> Result<Option<u64>, crate::BoxError> {
        (**self).score(server)
    }

    fn drain(&self, server: &Subject, deadline: Time) -> Result<Drained, crate::BoxError> {
        (**self).drain(server, deadline)
    }

    fn undrain(&self, server: &Subject) -> Result<Undrained, crate::BoxError> {
        (**self).undrain(server)
    }
}

/// Whether a worker has nothing left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// It has nothing left to do.
    Yes,
    /// It has work in hand.
    NotYet,
    /// Nobody works there any more.
    Gone,
}

/// What became of a worker that was to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undrained {
    /// It takes work again.
    AtWork,
    /// Nobody works there any more: its server is replaced.
    Gone,
}

/// Asks workers in the words of the machine.
pub(crate) struct WorkersAsker(pub(crate) Arc<dyn Workers>);

impl Asker for WorkersAsker {
    fn ask(&self, ask: &Ask) -> Answer {
        let answer = match ask.question {
            Question::Score => self.0.score(&ask.subject).map(|score| match score {
                Some(0) => Answer::Done,
                Some(_) => Answer::Busy { score },
                None => Answer::Silent(Failure::new("it has no score")),
            }),
            Question::Drain { deadline } => {
                self.0.drain(&ask.subject, deadline).map(|drained| match drained {
                    Drained::Yes => Answer::Done,
                    Drained::NotYet => Answer::Busy { score: None },
                    Drained::Gone => Answer::Gone,
                })
            }
            Question::Undrain => self.0.undrain(&ask.subject).map(|undrained| match undrained {
                Undrained::AtWork => Answer::Done,
                Undrained::Gone => Answer::Gone,
            }),
        };
        answer.unwrap_or_else(|error| Answer::Silent(Failure::new(told(error))))
    }
}
