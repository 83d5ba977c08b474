//! Tables: maps without an order, where each thing is found in one step however many there are.
//!
//! For what is looked up many times in a life: in a large fleet each level of a tree is memory that nobody has at hand. A hash
//! has a seed that never changes, and nothing here iterates, so that no order of a hash reaches an output.

use alloc::vec::Vec;
use core::fmt;
use core::hash::{BuildHasherDefault, Hash, Hasher};

use hashbrown::HashMap;

/// A map that cannot be iterated.
#[derive(Clone)]
pub(crate) struct Table<K, V, H: Default + Hasher>(HashMap<K, V, BuildHasherDefault<H>>);

impl<K: Copy + Ord + Hash, V, H: Default + Hasher> Table<K, V, H> {
    /// Gives all keys, ascending.
    pub(crate) fn sorted_keys(&self) -> Vec<K> {
        let mut keys: Vec<K> = self.0.keys().copied().collect();
        keys.sort_unstable();
        keys
    }
}

impl<K: Eq + Hash, V, H: Default + Hasher> Table<K, V, H> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    /// Puts a value in, and gives the one that it takes the place of.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }
}

impl<K, V, H: Default + Hasher> Default for Table<K, V, H> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

/// In the order of the keys, so that equal tables look equal.
impl<K: Ord + fmt::Debug, V: fmt::Debug, H: Default + Hasher> fmt::Debug for Table<K, V, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries: Vec<(&K, &V)> = self.0.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        formatter.debug_map().entries(entries).finish()
    }
}

impl<K: Eq + Hash, V: PartialEq, H: Default + Hasher> PartialEq for Table<K, V, H> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Eq + Hash, V: Eq, H: Default + Hasher> Eq for Table<K, V, H> {}

/// Odd, and without a pattern in its bits: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
/// A table finds the place by the low bits of a hash, and tells those at one place apart by these.
const TELLING_BITS: u64 = 0xFE00_0000_0000_0000;

/// For numbers that are counted up or random: what follows each other lies beside each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        (self.0 & !TELLING_BITS) | (self.0.wrapping_mul(GOLDEN) & TELLING_BITS)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = self.0.rotate_left(8) ^ number;
    }

    fn write_u128(&mut self, number: u128) {
        #[expect(clippy::cast_possible_truncation, reason = "both halves count")]
        self.write_u64(number as u64 ^ (number >> 64) as u64);
    }
}

/// For texts that a provider chose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TextHasher(u64);

impl Hasher for TextHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(29) ^ u64::from_le_bytes(word)).wrapping_mul(GOLDEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ProviderId, ServerId};
    use alloc::collections::BTreeSet;
    use alloc::format;
    use core::hash::BuildHasher as _;

    /// How many places of a table for so many are taken, and how many words tell apart.
    fn spread(hashes: impl Iterator<Item = u64>) -> (usize, usize) {
        let (mut places, mut words) = (BTreeSet::new(), BTreeSet::new());
        for hash in hashes {
            places.insert(hash % 4_096);
            words.insert(hash >> 57);
        }
        (places.len(), words.len())
    }

    #[test]
    fn numbers_that_follow_each_other_each_have_a_place_and_are_told_apart() {
        let numbers = BuildHasherDefault::<NumberHasher>::default();
        let hashes = (100_000..104_096).map(|number| numbers.hash_one(ServerId(number)));
        assert_eq!(spread(hashes), (4_096, 128));
    }

    #[test]
    fn ids_and_tokens_are_spread_as_by_chance() {
        let (texts, numbers) =
            (BuildHasherDefault::<TextHasher>::default(), BuildHasherDefault::<NumberHasher>::default());
        let ids = (0..4_096).map(|number| ProviderId::new(format!("00c7-4d2e-8b3e-{number:012}")).unwrap());
        let (places, words) = spread(ids.map(|id| texts.hash_one(id)));
        assert!(places > 2_400 && words == 128, "{places} places and {words} words");
        let mut random = crate::rng::Rng::new(7);
        let (places, words) = spread((0..4_096).map(|_| numbers.hash_one(random.token())));
        assert!(places > 2_400 && words == 128, "{places} places and {words} words");
    }
}
