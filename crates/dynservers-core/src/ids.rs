//! Names and numbers that identify things; whoever holds one holds a valid one.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::{InPlace, Shared};

/// Why a text is not a valid name or number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} {value:?} is not valid: {rule}")]
pub struct InvalidId {
    /// What was to be read, for example `fleet name`.
    pub what: &'static str,
    /// The text as given.
    pub value: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident($text:ty), $what:literal, $rule:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name($text);

        impl $name {
            /// Checks and takes a text.
            pub fn new(value: impl Into<String>) -> Result<Self, InvalidId> {
                let value = value.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&value) {
                    Ok(Self(value.into()))
                } else {
                    Err(InvalidId { what: $what, value, rule: $rule })
                }
            }

            /// Gives the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(value: String) -> Result<Self, InvalidId> {
                Self::new(value)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(value: &str) -> Result<Self, InvalidId> {
                Self::new(value)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.as_str().to_owned()
            }
        }
    };
}

const PLAIN: &str =
    "1 to 63 characters: lower-case letters, digits, '-' and '_', with a letter or digit at both ends";

/// Whether a text is safe in labels, tags, host names and file names of every provider.
fn is_plain(value: &str, most: usize) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    bytes.len() <= most
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

fn is_opaque(value: &str) -> bool {
    !value.is_empty() && value.len() <= 255 && value.chars().all(|char| !char.is_control())
}

name!(
    /// The name of a fleet: unique in the provider's account, on every server as a label.
    FleetName(Shared), "fleet name", PLAIN,
    |value| is_plain(value, 63)
);
name!(
    /// The name of a server type: what to clone, from where, within which bounds.
    TypeName(Shared), "server type", PLAIN,
    |value| is_plain(value, 63)
);
name!(
    /// The name of a configured provider.
    ProviderName(Shared), "provider name", PLAIN,
    |value| is_plain(value, 63)
);
name!(
    /// The random identity of a ledger, made with it. Without a store it is the fleet's name itself.
    OwnerId(Shared), "owner", PLAIN,
    |value| is_plain(value, 63)
);
name!(
    /// The provider's own name for a server, opaque to the machine. Includes the endpoint where ids are unique only within one.
    ProviderId(InPlace), "provider id", "1 to 255 characters without control characters", is_opaque
);
name!(
    /// The idempotency key of a command.
    CommandId(Shared), "command id", "1 to 255 characters without control characters", is_opaque
);

impl OwnerId {
    /// Gives the owner of a fleet whose ledger is not stored: the fleet's name, so that a restart knows its own servers.
    #[must_use]
    pub fn of_fleet(fleet: &FleetName) -> Self {
        Self(fleet.0.clone())
    }

    /// Gives the owner of a new ledger, from 128 random bits.
    #[must_use]
    pub fn from_random(bits: u128) -> Self {
        Self(format!("{bits:032x}").into())
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
    };
}

number!(
    /// The number of a server in its ledger; never used twice.
    ServerId
);
number!(
    /// The number of an effect within one process.
    EffectId
);
number!(
    /// The number of a batch of changes within one process.
    Seq
);
number!(
    /// The number of an event in the fleet's log: the cursor of a subscriber.
    EventId
);

macro_rules! hex {
    ($(#[$doc:meta])* $name:ident, $int:ty, $digits:literal, $what:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!("{:0", $digits, "x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(value: &str) -> Result<Self, InvalidId> {
                let valid = value.len() == $digits && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                match <$int>::from_str_radix(value, 16) {
                    Ok(number) if valid => Ok(Self(number)),
                    _ => Err(InvalidId { what: $what, value: value.to_owned(), rule: $rule }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(value: String) -> Result<Self, InvalidId> {
                value.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                format!("{id}")
            }
        }
    };
}

hex!(
    /// The unique id of one attempt to create one server: 128 bits, carried by the server in a label.
    Token, u128, 32, "token", "32 lower-case hexadecimal digits"
);
hex!(
    /// The hash of a specification, by which outdated servers show.
    SpecHash, u64, 16, "specification hash", "16 lower-case hexadecimal digits"
);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_are_checked_at_the_edge() {
        for good in ["a", "workers", "a-b_c9", "0"] {
            assert_eq!(FleetName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "ä", &"a".repeat(64)] {
            let error = FleetName::new(bad).unwrap_err();
            assert_eq!((error.what, error.value.as_str()), ("fleet name", bad));
        }
    }

    #[test]
    fn stored_names_are_checked_too() {
        assert!(serde_json::from_str::<TypeName>("\"web\"").is_ok());
        assert!(serde_json::from_str::<TypeName>("\"We b\"").is_err());
    }

    #[test]
    fn tokens_read_back_as_written_and_reject_everything_else() {
        let token = Token(0xfeed_0000_0000_0000_0000_0000_0000_beef);
        assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
        for bad in ["", "feed", "+eed0000000000000000000000000beef", "FEED000000000000000000000000BEEF"] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
    }
}
