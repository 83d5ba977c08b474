//! The truth about what exists, at little cost, for whoever holds a controller against it many times over.

use super::Emulator;
use super::cloud::Withdrawn;
use super::server::{Server, State};

/// A server as it is, whatever listings and answers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Truth<'a> {
    /// Its UUID.
    pub uuid: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its labels.
    pub labels: &'a [(String, String)],
    /// Its state.
    pub state: State,
    /// Whether something runs on it, though its state may not show it yet.
    pub is_busy: bool,
}

impl Emulator {
    /// Lets time pass.
    pub fn advance(&mut self, now_millis: u64) {
        self.cloud.advance(now_millis);
    }

    /// Gives the servers that exist, in the order of creation, as of the latest moment seen.
    pub fn servers(&self) -> impl DoubleEndedIterator<Item = Truth<'_>> {
        self.cloud.servers().map(Truth::of)
    }

    /// Gives one server, if it exists.
    #[must_use]
    pub fn server(&self, uuid: &str) -> Option<Truth<'_>> {
        self.cloud.find(uuid).map(|(_, server)| Truth::of(server))
    }

    /// Brings the server back that was deleted by hand last, with its disks and powered off; gives its UUID.
    pub fn bring_back(&mut self, now_millis: u64) -> Option<String> {
        self.cloud.advance(now_millis);
        let Withdrawn { number, server, disks } = self.withdrawn.pop()?;
        let uuid = server.uuid.clone();
        self.cloud.add(number, server, disks, 0);
        Some(uuid)
    }
}

impl<'a> Truth<'a> {
    fn of(server: &'a Server) -> Self {
        Self {
            uuid: &server.uuid,
            title: &server.title,
            labels: &server.labels,
            state: server.state,
            is_busy: server.is_busy(),
        }
    }
}
