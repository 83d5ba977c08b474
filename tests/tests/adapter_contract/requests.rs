//! Requests: every transport writes the same, and only what it was told and HTTP asks for.

use dynservers_host::FleetClock;
use http::Method;

use crate::answers::keeps_saying;
use crate::server::Request;
use crate::table::{Case, answered, hold, unsent};
use crate::transports::{Ask, Carrier, Transport};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn case(name: &str) -> Case {
    Case::new(name, answered(200, "ok"), keeps_saying(OK))
}

fn only(requests: Vec<Request>) -> Request {
    let [request] = requests.try_into().unwrap();
    request
}

#[test]
fn a_request_has_its_own_headers_and_few_others() {
    let request = only(case("a post").hold());
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(request.line, "POST /server?key=sesame HTTP/1.1");
    assert_eq!(
        headers,
        [
            "accept: */*",
            "authorization: Bearer sesame",
            "content-length: 6",
            "content-type: application/json",
            "host: here",
            concat!("user-agent: dynservers/", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(request.body, b"create");
}

#[test]
fn a_request_says_how_long_its_body_is() {
    let length = |case: Case| only(case.hold()).header("content-length").map(str::to_owned);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        assert_eq!(length(case("a body").by(method.clone())).as_deref(), Some("6"), "{method}");
    }
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        assert_eq!(
            length(case("an empty body").by(method.clone()).with_body("")).as_deref(),
            Some("0"),
            "{method}"
        );
    }
    for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
        assert_eq!(length(case("no body").by(method.clone()).with_body("")), None, "{method}");
    }
    let long = vec![b'x'; 300_000];
    let request = only(case("a long body").with_body(long.clone()).hold());
    assert_eq!((request.header("content-length"), &request.body), (Some("300000"), &long));
}

#[test]
fn a_request_goes_out_as_it_is() {
    let target = "/1.3/server?label=a%3Db%20c&label=d&limit=100&offset=0";
    let request = only(
        case("a listing")
            .by(Method::GET)
            .with_body("")
            .to(target)
            .with_header("x-tag", b"one")
            .with_header("x-tag", b"two")
            .with_header("x-name", "Gro\u{df}".as_bytes())
            .with_header("user-agent", b"another")
            .with_header("accept", b"application/json")
            .hold(),
    );
    assert_eq!(request.line, format!("GET {target} HTTP/1.1"));
    let tags: Vec<_> = request.headers.iter().filter(|(name, _)| name == "x-tag").collect();
    assert_eq!(tags.len(), 2);
    assert_eq!((tags[0].1.as_str(), tags[1].1.as_str()), ("one", "two"));
    assert_eq!(request.header("x-name"), Some("Gro\u{df}"));
    assert_eq!(request.header("user-agent"), Some("another"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(only(case("no path").to("").hold()).line, "POST / HTTP/1.1");
}

#[test]
fn a_request_that_is_none_is_unsent() {
    let none = |name, uri: &str| {
        Case::new(name, unsent("the request is not valid"), keeps_saying(OK)).elsewhere(uri)
    };
    hold(&[
        none("no scheme", "/no/host"),
        none("another scheme", "ftp://localhost/server"),
        none("another scheme with a port", "gopher://localhost:7/server"),
    ]);
}

#[test]
fn a_question_is_carried_within_the_same_bounds() {
    for transport in Transport::ALL {
        let clock = FleetClock::new();
        let server = crate::server::Server::new(&clock, std::sync::Arc::new(keeps_saying(OK)));
        let ask = Ask {
            method: Method::GET,
            uri: format!("http://{}/account", server.address),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let carrier = Carrier::new(transport, ask.clone(), std::time::Duration::MAX, clock).unwrap();
        let answer = carrier.ask(&ask).unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (200, &b"ok"[..]), "{transport:?}");
        assert_eq!(answer.headers()["content-length"], "2");
        assert_eq!(carrier.ask(&ask).unwrap().body(), b"ok");
        drop(carrier);
        let (connections, requests) = server.seen();
        assert_eq!((connections, requests.len()), (1, 2), "{transport:?}");
        assert_eq!(requests[0].line, "GET /account HTTP/1.1");
    }
}

#[test]
fn a_transport_whose_requests_have_no_time_is_not_made() {
    for transport in Transport::ALL {
        let ask = Ask { method: Method::GET, uri: String::new(), headers: Vec::new(), body: Vec::new() };
        let error = Carrier::new(transport, ask, std::time::Duration::ZERO, FleetClock::new()).err();
        let words = "the HTTP client cannot be made: its requests have no time";
        assert_eq!(error.as_deref(), Some(words), "{transport:?}");
    }
}
