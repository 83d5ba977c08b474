//! Who logs in at a server.

use dynservers_http::{Secrets, SystemSecrets, Text};
use secrecy::SecretString;

use crate::signal::Unknown;

/// Who logs in. What is named by reference is read anew for every connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The user; the server's default one if none is named.
    pub username: Option<Text>,
    /// The password.
    pub password: Option<Text>,
}

impl Login {
    /// Reads the user and the password.
    pub(crate) fn read(&self) -> Result<(Option<SecretString>, Option<SecretString>), Unknown> {
        let read = |text: &Option<Text>| {
            let secret = text.as_ref().map(|text| match text.reference() {
                Some(reference) => SystemSecrets.read(&reference),
                None => Ok(text.literal().unwrap_or_default().into()),
            });
            secret.transpose().map_err(|failure| Unknown::new(failure.message))
        };
        Ok((read(&self.username)?, read(&self.password)?))
    }
}
