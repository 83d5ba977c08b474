//! What carries a daemon: the loop of tokio, of threads or of async-std, if it was built with `other-loops`.

use std::process::Command;

use crate::Fleet;

/// What carries a fleet's daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// What the environment variable `DYNSERVERS_TEST_LOOP` says, else tokio.
    Told,
    /// Threads.
    Threads,
    /// async-std.
    AsyncStd,
}

impl Loop {
    /// Says it to a daemon that is not started yet; one that is not told inherits what we were told.
    pub(crate) fn tell(self, command: &mut Command) {
        let name = match self {
            Self::Told => return,
            Self::Threads => "threads",
            Self::AsyncStd => "async-std",
        };
        command.env("DYNSERVERS_TEST_LOOP", name);
    }
}

impl Fleet {
    /// Asks the daemon to end, which it does well, having been carried by the loop that it was told.
    ///
    /// # Panics
    ///
    /// If it ends badly, or was carried by another.
    pub fn ends_well(&mut self) {
        assert!(self.stop().success(), "the daemon says:\n{}", self.log());
        if self.carrier() != Loop::Told {
            let chosen = format!("carrier={:?}", self.carrier());
            assert!(self.log().contains(&chosen), "the daemon does not say {chosen}");
        }
    }
}
