//! Looks: what a provider shows of our servers.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::effect::Addresses;
use crate::ids::ProviderId;
use crate::labels::FoundLabels;

/// One page of a listing, in the provider's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The servers on the page.
    pub servers: Vec<Observed>,
    /// How many the whole listing has, if the provider says so.
    pub total: Option<u64>,
    /// How the page joins the one before it; without meaning on the first.
    pub seam: Seam,
}

/// How a page of a listing joins the page before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seam {
    /// It begins with the last server of the page before, so that nothing can slip between them unnoticed.
    Overlapping,
    /// It begins after the last server of the page before, by a cursor.
    Following,
    /// It begins at a number; servers that come and go meanwhile shift it.
    Shifting,
}

/// A server as the provider shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The provider's id of it.
    pub provider_id: ProviderId,
    /// Its name there.
    pub name: String,
    /// Our labels on it.
    pub labels: FoundLabels,
    /// Its state.
    pub state: ProviderState,
    /// Its addresses; empty where this answer does not carry them.
    pub addresses: Addresses,
}

/// The state of a server in the words that all providers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderState {
    /// Something is being done to it: created, started, stopped, moved.
    InProgress,
    /// It runs.
    Running,
    /// It is stopped.
    Stopped,
    /// The provider reports a fault of its own.
    Error,
    /// It is being deleted.
    Deleting,
    /// A state that this version does not know: leave alone, read again.
    Unknown,
}

impl ProviderState {
    /// Gives the state as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in progress",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Error => "error",
            Self::Deleting => "deleting",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ProviderState::{Deleting, Error, InProgress, Running, Stopped, Unknown};
    use alloc::format;

    #[test]
    fn people_read_the_words_that_are_stored() {
        for state in [InProgress, Running, Stopped, Error, Deleting, Unknown] {
            let stored = serde_json::to_string(&state).unwrap();
            assert_eq!(stored, format!("\"{}\"", state.as_str().replace(' ', "_")));
        }
    }
}
