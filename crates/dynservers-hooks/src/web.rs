//! Web addresses: one request to somebody's server, bounded in time and size, that goes where it says and nowhere else.

use std::fmt;
use std::io::Read as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dynservers_http::{Secrets, Sent, SystemSecrets, Text, redact};
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::fill::{self, FillError, Place, Subject, fill};
use crate::words::{MOST_QUOTED, sanitized};

/// The most that an answer may be, in bytes, without its headers. More is an error.
pub const MOST_ANSWER: usize = 64 * 1024;
/// The most that an answer's headers may be, in bytes.
const MOST_ANSWER_HEADERS: usize = 16 * 1024;
/// Headers whose values are taken for credentials however they are written.
const CREDENTIALS: [&str; 5] =
    ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token"];

/// A header of a request. Its value may be a secret, and is read anew for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// What stands before the value, such as `Bearer `.
    pub before: String,
    /// The value. One that is not written out is a secret.
    pub value: Text,
}

impl Header {
    /// Makes a header.
    pub fn new(name: impl Into<String>, value: impl Into<Text>) -> Self {
        Self { name: name.into(), before: String::new(), value: value.into() }
    }

    /// Makes the header that shows a bearer's token.
    pub fn bearer(token: impl Into<Text>) -> Self {
        Self { name: "authorization".to_owned(), before: "Bearer ".to_owned(), value: token.into() }
    }

    /// Whether nobody else may see it.
    fn is_secret(&self) -> bool {
        self.value.reference().is_some()
            || CREDENTIALS.iter().any(|name| self.name.eq_ignore_ascii_case(name))
    }
}

