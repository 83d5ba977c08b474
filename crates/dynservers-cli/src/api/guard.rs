//! The guard: who may speak to the control API, how much, how long, and to whom they believe to speak.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::body::{self, BODY_LIMIT};
use crate::api::problem::{self, Problem};
use crate::api::token::ApiToken;

/// How long one request may take in all, its body included; a stream of events counts until it begins.
pub(crate) const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// How many headers a request may have.
const HEADERS: usize = 64;

/// How many bytes the names and values of its headers may have together.
const HEADER_BYTES: usize = 16 * 1024;

/// What a request must bring before anybody listens to it.
#[derive(Clone, Debug)]
pub(crate) enum Guard {
    /// Nothing: the file system has let it through.
    FileSystem,
    /// The token, and a `Host` of this machine: a page in a browser may be made to call us, by another name.
    Token(Arc<ApiToken>),
}

impl Guard {
    fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        not_from_a_page(headers)?;
        not_too_much(headers)?;
        self.admit(headers)?;
        body::announced(headers)
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::FileSystem => Ok(()),
            Self::Token(token) => {
                if !names_this_machine(headers) {
                    let detail = "the Host header must name this machine: localhost or a loopback address";
                    return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
                }
                let admitted = headers
                    .get(header::AUTHORIZATION)
                    .is_some_and(|authorization| token.admits(authorization.as_bytes()));
                if admitted {
                    return Ok(());
                }
                let detail =
                    "send `Authorization: Bearer` with the token that the daemon keeps beside its store";
                Err(Problem::new(StatusCode::UNAUTHORIZED, detail))
            }
        }
    }
}

/// Refuses browsers: they add these headers themselves, and no page can leave them out.
fn not_from_a_page(headers: &HeaderMap) -> Result<(), Problem> {
    let fetched = headers.get_all("sec-fetch-site").iter().any(|site| site != "none");
    if headers.contains_key(header::ORIGIN) || fetched {
        let detail =
            "web pages may not use this API: ask it from a program, without Origin and Sec-Fetch-Site";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

fn not_too_much(headers: &HeaderMap) -> Result<(), Problem> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > HEADERS || bytes > HEADER_BYTES {
        let detail = format!("a request may have {HEADERS} headers and {HEADER_BYTES} bytes in them");
        return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
    }
    Ok(())
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Lets a request through that brings what it must, ends it if it takes too long, and tells every error as a problem.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if let Err(problem) = guard.check(request.headers()) {
        return problem.into_response();
    }
    if let Ok(response) = tokio::time::timeout(REQUEST_DEADLINE, next.run(request)).await {
        return problem::spelled_out(response).await;
    }
    let detail = format!(
        "the request took longer than {} s; send it again with the same Idempotency-Key, and a body of at most \
         {BODY_LIMIT} bytes at once",
        REQUEST_DEADLINE.as_secs()
    );
    Problem::new(StatusCode::GATEWAY_TIMEOUT, detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_pass() {
        let passes = |hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            names_this_machine(&headers)
        };
        for good in ["localhost", "LOCALHOST:7373", "127.0.0.1:7373", "127.1.2.3", "[::1]:7373"] {
            assert!(passes(&[good]), "{good}");
        }
        for bad in ["", "evil.example", "localhost.evil.example", "10.0.0.1:7373", "::1"] {
            assert!(!passes(&[bad]), "{bad}");
        }
        assert!(!passes(&[]));
        assert!(!passes(&["localhost", "localhost"]));
    }

    #[test]
    fn what_a_browser_sends_for_a_page_is_refused() {
        let refused = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            Guard::FileSystem.check(&headers).err().map(|problem| problem.status)
        };
        assert_eq!(refused("origin", "http://localhost:7373"), Some(403));
        assert_eq!(refused("origin", "null"), Some(403));
        for site in ["cross-site", "same-site", "same-origin"] {
            assert_eq!(refused("sec-fetch-site", site), Some(403), "{site}");
        }
        assert_eq!(refused("sec-fetch-site", "none"), None);
        assert_eq!(refused("user-agent", "curl/8"), None);
    }

    #[test]
    fn headers_are_bounded_in_number_and_in_size() {
        let mut many = HeaderMap::new();
        for _ in 0..HEADERS {
            many.append("x-more", "1".parse().unwrap());
        }
        assert!(Guard::FileSystem.check(&many).is_ok());
        many.append("x-more", "1".parse().unwrap());
        assert_eq!(Guard::FileSystem.check(&many).unwrap_err().status, 431);
        let mut long = HeaderMap::new();
        long.insert("x-long", "x".repeat(HEADER_BYTES).parse().unwrap());
        assert_eq!(Guard::FileSystem.check(&long).unwrap_err().status, 431);
    }
}
