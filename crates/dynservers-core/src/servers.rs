//! All servers in memory, by their numbers, each found in one step however many there are.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ids::ServerId;
use crate::server::Server;
use crate::tables::ByServer;

/// The servers by their numbers. Boxed, since a table moves its entries about as it grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Servers(ByServer<Box<Server>>);

impl Servers {
    pub(crate) fn get(&self, id: ServerId) -> Option<&Server> {
        self.0.get(&id).map(|server| &**server)
    }

    pub(crate) fn get_mut(&mut self, id: ServerId) -> Option<&mut Server> {
        self.0.get_mut(&id).map(|server| &mut **server)
    }

    /// Gives all of them, for a change to each that does not depend on any other.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Server> {
        self.0.values_mut().map(|server| &mut **server)
    }

    pub(crate) fn insert(&mut self, server: Server) {
        self.0.insert(server.record.id, Box::new(server));
    }

    pub(crate) fn remove(&mut self, id: ServerId) -> Option<Box<Server>> {
        self.0.remove(&id)
    }

    /// Gives all numbers, ascending: nothing may depend on the order in which a table holds them.
    pub(crate) fn ids(&self) -> Vec<ServerId> {
        let mut ids: Vec<ServerId> = self.0.keys().copied().collect();
        ids.sort_unstable();
        ids
    }
}
