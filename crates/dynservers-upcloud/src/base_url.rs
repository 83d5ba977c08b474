//! The base URL: where the API is, and that it may be spoken to there.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where the API is: `https`, or `http` to this machine only. Without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(String);

/// Why a text is not a base URL. None of them shows the text, since people write passwords into URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// It cannot be read as a URL.
    #[error("must be a URL like \"https://api.upcloud.com/1.3\"")]
    NotAUrl,
    /// It is a URL of something else.
    #[error("must begin with https://")]
    Scheme,
    /// Plain http to another machine, which would show the credentials to everybody on the way.
    #[error(
        "sends credentials in the clear: plain http is for this machine only (localhost, 127.0.0.1, [::1])"
    )]
    PlainHttp,
    /// It carries a user or a password.
    #[error("must not carry a user or a password: name them in the credentials")]
    UserInfo,
    /// It carries a query or a fragment.
    #[error("must not carry a query or a fragment")]
    Query,
}

impl BaseUrl {
    /// Checks and takes a URL.
    pub fn new(url: &str) -> Result<Self, BaseUrlError> {
        if url.contains(['?', '#']) {
            return Err(BaseUrlError::Query);
        }
        let uri: Uri = url.parse().map_err(|_| BaseUrlError::NotAUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(BaseUrlError::NotAUrl);
        };
        if authority.as_str().contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        // `Uri` lets ports pass that are no ports.
        let after_host = authority.as_str().len() > authority.host().len();
        if authority.host().is_empty() || (after_host && authority.port_u16().is_none()) {
            return Err(BaseUrlError::NotAUrl);
        }
        match scheme {
            "https" => Ok(Self(url.trim_end_matches('/').to_owned())),
            "http" if is_loopback(authority.host()) => Ok(Self(url.trim_end_matches('/').to_owned())),
            "http" => Err(BaseUrlError::PlainHttp),
            _ => Err(BaseUrlError::Scheme),
        }
    }

    /// Gives the URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The API itself.
impl Default for BaseUrl {
    fn default() -> Self {
        Self("https://api.upcloud.com/1.3".to_owned())
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(url: &str) -> Result<Self, BaseUrlError> {
        Self::new(url)
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = BaseUrlError;

    fn try_from(url: String) -> Result<Self, BaseUrlError> {
        Self::new(&url)
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_plain_http_to_this_machine() {
        for (url, expected) in [
            ("https://api.upcloud.com/1.3", "https://api.upcloud.com/1.3"),
            ("https://api.upcloud.com/1.3/", "https://api.upcloud.com/1.3"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.8.8.8/1.3", "http://127.8.8.8/1.3"),
            ("http://localhost:1/1.3", "http://localhost:1/1.3"),
            ("http://[::1]:1/1.3", "http://[::1]:1/1.3"),
        ] {
            assert_eq!(BaseUrl::new(url).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (url, expected) in [
            ("http://api.upcloud.com/1.3", BaseUrlError::PlainHttp),
            ("http://localhost.example.com", BaseUrlError::PlainHttp),
            ("http://127.0.0.1.example.com", BaseUrlError::PlainHttp),
            ("http://0.0.0.0", BaseUrlError::PlainHttp),
            ("https://user:password@api.upcloud.com", BaseUrlError::UserInfo),
            ("http://localhost@api.upcloud.com", BaseUrlError::UserInfo),
            ("https://api.upcloud.com/1.3?a=b", BaseUrlError::Query),
            ("https://api.upcloud.com/1.3#a", BaseUrlError::Query),
            ("ftp://127.0.0.1", BaseUrlError::Scheme),
            ("api.upcloud.com", BaseUrlError::NotAUrl),
            ("/1.3", BaseUrlError::NotAUrl),
            ("https://", BaseUrlError::NotAUrl),
            ("https://:443", BaseUrlError::NotAUrl),
            ("https://api.upcloud.com:", BaseUrlError::NotAUrl),
            ("https://api.upcloud.com:99999", BaseUrlError::NotAUrl),
            ("", BaseUrlError::NotAUrl),
        ] {
            assert_eq!(BaseUrl::new(url), Err(expected), "{url}");
        }
    }
}
