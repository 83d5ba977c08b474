//! Secrets: named in configuration and ledger, read only when a request is built.

use std::fmt;
use std::path::PathBuf;

use dynservers_core::Failure;
use secrecy::SecretString;

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
    /// Reads one reference.
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure>;
}

/// Reads the environment and the file system of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSecrets;

impl Secrets for SystemSecrets {
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure> {
        let missing =
            |reason: &dyn fmt::Display| Failure::new(format!("{reference} cannot be read: {reason}"));
        match reference {
            Reference::Env(name) => {
                std::env::var(name).map(SecretString::from).map_err(|error| missing(&error))
            }
            Reference::File(path) => std::fs::read_to_string(path)
                .map(|text| SecretString::from(text.trim_end()))
                .map_err(|error| missing(&error)),
        }
    }
}
