//! Signatures of webhooks, after the Standard Webhooks specification.
//!
//! The signature is the HMAC-SHA256 of `id.timestamp.body`, written `v1,` and base64, beside the id and the time in Unix
//! seconds: the headers [`ID`], [`TIMESTAMP`] and [`SIGNATURE`]. There may be several signatures, with a space between,
//! while a secret is being replaced.
//!
//! [`verify`] refuses what is forged, altered, or older than the tolerance. Within the tolerance, the same delivery may come
//! twice, by a retry or by somebody who repeats it: a receiver remembers the ids that it has handled for at least as long as
//! the tolerance, and does nothing again.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;
use thiserror::Error;

/// The header with the delivery's id, the same for each attempt.
pub const ID: &str = "webhook-id";
/// The header with the time of the attempt, in Unix seconds.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";
/// How far a delivery's time may be from the receiver's, as is usual.
pub const TOLERANCE: Duration = Duration::from_secs(300);
/// The fewest bytes of a secret.
pub const SHORTEST_SECRET: usize = 16;

/// The most signatures of one delivery that are looked at.
const MOST_SIGNATURES: usize = 16;
const VERSION: &str = "v1,";
const PREFIX: &str = "whsec_";

/// A secret that both sides know; its Debug does not show it.
#[derive(Clone)]
pub struct Secret(SecretSlice<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret([redacted])")
    }
}

/// Why a text is no secret. The text is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidSecret {
    /// It says that it is base64, and is not.
    #[error("what follows whsec_ is not base64")]
    NotBase64,
    /// It could be guessed.
    #[error(
        "the secret has {0} bytes, and must have at least {SHORTEST_SECRET}: try `openssl rand -base64 24`"
    )]
    TooShort(usize),
}

impl Secret {
    /// Reads a secret as it is written: `whsec_` and base64, or the bytes themselves.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.trim();
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| InvalidSecret::NotBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST_SECRET {
            return Err(InvalidSecret::TooShort(bytes.len()));
        }
        Ok(Self(bytes.into()))
    }
}

/// The headers of a delivery that make up its signature, as they arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// [`ID`].
    pub id: Option<&'a str>,
    /// [`TIMESTAMP`].
    pub timestamp: Option<&'a str>,
    /// [`SIGNATURE`].
    pub signature: Option<&'a str>,
}

/// Why a delivery is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A header is not there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// Its time is no number of seconds.
    #[error("the header {TIMESTAMP} is no time")]
    NoTime,
    /// It is older than the tolerance: late, or repeated by somebody.
    #[error("the delivery is too old")]
    TooOld,
    /// Its time is further ahead than the tolerance.
    #[error("the delivery is from the future: one of the clocks is wrong")]
    TooNew,
    /// None of its signatures was made with any of the secrets, or something was altered.
    #[error("no signature matches")]
    NoMatch,
}

/// Signs a delivery: gives the value of [`SIGNATURE`]. `timestamp` is in Unix seconds.
#[must_use]
pub fn sign(secret: &Secret, id: &str, timestamp: u64, body: &[u8]) -> String {
    let code = code(secret, id, &timestamp.to_string(), body).finalize().into_bytes();
    format!("{VERSION}{}", STANDARD.encode(code))
}

/// Checks a delivery: that somebody with one of the secrets made it, of this very body, and not long ago.
///
/// `now` is in Unix seconds. Signatures are compared in constant time. Of a signature's versions only `v1` is known; others
/// are passed over. Whether the id was seen before is for the receiver to check.
pub fn verify(
    secrets: &[Secret],
    headers: &Headers<'_>,
    body: &[u8],
    now: u64,
    tolerance: Duration,
) -> Result<(), Refusal> {
    let id = headers.id.filter(|id| !id.is_empty()).ok_or(Refusal::Missing(ID))?;
    let timestamp = headers.timestamp.ok_or(Refusal::Missing(TIMESTAMP))?;
    let signature = headers.signature.ok_or(Refusal::Missing(SIGNATURE))?;
    let at: u64 = timestamp.parse().map_err(|_| Refusal::NoTime)?;
    if now.saturating_sub(at) > tolerance.as_secs() {
        return Err(Refusal::TooOld);
    }
    if at.saturating_sub(now) > tolerance.as_secs() {
        return Err(Refusal::TooNew);
    }
    let candidates = signature.split(' ').filter_map(|signature| signature.strip_prefix(VERSION));
    for candidate in candidates.take(MOST_SIGNATURES).filter_map(|text| STANDARD.decode(text).ok()) {
        for secret in secrets {
            // The text as it arrived is what was signed, not what it means.
            if code(secret, id, timestamp, body).verify_slice(&candidate).is_ok() {
                return Ok(());
            }
        }
    }
    Err(Refusal::NoMatch)
}

