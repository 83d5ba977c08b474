//! Secrets: named in configuration and ledger, read only when a request is built.

use std::env::VarError;
use std::fmt;
use std::path::PathBuf;

use dynservers_core::Failure;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// Where a text is to be read from. The reference is stored and shown; what it leads to never is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// An environment variable.
    Env(String),
    /// A file; white space at its end is not part of the text.
    File(PathBuf),
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(formatter, "environment variable {name}"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
        }
    }
}

/// Reads references. Asked anew for each request, so that a host may change credentials while it runs.
pub trait Secrets: Send + Sync {
    /// Reads one reference. A failure names the reference and the reason, and never shows any of the text.
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure>;
}

/// Reads the environment and the file system of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSecrets;

impl Secrets for SystemSecrets {
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure> {
        let unreadable =
            |reason: &dyn fmt::Display| Failure::new(format!("{reference} cannot be read: {reason}"));
        match reference {
            Reference::Env(name) => {
                // `std::env::var` panics on names that no variable can have.
                if name.is_empty() || name.contains(['=', '\0']) {
                    return Err(unreadable(&"this is not the name of a variable"));
                }
                std::env::var(name)
                    .map(SecretString::from)
                    .map_err(|error| unreadable(&without_content(&error)))
            }
            Reference::File(path) => std::fs::read_to_string(path)
                .map(|text| SecretString::from(text.trim_end()))
                .map_err(|error| unreadable(&error)),
        }
    }
}

/// Tells why a variable cannot be read. The error itself will not do: it prints the value that is not Unicode.
const fn without_content(error: &VarError) -> &'static str {
    match error {
        VarError::NotPresent => "it is not set",
        VarError::NotUnicode(_) => "it is not valid Unicode",
    }
}

/// Makes a header of a secret, marked so that no Debug shows it: with `"Bearer "` before it, for example, or nothing.
pub fn secret_header(scheme: &str, secret: &SecretString) -> Result<HeaderValue, Failure> {
    let text = SecretString::from(format!("{scheme}{}", secret.expose_secret()));
    let mut header = HeaderValue::try_from(text.expose_secret())
        .map_err(|_| Failure::new("the credentials contain characters that no HTTP header can carry"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// The shortest run of characters shared with a secret that [`redact`] takes out of a text.
const SHARED_RUN: usize = 8;
/// Secrets shorter than this cannot be told from ordinary text.
const SHORTEST_SECRET: usize = 4;

/// Takes secrets out of a text that somebody else wrote and that may quote them, such as a provider's error message.
///
/// Every run of eight or more characters that also stands in a secret becomes `[redacted]`, so that a message which
/// quotes one line of a secret file gives nothing away either. A secret shorter than that is found as a whole, and one
/// of fewer than four characters is not looked for. Meant for short texts: the work grows with text times secrets.
#[must_use]
pub fn redact(text: &str, secrets: &[SecretString]) -> String {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let characters = starts.len() - 1;
    let mut hidden = vec![false; characters];
    for secret in secrets.iter().map(ExposeSecret::expose_secret) {
        let length = secret.chars().take(SHARED_RUN).count();
        if length < SHORTEST_SECRET {
            continue;
        }
        for first in 0..(characters + 1).saturating_sub(length) {
            if secret.contains(&text[starts[first]..starts[first + length]]) {
                hidden[first..first + length].fill(true);
            }
        }
    }
    let mut redacted = String::with_capacity(text.len());
    for (index, (character, hide)) in text.chars().zip(&hidden).enumerate() {
        if !hide {
            redacted.push(character);
        } else if index == 0 || !hidden[index - 1] {
            redacted.push_str("[redacted]");
        }
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_value_that_is_not_unicode_is_not_shown() {
        use std::os::unix::ffi::OsStringExt as _;
        let value = std::ffi::OsString::from_vec(b"hunter2\xff".to_vec());
        let reason = without_content(&VarError::NotUnicode(value));
        assert_eq!(reason, "it is not valid Unicode");
    }

    #[test]
    fn a_header_of_a_secret_does_not_show() {
        let header = secret_header("Bearer ", &SecretString::from("hunter2")).unwrap();
        assert_eq!(
            (header.to_str().unwrap(), format!("{header:?}")),
            ("Bearer hunter2", "Sensitive".to_owned())
        );
        let failure = secret_header("", &SecretString::from("hunter2\n")).unwrap_err();
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let variable = Reference::Env("DYNSERVERS_TEST_NO_SUCH_VARIABLE".into());
        assert_eq!(
            SystemSecrets.read(&variable).unwrap_err().message,
            "environment variable DYNSERVERS_TEST_NO_SUCH_VARIABLE cannot be read: it is not set"
        );
        let file = SystemSecrets.read(&Reference::File("/no/such/file".into())).unwrap_err();
        assert!(file.message.starts_with("file /no/such/file cannot be read: "), "{file}");
        for impossible in ["", "A=B", "A\0B"] {
            let failure = SystemSecrets.read(&Reference::Env(impossible.into())).unwrap_err();
            assert!(failure.message.ends_with("this is not the name of a variable"), "{failure}");
        }
    }

    #[test]
    fn a_file_is_read_without_the_white_space_at_its_end() {
        let path = std::env::temp_dir().join(format!("dynservers-secret-{}", std::process::id()));
        std::fs::write(&path, " hunter2 \n\n").unwrap();
        let secret = SystemSecrets.read(&Reference::File(path.clone()));
        std::fs::remove_file(&path).unwrap();
        let secret = secret.unwrap();
        assert_eq!(secret.expose_secret(), " hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn secrets_are_taken_out_of_other_peoples_words() {
        let secrets = [SecretString::from("PASSWORD=correct horse\n"), SecretString::from("hunter2")];
        for (text, expected) in [
            ("line 'PASSWORD=correct horse' is wrong", "line '[redacted]' is wrong"),
            ("not a key: orrect hor", "not a key: [redacted]"),
            ("hunter2hunter2 ä hunter", "[redacted] ä hunter"),
            ("The zone is wrong", "The zone is wrong"),
            ("", ""),
        ] {
            assert_eq!(redact(text, &secrets), expected);
        }
        assert_eq!(redact("abc", &[SecretString::from("abc"), SecretString::from("")]), "abc");
    }
}
