//! Noise: arbitrary bytes, texts and JSON, the same in every run.

use serde_json::{Value, json};

/// A small generator (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number below a bound; zero if there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T], otherwise: T) -> T {
        from.get(self.below(from.len())).cloned().unwrap_or(otherwise)
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// Draws a text of characters of all kinds, those that break parsers among them.
    pub(crate) fn text(&mut self, most: usize) -> String {
        const ODD: &[char] =
            &['a', '9', '-', ' ', '"', '\\', '/', '%', '&', '=', '\0', '\n', 'ä', '😀', '<', '{'];
        let length = self.below(most + 1);
        (0..length).map(|_| self.pick(ODD, 'a')).collect()
    }

    /// Draws a value, often of the kind that stands in an answer, seldom in the place where it should.
    pub(crate) fn value(&mut self, depth: usize, keys: &[String]) -> Value {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.next() % 2 == 0),
            2 => json!(self.next()),
            3 => json!(-1.5),
            4 => json!(self.text(12)),
            5 => (0..self.below(4)).map(|_| self.value(depth - 1, keys)).collect(),
            _ => (0..self.below(5))
                .map(|_| {
                    let drawn = self.text(6);
                    (self.pick(keys, drawn), self.value(depth - 1, keys))
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// Spoils bytes in one place.
    pub(crate) fn spoil(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut spoilt = bytes.to_vec();
        let at = self.below(bytes.len());
        match self.below(3) {
            0 => spoilt.truncate(at),
            1 => {
                if let Some(byte) = spoilt.get_mut(at) {
                    *byte = self.next().to_le_bytes()[0];
                }
            }
            _ => {
                let end = (at + self.below(20)).min(spoilt.len());
                spoilt.drain(at.min(end)..end);
            }
        }
        spoilt
    }
}

/// Collects the keys of a JSON value, however deep.
pub(crate) fn keys_of(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                keys.push(key.clone());
                keys_of(value, keys);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys_of(value, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