fn code(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "an HMAC takes keys of any length")]
    let mut code =
        Hmac::<Sha256>::new_from_slice(secret.0.expose_secret()).expect("any length of key is valid");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        code.update(part);
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification, which the libraries of all languages are tested with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const MESSAGE: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn headers<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> Headers<'a> {
        Headers { id: Some(id), timestamp: Some(timestamp), signature: Some(signature) }
    }

    fn check(headers: &Headers<'_>, body: &[u8], now: u64) -> Result<(), Refusal> {
        verify(&[Secret::parse(SECRET).unwrap()], headers, body, now, TOLERANCE)
    }

    #[test]
    fn signatures_are_those_of_everybody_else() {
        assert_eq!(sign(&Secret::parse(SECRET).unwrap(), MESSAGE, AT, BODY), SIGNED);
        let raw = Secret::parse("sixteen bytes ok").unwrap();
        // Computed with Python's hmac.
        assert_eq!(sign(&raw, "e1", 1_700_000_000, b""), "v1,PwqjjUz3Vs9KhofsrZMmo59tTcFtFGnFfn5HZxGga24=");
    }

    #[test]
    fn what_was_signed_is_believed_and_nothing_else_is() {
        let at = AT.to_string();
        let good = headers(MESSAGE, &at, SIGNED);
        assert_eq!(check(&good, BODY, AT), Ok(()));
        assert_eq!(check(&good, br#"{"test": 2432232315}"#, AT), Err(Refusal::NoMatch));
        assert_eq!(check(&headers("msg_other", &at, SIGNED), BODY, AT), Err(Refusal::NoMatch));
        assert_eq!(check(&headers(MESSAGE, "1614265331", SIGNED), BODY, AT), Err(Refusal::NoMatch));
        let forged = sign(&Secret::parse("another secret of some length").unwrap(), MESSAGE, AT, BODY);
        assert_eq!(check(&headers(MESSAGE, &at, &forged), BODY, AT), Err(Refusal::NoMatch));
        for cut in ["", "v1,", "v1", "v2,g0hM9SsE", "v1,g0hM9SsE", &SIGNED[3..]] {
            assert_eq!(check(&headers(MESSAGE, &at, cut), BODY, AT), Err(Refusal::NoMatch), "{cut}");
        }
    }

    #[test]
    fn what_is_repeated_later_is_refused() {
        let at = AT.to_string();
        let good = headers(MESSAGE, &at, SIGNED);
        assert_eq!(check(&good, BODY, AT + 300), Ok(()));
        assert_eq!(check(&good, BODY, AT + 301), Err(Refusal::TooOld));
        assert_eq!(check(&good, BODY, AT - 301), Err(Refusal::TooNew));
        // The time is part of what was signed, so an old delivery cannot be made young.
        let younger = (AT + 301).to_string();
        assert_eq!(check(&headers(MESSAGE, &younger, SIGNED), BODY, AT + 301), Err(Refusal::NoMatch));
        assert_eq!(check(&headers(MESSAGE, "-1", SIGNED), BODY, AT), Err(Refusal::NoTime));
    }

    #[test]
    fn a_secret_can_be_replaced_on_either_side() {
        let (old, new) = (Secret::parse(SECRET).unwrap(), Secret::parse("the new secret, long").unwrap());
        let at = AT.to_string();
        let both = format!("v1a,xyz {} {SIGNED}", sign(&new, MESSAGE, AT, BODY));
        let check = |secrets: &[Secret], signature| {
            verify(secrets, &headers(MESSAGE, &at, signature), BODY, AT, TOLERANCE)
        };
        assert_eq!(check(std::slice::from_ref(&old), &both), Ok(()));
        assert_eq!(check(std::slice::from_ref(&new), &both), Ok(()));
        assert_eq!(check(&[new, old], SIGNED), Ok(()));
        assert_eq!(check(&[], SIGNED), Err(Refusal::NoMatch));
    }

    #[test]
    fn what_is_missing_is_named() {
        let whole = headers(MESSAGE, "1614265330", SIGNED);
        for (headers, missing) in [
            (Headers { id: None, ..whole }, ID),
            (Headers { id: Some(""), ..whole }, ID),
            (Headers { timestamp: None, ..whole }, TIMESTAMP),
            (Headers { signature: None, ..whole }, SIGNATURE),
        ] {
            assert_eq!(check(&headers, BODY, AT), Err(Refusal::Missing(missing)));
        }
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_and_none_is_shown() {
        assert_eq!(Secret::parse("short").unwrap_err(), InvalidSecret::TooShort(5));
        assert_eq!(Secret::parse("whsec_!").unwrap_err(), InvalidSecret::NotBase64);
        assert_eq!(Secret::parse("whsec_c2hvcnQ=").unwrap_err(), InvalidSecret::TooShort(5));
        assert_eq!(format!("{:?}", Secret::parse(SECRET).unwrap()), "Secret([redacted])");
    }
}
