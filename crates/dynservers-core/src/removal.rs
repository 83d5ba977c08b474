//! Removals: how far the end of a server is.

use serde::{Deserialize, Serialize};

use crate::effect::StopMode;
use crate::time::Time;
use crate::why::Why;

/// The end of a server. A removal whose stop was issued is irrevocable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Why.
    pub why: Why,
    /// Since when.
    pub since: Time,
    /// The drain, once it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Drain>,
    /// The stop, once it was issued.
    pub stop: Option<StopIssued>,
    /// The deletion, once it was issued.
    pub delete: Option<DeleteIssued>,
}

/// A drain under way. It ends when the worker says so, or at its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Since when.
    pub since: Time,
    /// When the server is stopped whatever its worker says.
    pub deadline: Time,
    /// Whether the worker has nothing left to do.
    pub done: bool,
}

/// A stop that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopIssued {
    /// How.
    pub mode: StopMode,
    /// When.
    pub at: Time,
    /// Whether the provider accepted it.
    pub accepted: bool,
}

/// A deletion that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteIssued {
    /// When.
    pub at: Time,
    /// When the provider accepted it.
    pub accepted_at: Option<Time>,
}
