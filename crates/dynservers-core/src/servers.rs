//! All servers in memory, by their numbers, each found in one step however many there are.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::ids::ServerId;
use crate::server::Server;

/// The servers by their numbers.
///
/// A table and no tree: a life looks its record up some eighty times, and in a large fleet each level of a tree is memory that
/// nobody has at hand. Boxed, since a table moves its entries about as it grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Servers(HashMap<ServerId, Box<Server>, BuildHasherDefault<NumberHasher>>);

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

    /// Gives all numbers, ascending: nothing may depend on the order in which a table holds them.
    pub(crate) fn ids(&self) -> Vec<ServerId> {
        let mut ids: Vec<ServerId> = self.0.keys().copied().collect();
        ids.sort_unstable();
        ids
    }
}

/// Spreads numbers that follow each other; nobody but us chooses them.
#[derive(Clone, Copy, Debug, Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio of 64 bits: odd, so that the low bits of no two neighbours are the same, and the high ones spread.
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
