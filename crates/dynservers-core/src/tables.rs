//! Tables: maps of which nobody asks for an order, where each thing is found in one step however many there are.
//!
//! For what is looked up many times in a life: in a large fleet each level of a tree is memory that nobody has at hand.

use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::ids::{ProviderId, ServerId, Token};

pub(crate) type ByServer<V> = HashMap<ServerId, V, BuildHasherDefault<NumberHasher>>;
pub(crate) type ByToken<V> = HashMap<Token, V, BuildHasherDefault<NumberHasher>>;
pub(crate) type ByProviderId<V> = HashMap<ProviderId, V, BuildHasherDefault<TextHasher>>;

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
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
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
    use alloc::collections::BTreeSet;
    use alloc::format;
    use core::hash::{BuildHasher as _, BuildHasherDefault};

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
        let hasher = BuildHasherDefault::<NumberHasher>::default();
        let hashes = (100_000..104_096).map(|number| hasher.hash_one(ServerId(number)));
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
