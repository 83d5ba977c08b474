//! Records: what is durable, in the shape in which a store keeps it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::demand::{DemandRecord, Override};
use crate::effect::{Addresses, Failure, Meta, Reason, Step};
use crate::event::Event;
use crate::ids::{FleetName, OwnerId, ProviderId, ProviderName, Seq, ServerId, SpecHash, Token, TypeName};
use crate::input::Command;
use crate::look::ProviderState;
use crate::output::Reply;
use crate::removal::Removal;
use crate::spec::Spec;
use crate::status::Status;
use crate::time::Time;
use crate::why::Why;

/// One server: a row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Its number, never used twice.
    pub id: ServerId,
    /// Its type.
    pub server_type: TypeName,
    /// Where it is.
    pub provider: ProviderName,
    /// Its name, empty until one is made.
    pub name: Arc<str>,
    /// Its status.
    pub status: Status,
    /// The status before.
    pub previous_status: Option<Status>,
    /// Since when it has its status.
    pub status_since: Time,
    /// When the record was made.
    pub created_at: Time,
    /// Why it was made.
    pub why: Why,
    /// What it was made from.
    pub spec: Option<SpecHash>,
    /// The latest attempt to create it.
    pub attempt: Option<Attempt>,
    /// Tokens of attempts that were given up: what bears one of them is a late duplicate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<Token>,
    /// The provider's id of it, once known.
    pub provider_id: Option<ProviderId>,
    /// When the id became known.
    pub bound_at: Option<Time>,
    /// A further request that the create needs before the server is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Step>,
    /// Its addresses, as far as known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Addresses,
    /// Its end, once that was decided.
    pub removal: Option<Box<Removal>>,
    /// Since when somebody wants it rebooted.
    pub reboot_requested_at: Option<Time>,
    /// The reboot under way.
    pub reboot: Option<Reboot>,
    /// The failed server that it stands in for.
    pub replaces: Option<ServerId>,
    /// What went wrong last.
    pub failure: Option<Box<Failure>>,
    /// Since when it counts as failed, for the end of its retention.
    pub failed_at: Option<Time>,
    /// The next try of what was refused or lost.
    pub retry: Option<Retry>,
    /// Its worker was told to drain and the server stays: when to tell it so next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<Retry>,
    /// An operator's word that it must not be chosen to go.
    #[serde(default)]
    pub protected: bool,
    /// Values that somebody keeps with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: Meta,
    /// It no longer bears our label: never touched again, kept as long as it is there.
    #[serde(default)]
    pub disowned: bool,
}

/// One attempt to create a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The token that the server bears if it comes to be.
    pub token: Token,
    /// The request was not sent later than this.
    pub not_after: Time,
    /// How far it is.
    pub phase: Phase,
}

/// How far an attempt to create a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The intent is recorded: the request may have left at any moment since.
    Issued,
    /// No answer that settles it: look for the token, and wait.
    Uncertain,
    /// The provider said that it did not happen, and asks for patience: send again after one search for the token.
    Throttled,
    /// The server is there and known by its id.
    Bound,
}

/// A reboot under way. A lost one counts as accepted: it is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reboot {
    /// When it was issued.
    pub at: Time,
    /// When it was accepted, or counted as such.
    pub accepted_at: Option<Time>,
    /// Whether the server was seen to leave the running state since.
    pub seen_down: bool,
}

/// The next try of what was refused or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often it was tried in vain.
    pub tries: u32,
    /// Not before this.
    pub at: Time,
}

/// A server at the provider that has no record yet, and why it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRecord {
    /// Where it is.
    pub provider: ProviderName,
    /// The provider's id of it.
    pub provider_id: ProviderId,
    /// Its name there.
    pub name: String,
    /// What it is to us.
    pub kind: Found,
    /// Its owner label.
    pub owner: Option<OwnerId>,
    /// Its type label.
    pub server_type: Option<TypeName>,
    /// Its id label.
    pub server: Option<ServerId>,
    /// Its token label.
    pub token: Option<Token>,
    /// Its specification label.
    pub spec: Option<SpecHash>,
    /// Its state when last seen.
    pub state: ProviderState,
    /// When it was first seen.
    pub first_seen: Time,
}

/// What a server without a record is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// It bears our owner's label: it becomes a record after its grace.
    Orphan,
    /// It bears another owner's label: not touched without an operator's word.
    Held,
}

/// The fleet as a whole: one row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetRecord {
    /// Its name.
    pub fleet: FleetName,
    /// The owner: whose servers these are.
    pub owner: OwnerId,
    /// Owners whose servers an operator gave to us.
    #[serde(default)]
    pub taken_owners: BTreeSet<OwnerId>,
    /// The last moment that was stored; time never falls behind it.
    pub time: Time,
    /// The number for the next server.
    pub next_server: u64,
    /// The number for the next event.
    pub next_event: u64,
    /// What is remembered of each type.
    #[serde(default)]
    pub types: BTreeMap<TypeName, TypeRecord>,
    /// What is remembered of each provider.
    #[serde(default)]
    pub providers: BTreeMap<ProviderName, ProviderRecord>,
    /// Nothing is created while this is set.
    #[serde(default)]
    pub paused_out: bool,
    /// Nothing is chosen to go while this is set.
    #[serde(default)]
    pub paused_in: bool,
    /// Since when the host cannot determine how many servers there should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count_unknown_since: Option<Time>,
}