/// What keeps a web address from being used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidWeb {
    /// It is no address that can be asked.
    #[error("{url:?} is no web address: {message}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// A placeholder of it cannot be filled.
    #[error("{url:?} cannot be filled: {source}")]
    Fill {
        /// The address.
        url: String,
        /// Which.
        source: FillError,
    },
    /// It would send what others may not see past others.
    #[error(
        "{url:?} is not encrypted: use https, or say that plain http is meant; credentials go over plain http to this \
         machine alone"
    )]
    Plain {
        /// The address.
        url: String,
    },
    /// A header cannot be sent.
    #[error("the header {name:?} cannot be sent: {message}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it, without its value.
        message: String,
    },
    /// A whole call must have a bound.
    #[error("{url:?} has a timeout of nothing: set one of at least a second")]
    Timeout {
        /// The address.
        url: String,
    },
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct WebError {
    /// Whether the request may have arrived.
    pub sent: Sent,
    /// What went wrong, in one sentence, without secrets.
    pub message: String,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAnswer {
    /// The status, whatever it is; a redirect is not followed.
    pub status: u16,
    /// All of the body, at most [`MOST_ANSWER`].
    pub body: Vec<u8>,
    /// The beginning of the body, for people: at most [`MOST_QUOTED`] bytes, without control characters and secrets.
    pub said: String,
}

/// A web address of the user's, and the bounds that it is called in.
///
/// A call takes at most its timeout, follows no redirect, heeds no proxy of the environment, and verifies certificates by
/// what the system trusts. Plain http is refused but to this machine, unless [`Web::over_plain_http`] says otherwise;
/// credentials never go over it to another machine.
#[derive(Clone)]
pub struct Web {
    url: String,
    headers: Vec<Header>,
    timeout: Duration,
    plain: bool,
    secrets: Arc<dyn Secrets>,
    agent: Agent,
}

impl fmt::Debug for Web {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|header| &header.name).collect();
        formatter
            .debug_struct("Web")
            .field("url", &shown(&self.url))
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Web {
    /// Makes an address that is called over https, or over plain http on this machine.
    ///
    /// `url` may have the placeholders of [`fill`](crate::fill()); secrets are read by [`SystemSecrets`].
    pub fn new(url: &str, headers: Vec<Header>, timeout: Duration) -> Result<Self, InvalidWeb> {
        Self::build(url, headers, timeout, false)
    }

    /// Makes an address that may also be called over plain http on another machine, as is usual in private networks.
    ///
    /// Still no credentials go over it: that is refused here if the host is written out, else when it is called.
    pub fn over_plain_http(url: &str, headers: Vec<Header>, timeout: Duration) -> Result<Self, InvalidWeb> {
        Self::build(url, headers, timeout, true)
    }

    /// Makes secrets be read by another.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<dyn Secrets>) -> Self {
        self.secrets = secrets;
        self
    }

    fn build(url: &str, headers: Vec<Header>, timeout: Duration, plain: bool) -> Result<Self, InvalidWeb> {
        fill::check(url).map_err(|source| InvalidWeb::Fill { url: shown(url), source })?;
        if timeout.is_zero() {
            return Err(InvalidWeb::Timeout { url: shown(url) });
        }
        for header in &headers {
            check_header(header)?;
        }
        let web = Self {
            url: url.to_owned(),
            headers,
            timeout,
            plain,
            secrets: Arc::new(SystemSecrets),
            agent: agent(timeout),
        };
        // An example shows whether it is an address at all; what stands for this machine passes every wall.
        let example = Subject {
            name: "name".into(),
            server_type: "type".into(),
            id: "1".into(),
            address: Some("127.0.0.1".into()),
            provider_id: Some("id".into()),
        };
        web.target(Some(&example))?;
        Ok(web)
    }

    /// Gives the address as configured, for people: without what may be a secret in its query.
    #[must_use]
    pub fn shown(&self) -> String {
        shown(&self.url)
    }

    /// Gives how long a call may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether the address differs between servers.
    #[must_use]
    pub fn has_placeholders(&self) -> bool {
        fill::has_any(&self.url)
    }

    /// Calls it once, with `extra` headers, and gives the answer whatever its status.
    pub fn call(
        &self,
        method: Method,
        subject: Option<&Subject>,
        extra: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<WebAnswer, WebError> {
        let unsent = |message: String| WebError { sent: Sent::No, message };
        let uri = self.target(subject).map_err(|error| unsent(error.to_string()))?;
        let mut request = Request::builder().method(method).uri(uri);
        let mut secrets = Vec::new();
        for header in &self.headers {
            let value = self.value(header).map_err(|error| unsent(error.to_string()))?;
            request = request.header(header.name.as_str(), value.1);
            secrets.push(value.0);
        }
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let sent = match body {
            Some(body) => request.body(body).map(|request| self.agent.run(request)),
            None => request.body(()).map(|request| self.agent.run(request)),
        };
        let words = |error: &ureq::Error| match error {
            ureq::Error::Timeout(_) => format!("{} did not answer within {:?}", self.shown(), self.timeout),
            error => format!("{} does not answer: {}", self.shown(), redact(&error.to_string(), &secrets)),
        };
        let answer = sent
            .map_err(|error| unsent(format!("the request cannot be made: {error}")))?
            .map_err(|error| WebError { sent: reached(&error), message: words(&error) })?;
        let status = answer.status().as_u16();
        let lost = |message: String| WebError { sent: Sent::Maybe, message };
        let mut body = Vec::new();
        let mut reader = answer.into_body().into_reader().take(MOST_ANSWER as u64 + 1);
        reader
            .read_to_end(&mut body)
            .map_err(|error| lost(format!("the answer of {} broke off: {error}", self.shown())))?;
        if body.len() > MOST_ANSWER {
            return Err(lost(format!("the answer of {} is longer than {MOST_ANSWER} bytes", self.shown())));
        }
        let said = redact(&sanitized(&body, MOST_QUOTED), &secrets);
        Ok(WebAnswer { status, body, said })
    }

    /// Fills the address, and checks that this request may go there.
    fn target(&self, subject: Option<&Subject>) -> Result<Uri, InvalidWeb> {
        let invalid = |message: &str| InvalidWeb::Url { url: self.shown(), message: message.to_owned() };
        let url = match subject {
            Some(subject) => fill(&self.url, subject, Place::Url)
                .map_err(|source| InvalidWeb::Fill { url: self.shown(), source })?,
            None if self.has_placeholders() => {
                return Err(invalid("it has placeholders, and there is no server to fill them with"));
            }
            None => self.url.clone(),
        };
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(invalid("only http and https can be called")),
            None => return Err(invalid("it must begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("it has a user or a password in it: send them in a header"));
        }
        if authority.host().is_empty() || authority.host().contains('%') {
            return Err(invalid("it names no valid host"));
        }
        if !encrypted
            && !is_this_machine(authority.host())
            && (!self.plain || self.headers.iter().any(Header::is_secret))
        {
            return Err(InvalidWeb::Plain { url: self.shown() });
        }
        Ok(uri)
    }

    fn value(&self, header: &Header) -> Result<(SecretString, HeaderValue), InvalidWeb> {
        let invalid = |message: String| InvalidWeb::Header { name: header.name.clone(), message };
        let secret = match &header.value {
            Text::Literal(text) => SecretString::from(text.as_str()),
            Text::Env { .. } | Text::File { .. } => header
                .value
                .reference()
                .map(|reference| self.secrets.read(&reference))
                .transpose()
                .map_err(|failure| invalid(failure.message))?
                .unwrap_or_default(),
        };
        let text = format!("{}{}", header.before, secret.expose_secret());
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| invalid("its value has characters that no header can have".to_owned()))?;
        value.set_sensitive(header.is_secret());
        Ok((secret, value))
    }
}

fn check_header(header: &Header) -> Result<(), InvalidWeb> {
    let invalid =
        |message: &str| InvalidWeb::Header { name: header.name.clone(), message: message.to_owned() };
    HeaderName::try_from(header.name.as_str()).map_err(|_| invalid("this is not the name of a header"))?;
    if let Some(text) = header.value.literal() {
        HeaderValue::try_from(format!("{}{text}", header.before))
            .map_err(|_| invalid("its value has characters that no header can have"))?;
    }
    Ok(())
}

/// Hides what an address may give away: its query, and who logs in.
fn shown(url: &str) -> String {
    let url = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    };
    match url.split_once('?') {
        Some((before, _)) => format!("{before}?..."),
        None => url,
    }
}

/// Whether what is sent to a host does not leave this machine.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn agent(timeout: Duration) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        // Never a default of the process: a host may have set another.
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(timeout))
        .max_response_header_size(MOST_ANSWER_HEADERS)
        // Calls are rare, and a connection that the other end has closed meanwhile looks like a lost request.
        .max_idle_connections(0)
        .user_agent(concat!("dynservers/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build()
        .new_agent()
}

/// Tells from an error whether the request may have arrived.
fn reached(error: &ureq::Error) -> Sent {
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::Tls(_)
        | ureq::Error::Rustls(_)
        | ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => Sent::No,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Sent::No,
        _ => Sent::Maybe,
    }
}
