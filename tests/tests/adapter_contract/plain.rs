//! Plain requests and answers, with a server that others wrote.

use std::time::Duration;

use dynservers_core::Outcome;
use dynservers_host::FleetClock;
use http::Method;
use mockito::{Matcher, Server};

use crate::table::NEVER;
use crate::transports::{Ask, Carrier, Transport};

/// A request and the answer to it.
struct Row {
    method: Method,
    target: &'static str,
    body: &'static str,
    status: usize,
    answer: &'static str,
}

const fn row(
    method: Method,
    target: &'static str,
    body: &'static str,
    status: usize,
    answer: &'static str,
) -> Row {
    Row { method, target, body, status, answer }
}

#[test]
fn requests_and_answers_arrive_whole() {
    let rows = [
        row(Method::GET, "/1.3/account", "", 200, r#"{"account": {"credits": 10000}}"#),
        row(Method::GET, "/1.3/server?label=a%3Db&limit=100", "", 200, r#"{"servers": {"server": []}}"#),
        row(Method::GET, "/1.3/server/01", "", 404, r#"{"error": {"error_code": "SERVER_NOT_FOUND"}}"#),
        row(Method::POST, "/1.3/server", r#"{"server": {"title": "Gro\u00df"}}"#, 202, r#"{"server": {}}"#),
        row(Method::POST, "/1.3/server/01/stop", "", 200, ""),
        row(Method::PUT, "/1.3/server/01", "{}", 409, r#"{"error": {}}"#),
        row(Method::PATCH, "/1.3/server/01", "{}", 400, "not JSON, but text"),
        row(Method::DELETE, "/1.3/server/01?storages=1", "", 204, ""),
        row(Method::GET, "/", "", 401, r#"{"error": {"error_code": "AUTHENTICATION_FAILED"}}"#),
        row(Method::GET, "/", "", 429, "slow down"),
        row(Method::GET, "/", "", 503, "<html>down</html>"),
    ];
    for row in rows {
        let mut server = Server::new();
        let mock = server
            .mock(row.method.as_str(), row.target)
            .match_header("authorization", "Bearer sesame")
            .match_header("accept-encoding", Matcher::Missing)
            .match_header("cookie", Matcher::Missing)
            .match_body(Matcher::Exact(row.body.to_owned()))
            .with_status(row.status)
            // Neither kept nor heeded.
            .with_header("set-cookie", "a=b")
            .with_header("retry-after", "0")
            .with_body(row.answer)
            .expect(2 * Transport::ALL.len())
            .create();
        let ask = Ask {
            method: row.method.clone(),
            uri: format!("{}{}", server.url(), row.target),
            headers: vec![("authorization", b"Bearer sesame")],
            body: row.body.into(),
        };
        for transport in Transport::ALL {
            let carrier =
                Carrier::new(transport, ask.clone(), Duration::from_secs(60), FleetClock::new()).unwrap();
            for _ in 0..2 {
                let Outcome::Absent(answer) = carrier.carry(NEVER) else {
                    panic!("{} {transport:?}", row.target)
                };
                assert_eq!(
                    answer.http_status.map(usize::from),
                    Some(row.status),
                    "{} {transport:?}",
                    row.target
                );
                assert_eq!(answer.message, row.answer, "{} {transport:?}", row.target);
            }
        }
        mock.assert();
    }
}
