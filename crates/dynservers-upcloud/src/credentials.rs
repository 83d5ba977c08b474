//! Credentials: who we are at UpCloud, as references that are read anew for each request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dynservers_core::Failure;
use dynservers_http::{Reference, Secrets, secret_header};
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// Who we are. Holds names of secrets, never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// An API token.
    Token(Reference),
    /// An API user.
    Basic {
        /// The user's name.
        username: Reference,
        /// The user's password.
        password: Reference,
    },
}

/// Why the environment does not tell who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Nothing is set.
    #[error("no credentials: set UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD")]
    None,
    /// A token and a user are set at once; which is meant cannot be told.
    #[error("UPCLOUD_TOKEN and {user} are both set: unset one of them")]
    Both {
        /// The variable of a user that is set.
        user: &'static str,
    },
    /// Half of a user is set.
    #[error("{present} is set and {missing} is not: set both")]
    Half {
        /// The variable that is set.
        present: &'static str,
        /// The variable that is not.
        missing: &'static str,
    },
}

const TOKEN: &str = "UPCLOUD_TOKEN";
/// Variables of a user and its password: UpCloud's own names, then those of laravel-dynamic-servers.
const USERS: [(&str, &str); 2] =
    [("UPCLOUD_USERNAME", "UPCLOUD_PASSWORD"), ("UP_CLOUD_USER_NAME", "UP_CLOUD_PASSWORD")];

impl Credentials {
    /// Chooses the variables of the environment to use; `is_set` tells whether a variable is set and not empty.
    ///
    /// A token excludes a user. Of the two ways to name a user the first of which any half is set must be whole.
    pub fn from_env(is_set: impl Fn(&str) -> bool) -> Result<Self, CredentialsError> {
        let user = USERS.into_iter().find(|(username, password)| is_set(username) || is_set(password));
        let Some((username, password)) = user else {
            let token = is_set(TOKEN).then(|| Self::Token(Reference::Env(TOKEN.to_owned())));
            return token.ok_or(CredentialsError::None);
        };
        match (is_set(TOKEN), is_set(username), is_set(password)) {
            (true, true, _) => Err(CredentialsError::Both { user: username }),
            (true, false, _) => Err(CredentialsError::Both { user: password }),
            (false, true, true) => Ok(Self::Basic {
                username: Reference::Env(username.to_owned()),
                password: Reference::Env(password.to_owned()),
            }),
            (false, true, false) => Err(CredentialsError::Half { present: username, missing: password }),
            (false, false, _) => Err(CredentialsError::Half { present: password, missing: username }),
        }
    }

    /// Lists the references, so that a host can try them before it starts.
    #[must_use]
    pub fn references(&self) -> Vec<&Reference> {
        match self {
            Self::Token(token) => vec![token],
            Self::Basic { username, password } => vec![username, password],
        }
    }

    /// Reads the secrets and makes the header, marked so that no Debug shows it.
    pub(crate) fn authorization(&self, secrets: &dyn Secrets) -> Result<HeaderValue, Failure> {
        match self {
            Self::Token(token) => secret_header("Bearer ", &read(token, secrets)?),
            Self::Basic { username, password } => {
                let username_text = read(username, secrets)?;
                if username_text.expose_secret().contains(':') {
                    return Err(Failure::new(format!("{username} is no user name: it contains a colon")));
                }
                secret_header("Basic ", &basic(&username_text, &read(password, secrets)?))
            }
        }
    }

    /// Reads every form in which the secrets travel, to take them out of other people's words.
    pub(crate) fn exposed(&self, secrets: &dyn Secrets) -> Vec<SecretString> {
        let mut exposed: Vec<SecretString> = match self {
            // A user's name is no secret, and an error message that names it helps.
            Self::Token(secret) | Self::Basic { password: secret, .. } => {
                secrets.read(secret).into_iter().collect()
            }
        };
        let header = self.authorization(secrets).ok();
        exposed.extend(header.as_ref().and_then(|header| header.to_str().ok()).map(SecretString::from));
        exposed
    }
}

fn read(reference: &Reference, secrets: &dyn Secrets) -> Result<SecretString, Failure> {
    let secret = secrets.read(reference)?;
    if secret.expose_secret().is_empty() {
        return Err(Failure::new(format!("{reference} is empty")));
    }
    Ok(secret)
}

fn basic(username: &SecretString, password: &SecretString) -> SecretString {
    let pair: SecretString = format!("{}:{}", username.expose_secret(), password.expose_secret()).into();
    STANDARD.encode(pair.expose_secret()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Reference {
        Reference::Env(name.to_owned())
    }

    #[test]
    fn the_environment_must_tell_exactly_one_identity() {
        let user =
            |username, password| Credentials::Basic { username: env(username), password: env(password) };
        let official = user("UPCLOUD_USERNAME", "UPCLOUD_PASSWORD");
        for (set, expected) in [
            (&[][..], Err(CredentialsError::None)),
            (&["UPCLOUD_TOKEN"], Ok(Credentials::Token(env("UPCLOUD_TOKEN")))),
            (&["UPCLOUD_USERNAME", "UPCLOUD_PASSWORD"], Ok(official.clone())),
            (
                &["UP_CLOUD_USER_NAME", "UP_CLOUD_PASSWORD"],
                Ok(user("UP_CLOUD_USER_NAME", "UP_CLOUD_PASSWORD")),
            ),
            (&["UPCLOUD_USERNAME", "UPCLOUD_PASSWORD", "UP_CLOUD_PASSWORD"], Ok(official)),
            (
                &["UPCLOUD_TOKEN", "UPCLOUD_PASSWORD"],
                Err(CredentialsError::Both { user: "UPCLOUD_PASSWORD" }),
            ),
            (
                &["UPCLOUD_TOKEN", "UP_CLOUD_USER_NAME", "UP_CLOUD_PASSWORD"],
                Err(CredentialsError::Both { user: "UP_CLOUD_USER_NAME" }),
            ),
            (
                &["UPCLOUD_USERNAME", "UP_CLOUD_PASSWORD"],
                Err(CredentialsError::Half { present: "UPCLOUD_USERNAME", missing: "UPCLOUD_PASSWORD" }),
            ),
            (
                &["UP_CLOUD_PASSWORD"],
                Err(CredentialsError::Half { present: "UP_CLOUD_PASSWORD", missing: "UP_CLOUD_USER_NAME" }),
            ),
        ] {
            assert_eq!(Credentials::from_env(|name| set.contains(&name)), expected, "{set:?}");
        }
    }

    struct Is(&'static str);

    impl Secrets for Is {
        fn read(&self, _: &Reference) -> Result<SecretString, Failure> {
            Ok(self.0.into())
        }
    }

    #[test]
    fn credentials_that_cannot_be_sent_are_told_without_showing_them() {
        let token = Credentials::Token(env("T"));
        let basic = Credentials::Basic { username: env("U"), password: env("P") };
        for (credentials, content, expected) in [
            (&token, "", "environment variable T is empty"),
            (&token, "hunter2\n", "the credentials contain characters that no HTTP header can carry"),
            (&basic, "hunter2:", "environment variable U is no user name: it contains a colon"),
        ] {
            let failure = credentials.authorization(&Is(content)).unwrap_err();
            assert_eq!(failure, Failure::new(expected));
        }
    }

    #[test]
    fn the_header_does_not_show() {
        let header = Credentials::Token(env("T")).authorization(&Is("hunter2")).unwrap();
        assert_eq!(
            (header.to_str().unwrap(), format!("{header:?}")),
            ("Bearer hunter2", "Sensitive".to_owned())
        );
    }
}
