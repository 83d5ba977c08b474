//! Outputs: everything that the machine asks of its host.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ask::Ask;
use crate::effect::{Effect, META_BYTES_MOST, META_ENTRIES_MOST};
use crate::event::Event;
use crate::ids::{CommandId, ServerId, TypeName};
use crate::record::Batch;
use crate::time::Time;

/// One thing for the host to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Make this durable, then say [`crate::Input::Persisted`]. At most one batch is out at a time.
    Persist(Batch),
    /// Render the name and the specification of a new server, then say [`crate::Input::Prepared`].
    Prepare(Prepare),
    /// Do this, then say [`crate::Input::Completed`]. Its intent is durable.
    Execute(Box<Effect>),
    /// Ask a worker, then say [`crate::Input::Answered`]. What it is asked for is durable.
    Ask(Box<Ask>),
    /// Tell whoever listens. Its record is durable.
    Notify(Arc<Event>),
    /// Answer whoever asked. What was asked for is durable.
    Reply {
        /// The command.
        command: CommandId,
        /// The answer.
        reply: Reply,
    },
}

/// A question: what is this server to be called, and made from?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// The server.
    pub server: ServerId,
    /// Its type.
    pub server_type: TypeName,
}

/// The answer to a command.
pub type Reply = Result<Done, Refusal>;

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "done")]
#[non_exhaustive]
pub enum Done {
    /// The desired number is set.
    Desired {
        /// The type.
        server_type: TypeName,
        /// The number before, if one was set.
        before: Option<u32>,
        /// The number asked for.
        requested: u32,
        /// The number set: what was asked for, within the type's bounds.
        desired: u32,
    },
    /// The number in place of what the sources ask for is set, or taken back.
    Overridden {
        /// The type.
        server_type: TypeName,
        /// The number that holds; none means that the sources decide.
        count: Option<u32>,
        /// Until when.
        until: Option<Time>,
        /// How many servers there should be now, if that is known.
        desired: Option<u32>,
    },
    /// Reboots are requested.
    Rebooting {
        /// The type.
        server_type: TypeName,
        /// How many servers.
        servers: u32,
    },
    /// The protection is set.
    Protected {
        /// The server.
        server: ServerId,
        /// Whether it is protected now.
        protected: bool,
    },
    /// The value is kept, or taken away.
    MetaAdded {
        /// The server.
        server: ServerId,
        /// Under which key.
        key: String,
    },
    /// The pauses are set.
    Paused {
        /// Whether creating is paused.
        out: bool,
        /// Whether choosing servers to go is paused.
        inward: bool,
    },
    /// Other owners' servers are ours now.
    TakenOver {
        /// How many servers.
        servers: u32,
    },
    /// The holds are over.
    Resumed {
        /// How many providers were held.
        providers: u32,
    },
}

/// Why a command was not carried out. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "refused")]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such type.
    #[error("there is no server type {server_type}; there are: {}", known.iter().map(TypeName::as_str).collect::<Vec<_>>().join(", "))]
    UnknownType {
        /// The type asked for.
        server_type: TypeName,
        /// The types there are.
        known: Vec<TypeName>,
    },
    /// The type is retired: it can only shrink to zero.
    #[error("server type {server_type} is retired; take it out of retired_types to use it again")]
    RetiredType {
        /// The type.
        server_type: TypeName,
    },
    /// The type's number comes from its sources.
    #[error(
        "the number of {server_type} servers comes from its sources; say override {server_type} N to decide yourself"
    )]
    HasSources {
        /// The type.
        server_type: TypeName,
    },
    /// The type has no sources to overrule.
    #[error("server type {server_type} has no sources to overrule; say ensure N")]
    NoSources {
        /// The type.
        server_type: TypeName,
    },
    /// The server was told to stop, and that cannot be taken back.
    #[error("server {server} was told to stop already, which cannot be taken back")]
    Ending {
        /// The server.
        server: ServerId,
    },
    /// There is no such server.
    #[error("there is no server {server}")]
    UnknownServer {
        /// The server asked for.
        server: ServerId,
    },
    /// A server has no room for so much.
    #[error(
        "server {server} can keep {META_ENTRIES_MOST} values of {META_BYTES_MOST} bytes in all with their keys"
    )]
    MetaTooLarge {
        /// The server.
        server: ServerId,
    },
    /// There is no such provider.
    #[error("there is no provider {provider}")]
    UnknownProvider {
        /// The provider asked for.
        provider: String,
    },
    /// The idempotency key was used for another command.
    #[error("the idempotency key was used before for another command; use a new key for a new command")]
    KeyReused,
    /// The number to count from is not known before the first look.
    #[error("the number of servers is not known before the provider was seen; try again, or say ensure")]
    NotSeenYet,
    /// The daemon is about to end.
    #[error("the daemon is shutting down; say it again when it is back")]
    ShuttingDown,
}
