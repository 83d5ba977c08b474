//! The guard: who may speak to the control API, how long, and to whom they believe to speak.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::problem::Problem;
use crate::api::token::ApiToken;

/// How long one request may take in all, its body included.
pub(crate) const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

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

fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Lets a request through that brings what it must, and ends it if it takes too long.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if let Err(problem) = guard.check(request.headers()) {
        return problem.into_response();
    }
    tokio::time::timeout(REQUEST_DEADLINE, next.run(request)).await.unwrap_or_else(|_| {
        let detail = "the request took too long; send it again with the same Idempotency-Key";
        Problem::new(StatusCode::GATEWAY_TIMEOUT, detail).into_response()
    })
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
        assert!(!passes(&["localhost", "evil.example"]));
    }
}
