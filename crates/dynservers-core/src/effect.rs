//! Effects: what the machine wants done out there, and the words for what became of it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{EffectId, ProviderId, ProviderName, ServerId, Token, TypeName};
use crate::labels::Labels;
use crate::look::{Observed, Page, ProviderState};
use crate::spec::Spec;
use crate::time::Time;
use crate::why::Why;

/// One thing to be done by one request to one provider.
///
/// An executor does it at most once, never after [`Effect::not_after`], and answers with exactly one [`Completion`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Names the effect in its [`Completion`].
    pub id: EffectId,
    /// The provider to ask.
    pub provider: ProviderName,
    /// What to do.
    pub op: Op,
    /// Where to go on: the step that the answer before this one asked for.
    pub step: Option<Step>,
    /// The request may not be sent later than this; if it was not, the outcome is [`Outcome::Unsent`].
    pub not_after: Time,
    /// The record that it is about, if it is about one.
    pub server: Option<ServerId>,
    /// Why it is done.
    pub why: Why,
}

/// The operations of a provider.
///
/// Open, since clouds with leftovers or standby servers need more of them: an executor answers what it does not know
/// with [`Outcome::Refused`] and [`Reason::Invalid`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Asks who we are there, and whether the credentials serve.
    Check,
    /// Lists every server that bears the fleet's label, page by page.
    Look,
    /// Lists the servers that bear this token.
    Find(Token),
    /// Reads one server.
    Inspect(ProviderId),
    /// Reads how many servers the account has in all, and how many it may have.
    Account,
    /// Creates one server from a snapshot.
    CreateFromSnapshot(Box<CreateFromSnapshot>),
    /// Stops one server.
    Stop {
        /// The server.
        provider_id: ProviderId,
        /// How.
        mode: StopMode,
    },
    /// Restarts one server.
    Reboot {
        /// The server.
        provider_id: ProviderId,
        /// How long the guest may take to go down before it is cut off.
        timeout: Duration,
    },
    /// Deletes one server with its disks.
    Delete {
        /// The server.
        provider_id: ProviderId,
        /// Its state when last seen, since some providers delete in different ways by state.
        seen: Option<ProviderState>,
    },
}

impl Op {
    /// Whether the operation changes nothing at the provider.
    #[must_use]
    pub fn is_read(&self) -> bool {
        match self {
            Self::Check | Self::Look | Self::Find(_) | Self::Inspect(_) | Self::Account => true,
            Self::CreateFromSnapshot(_) | Self::Stop { .. } | Self::Reboot { .. } | Self::Delete { .. } => {
                false
            }
        }
    }

    /// Gives a short name for logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Look => "look",
            Self::Find(_) => "find",
            Self::Inspect(_) => "inspect",
            Self::Account => "account",
            Self::CreateFromSnapshot(_) => "create",
            Self::Stop { .. } => "stop",
            Self::Reboot { .. } => "reboot",
            Self::Delete { .. } => "delete",
        }
    }
}

/// What a new server is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateFromSnapshot {
    /// The record.
    pub server: ServerId,
    /// Its type.
    pub server_type: TypeName,
    /// Its name, for people; may not be unique.
    pub name: Arc<str>,
    /// The labels that make it ours; they win over any that the specification asks for.
    pub labels: Labels,
    /// The specification: the provider's own vocabulary, with placeholders and references unresolved.
    pub spec: Arc<Spec>,
}

/// How to stop a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// Asks the guest to shut down; cuts it off after the timeout where the provider can.
    Soft {
        /// How long the guest may take.
        timeout: Duration,
    },
    /// Cuts it off.
    Hard,
}

/// A position within an operation of several requests, of the provider's own making: a page, a cursor, a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Step(pub String);

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The news.
    pub outcome: Outcome,
    /// The step that must follow for the operation to be whole. Every step but the first is idempotent.
    pub next: Option<Step>,
    /// What the provider said of its rate limit.
    pub rate: Option<Rate>,
}

impl From<Outcome> for Completion {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, next: None, rate: None }
    }
}

/// What the provider says of its rate limit with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many requests are left now.
    pub remaining: u64,
    /// How long until the budget is whole again.
    pub resets_in: Duration,
}

