//! Texts that identify things: one that everybody shares, and one that lies where it is needed.

use alloc::string::String;
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// A text that many hold: mostly compared with itself, since everything under a name holds a clone of it.
#[derive(Clone, Eq)]
pub(crate) struct Shared(Arc<str>);

impl Shared {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Shared {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Ord for Shared {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

/// How many bytes lie in place: a UUID fits.
const IN_PLACE: usize = 38;

/// A text of which there are as many as servers: compared with others of its kind, without going elsewhere in memory for it.
#[derive(Clone, Eq)]
pub(crate) enum InPlace {
    Short { length: u8, bytes: [u8; IN_PLACE] },
    Long(Arc<str>),
}

impl InPlace {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Short { .. } => core::str::from_utf8(self.as_bytes()).expect("it was taken from a text"),
            Self::Long(text) => text,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(text) => text.as_bytes(),
        }
    }
}

impl From<String> for InPlace {
    fn from(text: String) -> Self {
        let mut bytes = [0; IN_PLACE];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short { length, bytes }
            }
            _ => Self::Long(text.into()),
        }
    }
}

impl PartialEq for InPlace {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // All of it at once: what lies behind a text is zero.
            (Self::Short { length, bytes }, Self::Short { length: others, bytes: other }) => {
                bytes == other && length == others
            }
            (Self::Long(text), Self::Long(other)) => text == other,
            _ => false,
        }
    }
}

impl Ord for InPlace {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

macro_rules! text {
    ($name:ident) => {
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_bytes().hash(state);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), formatter)
            }
        }
    };
}

text!(Shared);
text!(InPlace);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;
    use alloc::format;
    use alloc::vec::Vec;

    #[test]
    fn a_text_in_place_is_the_text_whatever_its_length_and_sorts_as_texts_do() {
        let mut texts: Vec<String> =
            (0..=60).map(|length| "ä-0\0".repeat(20)[..length / 5 * 5].to_owned()).collect();
        texts.extend((0..=60).map(|length| "b".repeat(length)));
        for text in &texts {
            let place = InPlace::from(text.clone());
            assert_eq!((place.as_str(), format!("{place:?}")), (text.as_str(), format!("{text:?}")));
            for other in &texts {
                let order = place.cmp(&InPlace::from(other.clone()));
                assert_eq!(order, text.cmp(other), "{text:?} and {other:?}");
                assert_eq!(place == InPlace::from(other.clone()), text == other, "{text:?} and {other:?}");
            }
        }
    }
}
