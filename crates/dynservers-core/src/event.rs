//! Events: what happened, once each, in order, with the record they tell of already durable.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::effect::{Failure, Reason};
use crate::ids::{EventId, OwnerId, ProviderId, ProviderName, ServerId, TypeName};
use crate::status::Status;
use crate::time::Time;
use crate::why::Why;

/// One entry of the fleet's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number, ascending without gaps: the cursor of a subscriber.
    pub id: EventId,
    /// When.
    pub at: Time,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum EventKind {
    /// A server is about to be created.
    Creating(ServerEvent),
    /// A server was seen running.
    Running(ServerEvent),
    /// A server's worker is to finish what it has before the server is stopped.
    Draining(ServerEvent),
    /// A server that was draining stays after all.
    Undrained(ServerEvent),
    /// A server is about to be stopped.
    Stopping(ServerEvent),
    /// A server was seen stopped.
    Stopped(ServerEvent),
    /// A server is about to be deleted.
    Deleting(ServerEvent),
    /// A server was seen gone, or is known never to have been.
    Deleted(ServerEvent),
    /// A server is about to be restarted.
    Rebooting(ServerEvent),
    /// A server failed.
    Errored(ServerEvent),
    /// A server takes longer than it should.
    Hanging(ServerEvent),
    /// Fewer servers are allowed than are wanted; once an episode.
    LimitHit {
        /// The type.
        server_type: TypeName,
        /// How many are wanted.
        wanted: u32,
        /// How many there can be now.
        allowed: u32,
        /// Which limit.
        limit: Limit,
    },
    /// A server without a record was found and became one.
    Adopted(ServerEvent),
    /// A server that was taken for gone is there again.
    Returned(ServerEvent),
    /// A server no longer bears our label and is left alone from now on.
    Disowned(ServerEvent),
    /// A server without a record was found that bears our labels.
    OrphanFound {
        /// Where.
        provider: ProviderName,
        /// Which.
        provider_id: ProviderId,
    },
    /// A server of this fleet was found that belongs to another ledger.
    OtherOwnerFound {
        /// Where.
        provider: ProviderName,
        /// Which.
        provider_id: ProviderId,
        /// Whose.
        owner: Option<OwnerId>,
    },
    /// Another controller makes servers for this fleet: nothing is created until an operator has looked.
    SecondController {
        /// Where.
        provider: ProviderName,
    },
    /// Another owner's servers were given to us.
    TakenOver {
        /// Whose.
        owner: OwnerId,
    },
    /// Servers of ours were found that the ledger does not know: it was restored from an older copy.
    LedgerRestored {
        /// Where.
        provider: ProviderName,
        /// How many.
        servers: u32,
    },
    /// Nothing is created or deleted at the provider until an operator says `resume`.
    Held {
        /// Where.
        provider: ProviderName,
        /// Why, for people.
        reason: String,
    },
    /// A hold is over.
    Resumed {
        /// Where.
        provider: ProviderName,
    },
    /// The provider does not accept the credentials.
    CredentialsRejected {
        /// Where.
        provider: ProviderName,
        /// Its words.
        failure: Failure,
    },
    /// The provider cannot be seen; once an episode.
    ProviderUnreachable {
        /// Where.
        provider: ProviderName,
        /// What went wrong last.
        failure: Failure,
    },
    /// The provider can be seen again.
    ProviderReachable {
        /// Where.
        provider: ProviderName,
    },
    /// A create was refused, and the type waits.
    CreateRefused {
        /// The server.
        server: ServerId,
        /// Its type.
        server_type: TypeName,
        /// Why.
        reason: Reason,
        /// The provider's words.
        failure: Failure,
        /// When the next one is tried.
        next_try: Time,
    },
    /// Not all of the work for a type is known; once an episode.
    DemandUnknown {
        /// The type.
        server_type: TypeName,
        /// Why.
        reason: String,
    },
    /// The work for a type is known again.
    DemandKnown {
        /// The type.
        server_type: TypeName,
    },
    /// The work for a type asks for more or fewer servers at once than is believed; the number is held.
    DemandJumped {
        /// The type.
        server_type: TypeName,
        /// How many servers it asks for.
        asked: u32,
        /// How many there should be meanwhile.
        held: u32,
        /// When it is believed if it lasts.
        until: Time,
    },
    /// The host could not determine how many servers there should be, and the numbers stay; once an episode.
    CountUnknown {
        /// Why.
        reason: String,
    },
    /// The host can determine the numbers again.
    CountKnown,
    /// The desired number was set.
    DesiredChanged {
        /// The type.
        server_type: TypeName,
        /// The number before, if one was set.
        from: Option<u32>,
        /// The number now.
        to: u32,
    },
}

