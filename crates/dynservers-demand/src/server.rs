//! What the sources that are servers have in common: who logs in, and how long nobody connects anew.

use std::time::{Duration, Instant};

use dynservers_http::{Secrets, SystemSecrets, Text};
use secrecy::SecretString;

use crate::signal::Unknown;

/// How long nobody connects anew after a connection failed; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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

/// When a connection last failed to come about, and how often in a row.
#[derive(Default)]
pub(crate) struct Failures(Option<(Instant, u32)>);

impl Failures {
    /// Connects, unless that failed just now.
    pub(crate) fn heed<C>(
        &mut self,
        shown: &str,
        connect: impl FnOnce() -> Result<C, Unknown>,
    ) -> Result<C, Unknown> {
        if let Some((at, times)) = self.0 {
            let pause = FIRST_PAUSE.saturating_mul(1 << times.min(8)).min(LONGEST_PAUSE);
            if at.elapsed() < pause {
                return Err(Unknown::new(format!("{shown}: it could not be reached just now")));
            }
        }
        let result = connect();
        let times = self.0.map_or(0, |(_, times)| times + 1);
        self.0 = result.is_err().then(|| (Instant::now(), times));
        result
    }
}

/// Gives how long is left; never zero, which would mean for ever.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}
