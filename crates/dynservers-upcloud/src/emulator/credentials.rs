//! Who may call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret as _, SecretString};

use super::problem::Problem;

/// The credentials that an emulator takes.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// Any that are not empty.
    #[default]
    Any,
    /// This token.
    Token(SecretString),
    /// This API user.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: SecretString,
    },
}

impl Credentials {
    /// Lets a request pass or refuses it: one code for wrong credentials, another for none at all.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let unauthorized = |code, message| Err(Problem::new(StatusCode::UNAUTHORIZED, code, message));
        let Some(header) = headers.get(AUTHORIZATION) else {
            return unauthorized("AUTHENTICATION_REQUIRED", "Authentication is required.");
        };
        let scheme_and_value = header.to_str().ok().and_then(|text| text.split_once(' '));
        let accepted = match scheme_and_value {
            Some((scheme, value)) if scheme.eq_ignore_ascii_case("bearer") => self.takes_token(value.trim()),
            Some((scheme, value)) if scheme.eq_ignore_ascii_case("basic") => self.takes_basic(value.trim()),
            _ => false,
        };
        if accepted {
            return Ok(());
        }
        unauthorized("AUTHENTICATION_FAILED", "Authentication failed using the given username and password.")
    }

    fn takes_token(&self, token: &str) -> bool {
        match self {
            Self::Any => !token.is_empty(),
            Self::Token(expected) => token == expected.expose_secret(),
            Self::Basic { .. } => false,
        }
    }

    fn takes_basic(&self, encoded: &str) -> bool {
        let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((username, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
            return false;
        };
        match self {
            Self::Any => !username.is_empty() && !password.is_empty(),
            Self::Token(_) => false,
            Self::Basic { username: expected, password: secret } => {
                username == expected && password == secret.expose_secret()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(credentials: &Credentials, header: Option<&str>) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        credentials.check(&headers).err().map(|problem| {
            assert_eq!(problem.status, StatusCode::UNAUTHORIZED);
            problem.code
        })
    }

    #[test]
    fn absent_wrong_and_right_are_told_apart() {
        let basic = format!("Basic {}", STANDARD.encode("user:pass:word"));
        let (failed, required) = (Some("AUTHENTICATION_FAILED"), Some("AUTHENTICATION_REQUIRED"));
        let any = Credentials::Any;
        assert_eq!(code(&any, None), required);
        assert_eq!(code(&any, Some("Bearer ucat_1")), None);
        assert_eq!(code(&any, Some("bearer  ")), failed);
        assert_eq!(code(&any, Some(&basic)), None);
        assert_eq!(code(&any, Some("Basic !")), failed);
        assert_eq!(code(&any, Some("Digest x")), failed);
        assert_eq!(code(&any, Some("Basic dXNlcjo=")), failed, "an empty password");
        let token = Credentials::Token("ucat_1".into());
        assert_eq!(code(&token, Some("Bearer ucat_1")), None);
        assert_eq!(code(&token, Some("Bearer ucat_2")), failed);
        assert_eq!(code(&token, Some(&basic)), failed);
        let user = Credentials::Basic { username: "user".into(), password: "pass:word".into() };
        assert_eq!(code(&user, Some(&basic)), None);
        assert_eq!(code(&user, Some("Bearer ucat_1")), failed);
        assert!(!format!("{user:?}{token:?}").contains("pass:word"));
    }
}