/// Which limit bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The type's own `max`.
    TypeMaximum,
    /// The servers that the account may have.
    Account,
}

/// What an event tells of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEvent {
    /// The server.
    pub server: ServerId,
    /// Its type.
    pub server_type: TypeName,
    /// Its name.
    pub name: Arc<str>,
    /// The provider's id of it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<ProviderId>,
    /// The status it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_status: Option<Status>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
}

impl EventKind {
    /// Gives the event's name, as stored and as hooks see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Creating(_) => "creating",
            Self::Running(_) => "running",
            Self::Draining(_) => "draining",
            Self::Undrained(_) => "undrained",
            Self::Stopping(_) => "stopping",
            Self::Stopped(_) => "stopped",
            Self::Deleting(_) => "deleting",
            Self::Deleted(_) => "deleted",
            Self::Rebooting(_) => "rebooting",
            Self::Errored(_) => "errored",
            Self::Hanging(_) => "hanging",
            Self::LimitHit { .. } => "limit_hit",
            Self::Adopted(_) => "adopted",
            Self::Returned(_) => "returned",
            Self::Disowned(_) => "disowned",
            Self::OrphanFound { .. } => "orphan_found",
            Self::OtherOwnerFound { .. } => "other_owner_found",
            Self::SecondController { .. } => "second_controller",
            Self::TakenOver { .. } => "taken_over",
            Self::LedgerRestored { .. } => "ledger_restored",
            Self::Held { .. } => "held",
            Self::Resumed { .. } => "resumed",
            Self::CredentialsRejected { .. } => "credentials_rejected",
            Self::ProviderUnreachable { .. } => "provider_unreachable",
            Self::ProviderReachable { .. } => "provider_reachable",
            Self::CreateRefused { .. } => "create_refused",
            Self::DemandUnknown { .. } => "demand_unknown",
            Self::DemandKnown { .. } => "demand_known",
            Self::DemandJumped { .. } => "demand_jumped",
            Self::CountUnknown { .. } => "count_unknown",
            Self::CountKnown => "count_known",
            Self::DesiredChanged { .. } => "desired_changed",
        }
    }

    /// Gives what the event tells of a server, if it is about one.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerEvent> {
        match self {
            Self::Creating(event)
            | Self::Running(event)
            | Self::Draining(event)
            | Self::Undrained(event)
            | Self::Stopping(event)
            | Self::Stopped(event)
            | Self::Deleting(event)
            | Self::Deleted(event)
            | Self::Rebooting(event)
            | Self::Errored(event)
            | Self::Hanging(event)
            | Self::Adopted(event)
            | Self::Returned(event)
            | Self::Disowned(event) => Some(event),
            Self::LimitHit { .. }
            | Self::OrphanFound { .. }
            | Self::OtherOwnerFound { .. }
            | Self::SecondController { .. }
            | Self::TakenOver { .. }
            | Self::LedgerRestored { .. }
            | Self::Held { .. }
            | Self::Resumed { .. }
            | Self::CredentialsRejected { .. }
            | Self::ProviderUnreachable { .. }
            | Self::ProviderReachable { .. }
            | Self::CreateRefused { .. }
            | Self::DemandUnknown { .. }
            | Self::DemandKnown { .. }
            | Self::DemandJumped { .. }
            | Self::CountUnknown { .. }
            | Self::CountKnown
            | Self::DesiredChanged { .. } => None,
        }
    }
}
