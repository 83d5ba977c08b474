//! Web addresses are called within their bounds, and never elsewhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

mod server;

use std::net::TcpListener;
use std::time::Duration;

use dynservers_hooks::{Header, InvalidWeb, MOST_ANSWER, Subject, Web};
use dynservers_http::{Sent, Text};
use http::Method;
use server::{says, serve};

const LONG: Duration = Duration::from_secs(60);

fn get(web: &Web) -> Result<dynservers_hooks::WebAnswer, dynservers_hooks::WebError> {
    web.call(Method::GET, None, &[], None)
}

fn web(url: &str) -> Web {
    Web::new(url, Vec::new(), LONG).unwrap()
}

#[test]
fn a_request_is_what_it_is_configured_to_be() {
    let (base, arrived) = serve(|_| Some(says("200 OK", "yes")));
    let headers = vec![Header::new("x-own", "a"), Header::bearer("secret-token")];
    let web = Web::new(&format!("{base}/{{name}}?id={{id}}"), headers, LONG).unwrap();
    let subject = Subject { name: "a/b".into(), id: "7".into(), ..Subject::default() };
    let answer = web.call(Method::POST, Some(&subject), &[("x-more", "b")], Some(b"body")).unwrap();
    assert_eq!((answer.status, answer.body.as_slice(), answer.said.as_str()), (200, &b"yes"[..], "yes"));
    let arrived = arrived.recv().unwrap();
    assert_eq!((arrived.line.as_str(), arrived.body.as_slice()), ("POST /a%2Fb?id=7 HTTP/1.1", &b"body"[..]));
    assert_eq!(arrived.header("authorization"), Some("Bearer secret-token"));
    assert_eq!((arrived.header("x-own"), arrived.header("x-more")), (Some("a"), Some("b")));
    assert!(!format!("{web:?}").contains("secret-token"));
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let (elsewhere, visited) = serve(|_| Some(says("200 OK", "")));
    let (base, _arrived) = serve(move |_| {
        Some(
            format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n").into_bytes(),
        )
    });
    assert_eq!(get(&web(&base)).unwrap().status, 302);
    assert!(visited.try_recv().is_err());
}

#[test]
fn a_server_that_hangs_or_drips_is_left_at_the_timeout() {
    for said in [
        None,
        Some("HTTP/1.1 200 OK\r\ncontent-le"),
        Some("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
    ] {
        let (base, _arrived) = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let base = format!("http://{}", listener.local_addr().unwrap());
            (
                base,
                std::thread::spawn(move || {
                    let (mut stream, _) = listener.accept().unwrap();
                    if let Some(said) = said {
                        std::io::Write::write_all(&mut stream, said.as_bytes()).unwrap();
                    }
                    // Until the client has gone.
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                }),
            )
        };
        let web = Web::new(&base, Vec::new(), Duration::from_millis(200)).unwrap();
        let error = get(&web).unwrap_err();
        assert_eq!(error.sent, Sent::Maybe, "{said:?}: {error}");
    }
}

#[test]
fn half_an_answer_or_too_much_of_one_is_none() {
    let (base, _arrived) = serve(|number| {
        Some(match number {
            0 => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf".to_vec(),
            1 => b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(),
            2 => b"SSH-2.0-OpenSSH\r\n".to_vec(),
            3 => says("200 OK", &"x".repeat(MOST_ANSWER + 1)),
            4 => format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(200_000)).into_bytes(),
            _ => says("200 OK", &"x".repeat(MOST_ANSWER)),
        })
    });
    for number in 0..5 {
        let error = get(&web(&base)).unwrap_err();
        assert_eq!(error.sent, Sent::Maybe, "{number}: {error}");
    }
    assert_eq!(get(&web(&base)).unwrap().body.len(), MOST_ANSWER);
}

#[test]
fn nobody_there_means_that_nothing_was_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = get(&web(&format!("http://{closed}/"))).unwrap_err();
    assert_eq!(error.sent, Sent::No, "{error}");
}

#[test]
fn what_a_server_quotes_of_our_secrets_is_not_shown() {
    let (base, _arrived) = serve(|_| Some(says("403 Forbidden", "who is \x1bsecret-token?")));
    let web = Web::new(&base, vec![Header::bearer("secret-token")], LONG).unwrap();
    assert_eq!(get(&web).unwrap().said, "who is  [redacted]?");
    let missing = Text::Env { env: "DYNSERVERS_NO_SUCH_VARIABLE".into() };
    let web = Web::new(&base, vec![Header::bearer(missing)], LONG).unwrap();
    let error = get(&web).unwrap_err();
    assert!(error.sent == Sent::No && error.message.contains("DYNSERVERS_NO_SUCH_VARIABLE"), "{error}");
}

#[test]
fn what_is_not_encrypted_stays_on_this_machine() {
    let plain = |url: &str| Web::new(url, Vec::new(), LONG).map(drop);
    for fine in ["http://127.0.0.1:1/", "http://[::1]/", "http://localhost/", "https://example.com/"] {
        assert_eq!(plain(fine), Ok(()));
    }
    for refused in [
        "http://example.com/",
        "http://10.0.0.1/",
        "http://localhost.example.com/",
        "http://127.0.0.1.nip.io/",
    ] {
        assert!(matches!(plain(refused), Err(InvalidWeb::Plain { .. })), "{refused}");
    }
    // To another machine only if told, and never with credentials.
    assert!(Web::over_plain_http("http://10.0.0.1/", vec![Header::new("x-a", "b")], LONG).is_ok());
    for header in
        [Header::bearer("t"), Header::new("x-a", Text::Env { env: "A".into() }), Header::new("Cookie", "a")]
    {
        let refused = Web::over_plain_http("http://10.0.0.1/", vec![header.clone()], LONG);
        assert!(matches!(refused, Err(InvalidWeb::Plain { .. })));
        let later = Web::over_plain_http("http://{address}/", vec![header], LONG).unwrap();
        let subject = Subject { address: Some("10.0.0.1".into()), ..Subject::default() };
        let error = later.call(Method::GET, Some(&subject), &[], None).unwrap_err();
        assert!(error.sent == Sent::No && error.message.contains("not encrypted"), "{error}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_the_reason() {
    for (url, reason) in [
        ("", "is no web address"),
        ("example.com", "must begin with https"),
        ("ftp://example.com/", "only http and https"),
        ("https://", "is no web address"),
        ("https://name:hunter2@example.com/", "user or a password"),
        ("https://example.com/{host}", "no placeholder {host}"),
        ("https://exa mple.com/", "is no web address"),
    ] {
        let error = Web::new(url, Vec::new(), LONG).map(drop).unwrap_err().to_string();
        assert!(error.contains(reason) && !error.contains("hunter2"), "{url}: {error}");
    }
    for header in [Header::new("a b", "c"), Header::new("a", "b\nc")] {
        assert!(matches!(
            Web::new("https://example.com/", vec![header], LONG),
            Err(InvalidWeb::Header { .. })
        ));
    }
    assert!(matches!(
        Web::new("https://example.com/", vec![], Duration::ZERO),
        Err(InvalidWeb::Timeout { .. })
    ));
    let shown = Web::new("https://example.com/a?key=hunter2", vec![], LONG).unwrap().shown();
    assert_eq!(shown, "https://example.com/a?...");
}
