//! Wishes: what is to become of a server, durable, so that whoever comes next keeps the promise.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::{FileError, read_json, write_json};
use crate::place::Place;
use crate::process::{Process, boot_id, uptime_millis};

/// How often a server is started again for one reboot before it counts as stopped.
pub(crate) const STARTS_MOST: u8 = 3;

/// What is to become of a server, until when it may do so by itself, and whether it was asked to.
///
/// A wish that came true stays where it is: whether it did is seen in the processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) what: What,
    pub(crate) deadline: Deadline,
    /// Whether SIGTERM was sent.
    pub(crate) asked: bool,
}

/// What is to become of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// It is to run no more.
    Stop,
    /// It is being removed.
    Delete,
    /// This process is to go, and another to come.
    Restart {
        /// The process that is to go; while the server has it, the wish has not come true.
        of: Process,
        /// How often another was started.
        starts: u8,
    },
}

/// A moment on a clock that no one can set, and the boot of the machine that it counts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deadline {
    boot: String,
    millis: u64,
}

impl Deadline {
    /// Gives the moment that is so far from now.
    pub(crate) fn after(timeout: Duration) -> std::io::Result<Self> {
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { boot: boot_id()?.to_owned(), millis: uptime_millis().saturating_add(timeout) })
    }

    /// Whether it has passed. One of an earlier boot has.
    pub(crate) fn is_over(&self) -> std::io::Result<bool> {
        Ok(self.boot != boot_id()? || self.millis <= uptime_millis())
    }

    /// Gives the earlier of two.
    pub(crate) fn or_earlier(self, other: Self) -> Self {
        if other.boot == self.boot && self.millis <= other.millis { self } else { other }
    }
}

impl Wish {
    /// Reads what is wished of a server; none if nothing is that can be read.
    pub(crate) fn read(place: &Place) -> Result<Option<Self>, FileError> {
        read_json(&place.wish())
    }

    /// Makes it durable.
    pub(crate) fn write(&self, place: &Place) -> Result<(), FileError> {
        write_json(&place.wish(), self)
    }

    /// Whether a server may be started although this is wished of it.
    pub(crate) const fn allows_start(&self) -> bool {
        match self.what {
            What::Stop | What::Delete => false,
            What::Restart { .. } => true,
        }
    }

    /// Whether it wishes for a restart of this very process.
    pub(crate) fn restarts(&self, current: Option<&Process>) -> bool {
        matches!(&self.what, What::Restart { of, .. } if current.is_none_or(|current| current == of))
    }
}
