//! Text: a string of a configuration, written out or named.

use std::path::{Path, PathBuf};

use dynservers_core::Failure;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::secrets::{Reference, Secrets};
use crate::template::Names;

/// A string of a configuration: written out, or named by `{ env = "X" }` or `{ file = "..." }` and read when a request
/// is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a string, { env = \"NAME\" } or { file = \"PATH\" } was expected"
)]
pub enum Text {
    /// The text itself, in which placeholders are filled.
    Literal(String),
    /// The content of an environment variable, taken as it is.
    Env {
        /// The variable's name.
        env: String,
    },
    /// The content of a file, taken as it is.
    File {
        /// The file's path.
        file: String,
    },
}

impl Text {
    /// Gives the text if it is written out.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Env { .. } | Self::File { .. } => None,
        }
    }

    /// Gives where the text is to be read from, if it is not written out.
    #[must_use]
    pub fn reference(&self) -> Option<Reference> {
        match self {
            Self::Literal(_) => None,
            Self::Env { env } => Some(Reference::Env(env.clone())),
            Self::File { file } => Some(Reference::File(PathBuf::from(file))),
        }
    }

    /// Gives the text for one server: a literal with its placeholders filled, or the content of what is named as it is.
    pub fn render(&self, names: &Names, secrets: &dyn Secrets) -> Result<SecretString, Failure> {
        match self {
            Self::Literal(text) => Ok(SecretString::from(names.fill(text))),
            Self::Env { env } => secrets.read(&Reference::Env(env.clone())),
            Self::File { file } => secrets.read(&Reference::File(PathBuf::from(file))),
        }
    }

    /// Makes a relative path of a file relative to `base`; leaves everything else as it is.
    pub fn anchor_file(&mut self, base: &Path) {
        if let Self::File { file } = self {
            *file = base.join(&*file).to_string_lossy().into_owned();
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Literal(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Literal(text)
    }
}

/// A path that is not Unicode is written as far as it is.
impl From<Reference> for Text {
    fn from(reference: Reference) -> Self {
        match reference {
            Reference::Env(env) => Self::Env { env },
            Reference::File(path) => Self::File { file: path.to_string_lossy().into_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_is_a_string_or_exactly_one_reference() {
        let read = |value| serde_json::from_value::<Text>(value);
        assert_eq!(read(json!("a")).unwrap(), Text::from("a"));
        assert_eq!(read(json!({"env": "A"})).unwrap().reference(), Some(Reference::Env("A".into())));
        assert_eq!(read(json!({"file": "a"})).unwrap().reference(), Some(Reference::File("a".into())));
        for wrong in [json!({}), json!({"env": "A", "file": "a"}), json!({"env": 1}), json!(1)] {
            let error = read(wrong).unwrap_err();
            assert!(error.to_string().contains("{ env = \"NAME\" }"), "{error}");
        }
    }

    #[test]
    fn what_is_read_is_what_is_written() {
        for text in [Text::from("a"), Text::Env { env: "A".into() }, Text::File { file: "a".into() }] {
            let value = serde_json::to_value(&text).unwrap();
            assert_eq!(serde_json::from_value::<Text>(value).unwrap(), text);
            assert_eq!(text.reference().map_or_else(|| text.clone(), Text::from), text);
        }
    }

    #[test]
    fn only_relative_files_are_anchored() {
        for (mut text, expected) in [
            (Text::File { file: "a.sh".into() }, Text::File { file: "/etc/a.sh".into() }),
            (Text::File { file: "/a.sh".into() }, Text::File { file: "/a.sh".into() }),
            (Text::from("a.sh"), Text::from("a.sh")),
            (Text::Env { env: "A".into() }, Text::Env { env: "A".into() }),
        ] {
            text.anchor_file(Path::new("/etc"));
            assert_eq!(text, expected);
        }
    }
}
