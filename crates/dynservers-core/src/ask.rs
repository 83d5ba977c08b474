//! Asking workers: whether a server may go, whether it goes on after all, and how much it has to do.

use alloc::sync::Arc;

use crate::effect::{Addresses, Failure};
use crate::ids::{ProviderId, ProviderName, ServerId, TypeName};
use crate::time::Time;

/// A question to the worker on one server, which the type's configuration says how to ask.
///
/// At most one is out for a server at a time. A host asks it once, and answers with [`crate::Input::Answered`]; where it
/// cannot, or not in time, with [`Answer::Silent`]. A question is not kept: a new process asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The server.
    pub server: ServerId,
    /// What is asked.
    pub question: Question,
    /// What is known of the server.
    pub subject: Subject,
}

/// What a worker can be asked.
///
/// Closed on purpose: every host must have a way to ask each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Take no new work, and say when there is none left. Asked again and again until it is so, or the deadline is over.
    Drain {
        /// When the server is stopped whatever the answer.
        deadline: Time,
    },
    /// Take work again: the server stays. Asked until there is an answer.
    Undrain,
    /// How much would be lost if it went now?
    Score,
}

impl Question {
    /// Gives a short name for logs, metrics and whoever is asked.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Drain { .. } => "drain",
            Self::Undrain => "undrain",
            Self::Score => "busy",
        }
    }
}

/// What is known of a server that a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its type.
    pub server_type: TypeName,
    /// Its name.
    pub name: Arc<str>,
    /// Where it is.
    pub provider: ProviderName,
    /// The provider's id of it.
    pub provider_id: Option<ProviderId>,
    /// Its addresses, as far as known.
    pub addresses: Addresses,
}

/// What a worker answers.
///
/// Closed on purpose: the machine must know what each means for each question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Drained; or at work again; or idle.
    Done,
    /// It has work in hand.
    Busy {
        /// How much, if it says so: the server with the least goes first.
        score: Option<u64>,
    },
    /// Nobody works there any more.
    Gone,
    /// No answer, or none that makes sense.
    Silent(Failure),
}
