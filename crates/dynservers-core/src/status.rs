//! Statuses of a server, and which may follow which.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The status of a server: the reference's eleven, and `draining`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Wanted; nothing has been asked of the provider.
    New,
    /// Asked for: being created, or created and not yet seen running.
    Starting,
    /// Seen running.
    Running,
    /// Asked to restart, and not yet seen back.
    Rebooting,
    /// Finishing its work before it is stopped.
    Draining,
    /// Asked to stop, and not yet seen stopped.
    Stopping,
    /// Seen stopped.
    Stopped,
    /// Asked to be deleted, and not yet seen gone.
    Deleting,
    /// Seen gone, or never made.
    Deleted,
    /// Failed: refused by the provider, or seen in error.
    Errored,
    /// Longer in a passing status than it should be.
    Hanging,
    /// Stopped and kept, to be started again.
    Paused,
}

impl Status {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 12] = [
        Self::New,
        Self::Starting,
        Self::Running,
        Self::Rebooting,
        Self::Draining,
        Self::Stopping,
        Self::Stopped,
        Self::Deleting,
        Self::Deleted,
        Self::Errored,
        Self::Hanging,
        Self::Paused,
    ];

    /// Gives the status as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Rebooting => "rebooting",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Errored => "errored",
            Self::Hanging => "hanging",
            Self::Paused => "paused",
        }
    }

    /// Whether a server of this status counts towards the desired number.
    #[must_use]
    pub const fn is_provisioned(self) -> bool {
        matches!(self, Self::New | Self::Starting | Self::Running | Self::Rebooting)
    }

    /// Whether a server may go from this status to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use Status::{
            Deleted, Deleting, Draining, Errored, Hanging, New, Paused, Rebooting, Running, Starting,
            Stopped, Stopping,
        };
        match self {
            // A wanted server that is not wanted any more was never made.
            New => matches!(next, Starting | Deleted | Errored),
            // Back to new: the attempt is proved to have made nothing.
            Starting => {
                matches!(
                    next,
                    New | Running | Draining | Stopping | Stopped | Deleting | Deleted | Errored | Hanging
                )
            }
            Running => matches!(
                next,
                Rebooting | Draining | Stopping | Stopped | Deleting | Deleted | Errored | Paused
            ),
            Rebooting => {
                matches!(
                    next,
                    Running | Draining | Stopping | Stopped | Deleting | Deleted | Errored | Hanging
                )
            }
            Draining => matches!(next, Running | Stopping | Stopped | Deleting | Deleted | Errored),
            Stopping => matches!(next, Stopped | Deleting | Deleted | Errored | Hanging | Paused),
            // Back to stopping: it was seen running again.
            Stopped => matches!(next, Stopping | Deleting | Deleted | Errored | Hanging),
            Deleting => matches!(next, Stopping | Stopped | Deleted | Errored | Hanging),
            // Back from the dead: convicted as gone without our delete, or a delete that did not hold.
            Deleted => matches!(next, Running | Starting | Stopping | Stopped | Deleting),
            Errored => matches!(next, Running | Draining | Stopping | Stopped | Deleting | Deleted),
            Hanging => {
                matches!(next, New | Running | Draining | Stopping | Stopped | Deleting | Deleted | Errored)
            }
            Paused => matches!(next, Starting | Stopping | Deleting | Deleted | Errored),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_the_words_that_are_stored() {
        for status in Status::ALL {
            let stored = serde_json::to_string(&status).unwrap();
            assert_eq!(stored, alloc::format!("\"{status}\""));
        }
        assert_eq!(
            alloc::format!("{:>6}{:<6}|", Status::New, Status::Paused),
            "   newpaused|",
            "as in a table"
        );
    }

    #[test]
    fn what_is_up_or_coming_up_counts_towards_the_number_and_nothing_else() {
        let provisioned = Status::ALL.into_iter().filter(|status| status.is_provisioned());
        let expected = [Status::New, Status::Starting, Status::Running, Status::Rebooting];
        assert!(provisioned.eq(expected));
    }

    #[test]
    fn every_status_but_the_last_has_an_exit_and_none_follows_itself() {
        for status in Status::ALL {
            assert!(Status::ALL.iter().any(|next| status.may_become(*next)), "{status} has no exit");
            assert!(!status.may_become(status), "{status}");
        }
    }

    #[test]
    fn every_status_reaches_deleted() {
        for start in Status::ALL {
            let mut reached = alloc::vec![start];
            let mut index = 0;
            while let Some(status) = reached.get(index).copied() {
                reached.extend(
                    Status::ALL
                        .into_iter()
                        .filter(|next| status.may_become(*next) && !reached.contains(next))
                        .collect::<alloc::vec::Vec<_>>(),
                );
                index += 1;
            }
            assert!(reached.contains(&Status::Deleted), "{start}");
        }
    }
}
