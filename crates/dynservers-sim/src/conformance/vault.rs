//! The vault: secrets that can be told from everything else, and that must show nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use dynservers_core::Failure;
use dynservers_http::{Reference, Secrets};
use secrecy::SecretString;

/// Has a secret for every reference, remembers which were read, and can be shut before some.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    read: Mutex<BTreeMap<Reference, String>>,
    shut: Mutex<BTreeSet<Reference>>,
    refused: AtomicU64,
}

impl Vault {
    /// Gives the references that were read so far.
    pub(crate) fn references(&self) -> BTreeSet<Reference> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Lets these references be read no more.
    pub(crate) fn shut(&self, references: BTreeSet<Reference>) {
        *self.shut.lock().unwrap_or_else(PoisonError::into_inner) = references;
    }

    /// Tells how often somebody stood before the shut vault.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Gives the secrets that were read.
    pub(crate) fn told(&self) -> Vec<String> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Secrets for Vault {
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure> {
        if self.shut.lock().unwrap_or_else(PoisonError::into_inner).contains(reference) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Failure::new(format!("{reference} cannot be read: the vault is shut")));
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let number = read.len();
        let secret =
            read.entry(reference.clone()).or_insert_with(|| format!("swordfish{number}Zq7Kx3Wv9Tn5"));
        Ok(SecretString::from(secret.clone()))
    }
}
