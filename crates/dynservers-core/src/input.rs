//! Inputs: everything that the machine is told.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ask::{Answer, Question};
use crate::config::Config;
use crate::demand::Demand;
use crate::effect::{Completion, Failure};
use crate::ids::{CommandId, EffectId, ProviderName, Seq, ServerId, TypeName};
use crate::spec::Spec;

/// One piece of news. Bad news is an input too: none of them can fail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// Somebody wants something; answered by [`crate::Output::Reply`] once that is durable.
    Command(Command),
    /// The answer to [`crate::Output::Prepare`].
    Prepared {
        /// The server that was asked about.
        server: ServerId,
        /// Its name and specification, or why there is none.
        result: Result<Prepared, Failure>,
    },
    /// The batch of this number is durable.
    Persisted(Seq),
    /// What became of an effect.
    Completed {
        /// The effect.
        effect: EffectId,
        /// The news.
        completion: Completion,
    },
    /// What a worker answered to [`crate::Output::Ask`], or that it did not.
    Answered {
        /// The server.
        server: ServerId,
        /// The question.
        question: Question,
        /// The answer.
        answer: Answer,
    },
    /// How much work there is for a type. Of a type without a policy it is ignored.
    Demand(Demand),
    /// What became of the host's own attempt to determine the numbers: nothing to tell, or why it could not. The last
    /// numbers stay either way.
    Counted(Result<(), String>),
    /// The configuration is another one from now on. The host has refused what [`crate::Ledger::contradictions`] finds.
    Configure(Box<Config>),
    /// The host is about to end: no new effects from now on.
    Shutdown,
}

/// What the host makes of a new server before it is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its name, for people.
    pub name: String,
    /// What to create.
    pub spec: Arc<Spec>,
}

/// A wish with an idempotency key: said twice, it is done once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The idempotency key.
    pub id: CommandId,
    /// The wish.
    pub action: Action,
}

/// What can be wished for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
#[non_exhaustive]
pub enum Action {
    /// Sets the desired number.
    Ensure {
        /// The type.
        server_type: TypeName,
        /// The number; outside of the type's bounds it is clamped, and the reply says so.
        count: u32,
    },
    /// Raises the desired number.
    Increase {
        /// The type.
        server_type: TypeName,
        /// By how many; 0 does nothing.
        by: u32,
    },
    /// Lowers the desired number.
    Decrease {
        /// The type.
        server_type: TypeName,
        /// By how many; 0 does nothing, and more than there are goes to the minimum.
        by: u32,
    },
    /// Sets the desired number of a type in place of what its sources ask for, or ends that.
    Override {
        /// The type.
        server_type: TypeName,
        /// The number, clamped like any other; none ends the override.
        count: Option<u32>,
        /// How long it holds; none means until it is ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration: Option<Duration>,
    },
    /// Reboots every server of the type: those that run now, those that start once they run.
    Reboot {
        /// The type.
        server_type: TypeName,
        /// How many at once; none means all.
        at_a_time: Option<u32>,
    },
    /// Protects a server from being chosen to go, or ends that.
    Protect {
        /// The server.
        server: ServerId,
        /// Whether it is protected from now on.
        protected: bool,
    },
    /// Keeps a value with a server's record, for whoever reads it again; null takes it away.
    AddMeta {
        /// The server.
        server: ServerId,
        /// Under which key.
        key: String,
        /// The value.
        value: serde_json::Value,
    },
    /// Stops or allows creating (`out`) and choosing servers to go (`inward`).
    Pause {
        /// Whether creating is paused, if that is to change.
        out: Option<bool>,
        /// Whether choosing servers to go is paused, if that is to change.
        inward: Option<bool>,
    },
    /// Takes over the servers of other owners that were found and held.
    Takeover {
        /// At which provider; none means at all of them.
        provider: Option<ProviderName>,
    },
    /// Ends the holds: what is seen now is accepted.
    Resume {
        /// At which provider; none means at all of them.
        provider: Option<ProviderName>,
    },
}
