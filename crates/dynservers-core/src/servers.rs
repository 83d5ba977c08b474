//! All servers in memory, by their numbers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ids::ServerId;
use crate::server::Server;
use crate::tables::{NumberHasher, Table};

/// The servers by their numbers. Boxed, since a table moves its entries about as it grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Servers(Table<ServerId, Box<Server>, NumberHasher>);

impl Servers {
    pub(crate) fn get(&self, id: ServerId) -> Option<&Server> {
        self.0.get(&id).map(|server| &**server)
    }

    pub(crate) fn get_mut(&mut self, id: ServerId) -> Option<&mut Server> {
        self.0.get_mut(&id).map(|server| &mut **server)
    }

    pub(crate) fn insert(&mut self, server: Server) {
        self.0.insert(server.record.id, Box::new(server));
    }

    pub(crate) fn remove(&mut self, id: ServerId) -> Option<Box<Server>> {
        self.0.remove(&id)
    }

    /// Gives all numbers, ascending.
    pub(crate) fn ids(&self) -> Vec<ServerId> {
        self.0.sorted_keys()
    }
}