impl FleetRecord {
    /// Makes the record of a fleet that was never seen before.
    #[must_use]
    pub fn new(fleet: FleetName, owner: OwnerId) -> Self {
        Self {
            fleet,
            owner,
            taken_owners: BTreeSet::new(),
            time: Time::ZERO,
            next_server: 1,
            next_event: 1,
            types: BTreeMap::new(),
            providers: BTreeMap::new(),
            paused_out: false,
            paused_in: false,
            count_unknown_since: None,
        }
    }

    /// Gives the number for a new server.
    pub(crate) fn take_number(&mut self) -> ServerId {
        let id = ServerId(self.next_server);
        self.next_server = self.next_server.saturating_add(1);
        id
    }

    /// Sees to it that no number up to this one is given again, and tells whether that changed anything.
    pub(crate) fn skip_numbers(&mut self, seen: ServerId) -> bool {
        let skips = seen.0 >= self.next_server && seen.0 < NUMBERS_MOST;
        if skips {
            self.next_server = seen.0 + 1;
        }
        skips
    }

    /// Begins anew where the next number is one that nobody ever counted to.
    pub(crate) fn mend_numbers(&mut self) {
        if self.next_server > NUMBERS_MOST {
            self.next_server = 1;
        }
    }
}

/// Nobody counts so far: a number beyond this was edited or damaged, and to count on from it would come to no end.
const NUMBERS_MOST: u64 = 1 << 62;

/// What is remembered of a server type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeRecord {
    /// How many servers there should be. Unknown means: as many as are found.
    pub desired: Option<u32>,
    /// How long each passing status takes, as learned.
    #[serde(default)]
    pub learned: BTreeMap<Status, Duration>,
    /// How many reboots may be under way at once; none means no bound.
    #[serde(default)]
    pub reboot_at_a_time: Option<u32>,
    /// After failed creates: when the next one may be tried, by reason.
    #[serde(default)]
    pub create_backoff: BTreeMap<Reason, Retry>,
    /// Since when creates fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creates_fail_since: Option<Time>,
    /// After replacements: when the next one may be made.
    pub replacement_backoff: Option<Retry>,
    /// Since when fewer servers are allowed than are wanted.
    pub limited_since: Option<Time>,
    /// After servers that ended by themselves soon after they were made: when the next one may be tried.
    #[serde(default)]
    pub short_lives: Option<Retry>,
    /// Since when they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_lives_since: Option<Time>,
    /// What is remembered of its demand.
    #[serde(default)]
    pub demand: Option<DemandRecord>,
    /// An operator's number in place of what its sources ask for.
    #[serde(default)]
    pub overriding: Option<Override>,
}

/// What is remembered of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRecord {
    /// Who the account is, by the provider's word.
    pub identity: Option<String>,
    /// Everything stands still until an operator says `resume`, for this reason.
    pub hold: Option<Hold>,
    /// A second controller was seen at work on this fleet.
    #[serde(default)]
    pub second_controller: bool,
    /// An operator accepted that what is missing in the next look is gone.
    #[serde(default)]
    pub accept_missing: bool,
}

/// Why nothing is created or deleted at a provider until an operator has looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Hold {
    /// Every server was missing at once.
    AllMissing {
        /// How many.
        servers: u32,
        /// Since when.
        since: Time,
    },
    /// The credentials belong to another account than before.
    OtherAccount {
        /// The account before.
        known: String,
        /// The account now.
        found: String,
        /// Since when.
        since: Time,
    },
}

/// A command that was carried out, kept so that a repeated one gets the same answer and no second effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// The command.
    pub command: Command,
    /// What was answered.
    pub reply: Reply,
    /// When.
    pub at: Time,
}

/// Changes that a store makes durable together, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number, to be given back in [`crate::Input::Persisted`].
    pub seq: Seq,
    /// The moment it was made.
    pub at: Time,
    /// Whether an effect or an answer waits for it: then it must be on the disk before it counts as persisted.
    pub must_sync: bool,
    /// The changes, in order.
    pub changes: Vec<Change>,
}

/// One change of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Writes the fleet's row.
    Fleet(Arc<FleetRecord>),
    /// Writes a server's row.
    Server(Arc<ServerRecord>),
    /// Drops a server's row: it was seen gone, and its retention is over.
    Forget(ServerId),
    /// Keeps a specification.
    Spec(Arc<Spec>),
    /// Writes the row of a server without a record.
    Found(Box<FoundRecord>),
    /// Drops the row of a server without a record: it has one now, or is gone.
    FoundNoMore(ProviderName, Box<ProviderId>),
    /// Appends to the log.
    Event(Arc<Event>),
    /// Keeps what was decided about a type's number; the oldest beyond [`crate::DECISIONS_KEPT`] of it may go.
    Decision(Box<Decision>),
    /// Keeps a command's answer; the oldest beyond [`crate::COMMANDS_KEPT`] may go.
    Command(Box<CommandRecord>),
}

/// A ledger as a store gives it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The fleet's row.
    pub fleet: FleetRecord,
    /// The servers' rows.
    pub servers: Vec<ServerRecord>,
    /// The specifications.
    pub specs: Vec<Spec>,
    /// Servers without a record.
    pub found: Vec<FoundRecord>,
    /// The commands of late, oldest first.
    pub commands: Vec<CommandRecord>,
}

impl Stored {
    /// Makes the content of a ledger that was never written to.
    #[must_use]
    pub fn empty(fleet: FleetName, owner: OwnerId) -> Self {
        Self {
            fleet: FleetRecord::new(fleet, owner),
            servers: Vec::new(),
            specs: Vec::new(),
            found: Vec::new(),
            commands: Vec::new(),
        }
    }
}
