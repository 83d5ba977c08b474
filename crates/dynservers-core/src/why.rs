//! Reasons: why the machine does what it does, as data that reads as a sentence.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ServerId;

/// Why something is done, kept with the record that it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// To learn what the provider has.
    Sync,
    /// More servers are wanted than there are.
    Wanted,
    /// It stands in for one that failed.
    Replaces(ServerId),
    /// It was found at the provider and bears our labels.
    Found,
    /// More servers are there than are wanted.
    Surplus,
    /// The one that it stood in for is back.
    Superseded,
    /// Its type is retired.
    Retired,
    /// It was seen stopped though nobody here asked for it.
    FoundStopped,
    /// Its worker had ended when it was to go on.
    Drained,
    /// It failed and was kept long enough.
    Failed,
    /// It came late from an attempt that was given up, or was made twice.
    Duplicate,
    /// The configuration says that what nobody knows is to be deleted.
    Orphan,
    /// It came back after its deletion was asked for.
    DeletedBefore,
    /// An operator asked for it.
    Asked,
}

impl Why {
    /// Whether a worker may still have something in hand that is worth finishing when its server goes for this reason.
    pub(crate) const fn drains(self) -> bool {
        match self {
            Self::Surplus
            | Self::Superseded
            | Self::Retired
            | Self::Duplicate
            | Self::Orphan
            | Self::Asked => true,
            Self::Sync
            | Self::Wanted
            | Self::Replaces(_)
            | Self::Found
            | Self::FoundStopped
            | Self::Drained
            | Self::Failed
            | Self::DeletedBefore => false,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sync => formatter.write_str("to learn what the provider has"),
            Self::Wanted => formatter.write_str("more servers are wanted than there are"),
            Self::Replaces(server) => write!(formatter, "stands in for server {server}, which failed"),
            Self::Found => formatter.write_str("found at the provider with our labels"),
            Self::Surplus => formatter.write_str("more servers are there than are wanted"),
            Self::Superseded => formatter.write_str("the server that it stood in for is back"),
            Self::Retired => formatter.write_str("its type is retired"),
            Self::FoundStopped => formatter.write_str("seen stopped though nobody asked for it"),
            Self::Drained => formatter.write_str("its worker had ended when it was to go on"),
            Self::Failed => formatter.write_str("it failed and was kept long enough"),
            Self::Duplicate => formatter.write_str("it came late from an attempt that was given up"),
            Self::Orphan => formatter.write_str("nobody knows it, and orphans are to be deleted"),
            Self::DeletedBefore => formatter.write_str("it came back after its deletion was asked for"),
            Self::Asked => formatter.write_str("an operator asked for it"),
        }
    }
}