/// What became of an effect. The kinds of bad news are kept apart since the next step differs.
///
/// Closed on purpose: the machine must answer every kind, and a new one is a new decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One page of a look or a find.
    Page(Page),
    /// The server as the provider has it now.
    Inspected(Observed),
    /// What is known of the account.
    Account(Account),
    /// The server was accepted and has an id.
    Created(Box<Observed>),
    /// The request was accepted; what it asked for may take its time.
    Accepted,
    /// The provider's own word that there is no such server.
    Absent(Failure),
    /// A server of this name or token is there already: find it and bind it.
    Exists(Failure),
    /// It was accepted, and then it was gone without a trace.
    Vanished(Failure),
    /// The credentials do not serve: nothing happened, and nothing will until they change.
    Denied(Failure),
    /// It did not happen and, asked again in the same way, will not.
    Refused(Reason, Failure),
    /// It did not happen; asked later, it may.
    Throttled {
        /// How long the provider asks us to wait.
        retry_after: Option<Duration>,
        /// The provider's words.
        failure: Failure,
    },
    /// The request never left: no connection, or its time had passed.
    Unsent(Failure),
    /// The request may have left, and what became of it is not known.
    Lost(Failure),
}

impl Outcome {
    /// Gives the failure that the outcome tells of, if it does.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Page(_) | Self::Inspected(_) | Self::Account(_) | Self::Created(_) | Self::Accepted => None,
            Self::Absent(failure)
            | Self::Exists(failure)
            | Self::Vanished(failure)
            | Self::Denied(failure)
            | Self::Refused(_, failure)
            | Self::Throttled { failure, .. }
            | Self::Unsent(failure)
            | Self::Lost(failure) => Some(failure),
        }
    }

    /// Gives a short name for logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Page(_) => "page",
            Self::Inspected(_) => "inspected",
            Self::Account(_) => "account",
            Self::Created(_) => "created",
            Self::Accepted => "accepted",
            Self::Absent(_) => "absent",
            Self::Exists(_) => "exists",
            Self::Vanished(_) => "vanished",
            Self::Denied(_) => "denied",
            Self::Refused(..) => "refused",
            Self::Throttled { .. } => "throttled",
            Self::Unsent(_) => "unsent",
            Self::Lost(_) => "lost",
        }
    }
}

/// Why a provider refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The request itself is wrong: the configuration must change.
    Invalid,
    /// A limit of the account is reached.
    Quota,
    /// The account has no credit.
    Credit,
    /// The provider has no room of this kind just now.
    Capacity,
    /// The server, or something it needs, is in a state that does not allow it just now. No alarm: look and ask again.
    Busy,
}

impl Reason {
    /// Gives the reason as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Quota => "quota",
            Self::Credit => "credit",
            Self::Capacity => "capacity",
            Self::Busy => "busy",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A provider's bad news as data: kept with the record, shown to people, never with a secret in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened, in one sentence.
    pub message: String,
    /// The provider's own code, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The provider's id of the request, to quote to its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

impl Failure {
    /// Makes a failure that is told by a sentence alone.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        let mut separator = " (";
        let mut part = |formatter: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            let result = write!(formatter, "{separator}{text}");
            separator = ", ";
            result
        };
        if let Some(code) = &self.code {
            part(formatter, format_args!("{code}"))?;
        }
        if let Some(status) = self.http_status {
            part(formatter, format_args!("HTTP {status}"))?;
        }
        if let Some(correlation) = &self.correlation {
            part(formatter, format_args!("correlation {correlation}"))?;
        }
        if separator == ", " { formatter.write_str(")") } else { Ok(()) }
    }
}

/// What a provider says of the account. Every part may be unknown, and unknown is neither zero nor without end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// How many servers the account has, ours or not.
    pub total: Option<u64>,
    /// How many it may have, by the provider's word.
    pub limit: Option<u64>,
    /// Who the account is: compared with what was stored, to notice the wrong credentials.
    pub identity: Option<String>,
}

/// An address of a server, with the kind of network that it is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The network.
    pub network: Network,
    /// The address as the provider writes it.
    pub address: String,
}

/// The kind of network that an address is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Network {
    /// Reachable from the internet.
    Public,
    /// The customer's own network.
    Private,
    /// The provider's internal network.
    Utility,
}

/// The addresses of a server; may be empty, and is never needed for it to count as running.
pub type Addresses = Vec<Address>;

/// Free data on a server, by key.
pub type Meta = BTreeMap<String, serde_json::Value>;

/// How many values may be kept with a server.
pub const META_ENTRIES_MOST: usize = 64;
/// How many bytes the values that are kept with a server may have, with their keys and as JSON.
pub const META_BYTES_MOST: usize = 16 * 1024;
