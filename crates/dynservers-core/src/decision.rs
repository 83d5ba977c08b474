//! Decisions: what was known when a number of servers was decided for, and what came of it, as data.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::demand::{Override, Reading, Signal};
use crate::ids::{ServerId, TypeName};
use crate::time::Time;
use crate::why::Why;

/// One decision about the number of servers of a type: everything that it was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Time,
    /// The type.
    pub server_type: TypeName,
    /// Why it was decided now.
    pub trigger: Trigger,
    /// What the policy made of the work, if that was measured just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// The operator's number that holds in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overriding: Option<Override>,
    /// How many servers there should have been before.
    pub before: Option<u32>,
    /// How many servers there should be.
    pub desired: Option<u32>,
    /// How many ran.
    pub running: u32,
    /// How many were on their way to run.
    pub starting: u32,
    /// What is done about it at once.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub orders: Orders,
    /// Nothing of it is done: the fleet only watches.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub shadow: bool,
}

/// Which decisions somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionQuery {
    /// Only those of this type.
    pub server_type: Option<TypeName>,
    /// None later than this.
    pub until: Option<Time>,
    /// The last so many.
    pub limit: usize,
}

/// Why something was decided at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The work was measured.
    Measured,
    /// An operator's number began or ended.
    Overridden,
    /// Servers came, went, failed, or said how busy they are, and what was decided before is carried out.
    Fleet,
}

/// What a policy made of the work that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What each source told.
    pub readings: Vec<Reading>,
    /// What those that answered told together.
    pub signal: Signal,
    /// How long a server takes for a job, as learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_time: Option<Duration>,
    /// How many servers the rule asks for.
    pub raw: u32,
    /// What changed that, in order.
    pub clamps: Vec<Clamp>,
    /// How many servers are wanted in the end.
    pub decided: u32,
}

impl Judgement {
    /// Gives what had the last word: none means that the rule had.
    #[must_use]
    pub fn bound(&self) -> Option<&Clamp> {
        self.clamps.last()
    }
}

/// Something that changed a number on its way from the rule to the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clamp {
    /// What.
    pub kind: ClampKind,
    /// The number before.
    pub before: u32,
    /// The number after.
    pub after: u32,
    /// Until when it holds at most, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Which window of the calendar it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}

/// What can change a number on its way from the rule to the decision, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClampKind {
    /// Not all of the work is known: the number is held.
    Unknown,
    /// It has not been known for long: the fallback stands in.
    Fallback,
    /// The number would jump further than is believed at once.
    MaxStep,
    /// A window of the calendar asks for more.
    Floor,
    /// A window of the calendar allows fewer.
    Ceiling,
    /// The type's minimum.
    Minimum,
    /// The type's maximum.
    Maximum,
    /// The number rises no faster.
    RateUp,
    /// The change is not worth its while.
    Tolerance,
    /// More were wanted a short while ago.
    Stabilization,
    /// The number falls no faster.
    RateDown,
    /// What is still starting was ordered for the same work.
    Booting,
    /// What is paid for stays to the end of its unit.
    PaidUnit,
}

/// What is done at once to come to a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// How many servers are made.
    pub made: u32,
    /// How many that were to go stay.
    pub kept: u32,
    /// How many are to go.
    pub gone: u32,
    /// The first of those, and why each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub victims: Vec<Victim>,
}

/// A server that is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Victim {
    /// The server.
    pub server: ServerId,
    /// Why it.
    pub why: Why,
    /// What its worker said of how busy it is, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u64>,
}

/// How many victims a decision names.
pub(crate) const VICTIMS_NAMED: usize = 50;

impl Orders {
    /// Whether nothing is done.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.made == 0 && self.kept == 0 && self.gone == 0
    }
}
