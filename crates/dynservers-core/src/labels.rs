//! Labels: what makes a server at a provider ours.

use alloc::string::{String, ToString};

use crate::ids::{FleetName, OwnerId, ServerId, SpecHash, Token, TypeName};

/// The label that carries the fleet's name.
pub const FLEET: &str = "dynservers-fleet";
/// The label that carries the ledger's owner.
pub const OWNER: &str = "dynservers-owner";
/// The label that carries the server type.
pub const TYPE: &str = "dynservers-type";
/// The label that carries the record's number.
pub const ID: &str = "dynservers-id";
/// The label that carries the attempt's token.
pub const TOKEN: &str = "dynservers-token";
/// The label that carries the specification's hash.
pub const SPEC: &str = "dynservers-spec";
/// What all of our labels begin with; user configuration may not use it.
pub const PREFIX: &str = "dynservers-";

/// A number in a label above this was edited by hand: one that counts up from it would leave the range of JSON and SQL.
const MOST_SERVERS: u64 = 1 << 53;

/// The labels of a server that we create: all of them, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The fleet.
    pub fleet: FleetName,
    /// The ledger.
    pub owner: OwnerId,
    /// The type.
    pub server_type: TypeName,
    /// The record.
    pub server: ServerId,
    /// The attempt.
    pub token: Token,
    /// The specification.
    pub spec: SpecHash,
}

impl Labels {
    /// Gives the labels as pairs of key and value, in a fixed order.
    #[must_use]
    pub fn pairs(&self) -> [(&'static str, String); 6] {
        [
            (FLEET, self.fleet.to_string()),
            (OWNER, self.owner.to_string()),
            (TYPE, self.server_type.to_string()),
            (ID, self.server.to_string()),
            (TOKEN, self.token.to_string()),
            (SPEC, self.spec.to_string()),
        ]
    }
}

/// The labels of a server as found. Any may be missing or unreadable: people edit labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundLabels {
    /// The fleet's name; without it the server is not ours.
    pub fleet: Option<FleetName>,
    /// The ledger.
    pub owner: Option<OwnerId>,
    /// The type.
    pub server_type: Option<TypeName>,
    /// The record.
    pub server: Option<ServerId>,
    /// The attempt.
    pub token: Option<Token>,
    /// The specification.
    pub spec: Option<SpecHash>,
}

impl FoundLabels {
    /// Reads our labels out of all labels of a server. What cannot be read is as if it were missing.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut found = Self::default();
        for (key, value) in pairs {
            match key {
                FLEET => found.fleet = value.parse().ok(),
                OWNER => found.owner = value.parse().ok(),
                TYPE => found.server_type = value.parse().ok(),
                ID => found.server = value.parse().ok().filter(|id| *id <= MOST_SERVERS).map(ServerId),
                TOKEN => found.token = value.parse().ok(),
                SPEC => found.spec = value.parse().ok(),
                _ => {}
            }
        }
        found
    }
}

impl From<&Labels> for FoundLabels {
    fn from(labels: &Labels) -> Self {
        let pairs = labels.pairs();
        Self::from_pairs(pairs.iter().map(|(key, value)| (*key, value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_we_read_and_what_others_write_is_as_if_missing() {
        let labels = Labels {
            fleet: FleetName::new("workers").unwrap(),
            owner: OwnerId::from_random(7),
            server_type: TypeName::new("default").unwrap(),
            server: ServerId(12),
            token: Token(5),
            spec: SpecHash(9),
        };
        let found = FoundLabels::from(&labels);
        assert_eq!(found.server, Some(ServerId(12)));
        assert_eq!(found.token, Some(Token(5)));
        let edited =
            FoundLabels::from_pairs([(FLEET, "workers"), (ID, "-1"), (TOKEN, "x"), ("team", "jobs")]);
        assert_eq!(edited, FoundLabels { fleet: FleetName::new("workers").ok(), ..FoundLabels::default() });
    }
}
