//! Specifications: what a server type asks of its provider, in the provider's own vocabulary.

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::SpecHash;

/// A specification, interned: servers of a type share one as long as their type's configuration does not change.
///
/// The body is JSON with placeholders and secret references unresolved, so that a ledger never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    hash: SpecHash,
    body: Value,
}

impl Spec {
    /// Makes a specification and its hash from the provider's own payload.
    #[must_use]
    pub fn new(body: Value) -> Self {
        Self { hash: SpecHash(fnv1a(&canonical(&body))), body }
    }

    /// Gives the hash of the body: equal for equal bodies, whatever the order of their keys.
    #[must_use]
    pub const fn hash(&self) -> SpecHash {
        self.hash
    }

    /// Gives the payload.
    #[must_use]
    pub const fn body(&self) -> &Value {
        &self.body
    }
}

/// Writes JSON with sorted keys, so that the hash does not depend on how a map happens to be kept.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: alloc::vec::Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let mut text = String::from("{");
            for (key, value) in entries {
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                text.push_str(&canonical(value));
                text.push(',');
            }
            text.push('}');
            text
        }
        Value::Array(values) => {
            let mut text = String::from("[");
            for value in values {
                text.push_str(&canonical(value));
                text.push(',');
            }
            text.push(']');
            text
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// FNV-1a, 64 bits: a fixed hash, since this one is stored and compared across versions and machines.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_hash_tells_bodies_apart_and_is_the_same_for_ever() {
        let one = Spec::new(json!({"zone": "de-fra1", "plan": "1xCPU-1GB"}));
        assert_eq!(one.hash(), Spec::new(json!({"plan": "1xCPU-1GB", "zone": "de-fra1"})).hash());
        assert_ne!(one.hash(), Spec::new(json!({"plan": "1xCPU-2GB", "zone": "de-fra1"})).hash());
        assert_eq!(Spec::new(json!({})).hash().to_string(), "08f44b07b5901a25");
    }
}
