//! Answers that are whole, in all the shapes that HTTP has for them.

use http::Method;

use crate::server::Talk;
use crate::table::{Case, Told, answered, hold, lost};
use crate::transports::BODY_CAP;

/// A server that reads a request, says this, and closes.
pub(crate) fn says(answer: &'static str) -> impl Fn(&mut Talk, usize) + Send + Sync + 'static {
    move |talk, _| {
        if talk.request().is_some() {
            talk.say(answer);
        }
    }
}

/// A server that answers every request of a connection so.
pub(crate) fn keeps_saying(answer: impl Into<Vec<u8>>) -> impl Fn(&mut Talk, usize) + Send + Sync + 'static {
    let answer = answer.into();
    move |talk, _| while talk.request().is_some() && talk.say(&answer) {}
}

fn twice(name: &str, told: &Told, answer: &'static str) -> Case {
    Case::new(name, told.clone(), keeps_saying(answer)).then(told.clone())
}

#[test]
fn a_whole_answer_is_handed_on_and_its_connection_used_again() {
    let gone = answered(404, "gone");
    hold(&[
        twice("a length", &gone, "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone"),
        twice("no reason", &gone, "HTTP/1.1 404\r\nContent-Length: 4\r\n\r\ngone"),
        twice("no body", &answered(500, ""), "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"),
        twice(
            "chunks",
            &answered(200, "hello, world"),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\nhello, \r\n5;a=b\r\nworld\r\n0\r\n\r\n",
        ),
        twice(
            "headers",
            &answered(200, "a,bbody"),
            "HTTP/1.1 200 OK\r\nx-said: a\r\nX-Said:  b \r\ncontent-length: 4\r\n\r\nbody",
        ),
        // Once: a client may speak as its server does from then on.
        Case::new(
            "HTTP/1.0 that keeps",
            gone.clone(),
            keeps_saying("HTTP/1.0 404 Gone\r\nconnection: keep-alive\r\ncontent-length: 4\r\n\r\ngone"),
        ),
    ]);
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole_too() {
    let gone = answered(404, "gone");
    hold(&[
        Case::new("HTTP/1.0", gone.clone(), says("HTTP/1.0 404 Not Found\r\n\r\ngone")),
        Case::new("HTTP/1.1", gone.clone(), says("HTTP/1.1 404 Not Found\r\n\r\ngone")),
        Case::new("nothing", answered(200, ""), says("HTTP/1.0 200 OK\r\n\r\n")),
        Case::new("again", gone.clone(), says("HTTP/1.0 404 Not Found\r\n\r\ngone"))
            .then(gone.clone())
            .on_connections(2),
        Case::new(
            "as announced",
            gone.clone(),
            says("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 4\r\n\r\ngone"),
        )
        .then(gone)
        .on_connections(2),
    ]);
}

#[test]
fn what_is_said_before_the_answer_is_passed_over() {
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let after = |interim: &str| format!("{interim}{OK}");
    let ok = answered(200, "ok");
    let case = |name: &str, interim: &str| {
        Case::new(name, ok.clone(), keeps_saying(after(interim))).then(ok.clone())
    };
    hold(&[
        case("100", "HTTP/1.1 100 Continue\r\n\r\n"),
        case("102, and again", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"),
        case("103 with headers", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
    ]);
}

#[test]
fn a_status_that_has_no_body_has_none() {
    // Where one comes all the same, it is never taken for the next answer.
    let none = |status| answered(status, "");
    hold(&[
        twice("204", &none(204), "HTTP/1.1 204 No Content\r\n\r\n"),
        twice("204 that counts", &none(204), "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"),
        twice("204 with one", &none(204), "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nbody")
            .on_connections(2),
        twice("304", &none(304), "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\n"),
        twice("HEAD", &none(200), "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
            .by(Method::HEAD)
            .with_body(""),
    ]);
}

#[test]
fn bytes_after_an_answer_are_never_taken_for_the_next() {
    let body = answered(200, "body");
    hold(&[twice("more", &body, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbodyHTTP/1.1 500 No\r\n\r\n")
        .on_connections(2)]);
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let redirect = |status: u16, location: &str| {
        let answer = format!("HTTP/1.1 {status} Go\r\n{location}content-length: 4\r\n\r\nthat");
        Case::new(format!("{status} {location}"), answered(status, "that"), keeps_saying(answer))
            .then(answered(status, "that"))
    };
    let location = "location: /elsewhere\r\n";
    hold(&[301, 302, 303, 307, 308].map(|status| redirect(status, location)));
    hold(&[302, 307].map(|status| redirect(status, location).by(Method::GET).with_body("")));
    hold(&[300, 302].map(|status| redirect(status, "")));
    hold(&[redirect(302, "location: http://[no address\r\n")]);
}

#[test]
fn an_answer_is_read_up_to_its_cap() {
    let full = "x".repeat(BODY_CAP);
    let over = Told::Lost(format!("the answer is longer than {BODY_CAP} bytes"));
    let whole = answered(200, &full);
    let sized = |body: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let chunks = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    };
    let more = format!("{full}x");
    let endless = move |talk: &mut Talk, _: usize| {
        talk.request();
        talk.say("HTTP/1.1 200 OK\r\n\r\n");
        while talk.say([b'x'; 4096]) {}
    };
    hold(&[
        Case::new("to the last byte", whole.clone(), keeps_saying(sized(&full))).then(whole.clone()),
        Case::new("one more", over.clone(), keeps_saying(sized(&more))),
        Case::new("chunks to the last byte", whole.clone(), keeps_saying(chunks(&full))).then(whole),
        Case::new("chunks and one more", over.clone(), keeps_saying(chunks(&more))),
        Case::new("without an end", over, endless),
    ]);
}

#[test]
fn an_answer_may_have_many_headers_up_to_a_cap() {
    let long = |bytes: usize| {
        let header = format!("x-long: {}\r\n", "x".repeat(1000 - 10));
        format!("HTTP/1.1 200 OK\r\n{}content-length: 2\r\n\r\nok", header.repeat(bytes / 1000))
    };
    let many = |count: usize| {
        format!("HTTP/1.1 200 OK\r\n{}content-length: 2\r\n\r\nok", "x-many: a\r\n".repeat(count))
    };
    let ok = answered(200, "ok");
    hold(&[
        Case::new("60 kB", ok.clone(), keeps_saying(long(60_000))).then(ok.clone()),
        Case::new("70 kB", lost(), keeps_saying(long(70_000))),
        Case::new("90 headers", ok, keeps_saying(many(90))),
        Case::new("200 headers", lost(), keeps_saying(many(200))),
        Case::new("without an end", lost(), |talk: &mut Talk, _: usize| {
            talk.request();
            talk.say("HTTP/1.1 200 OK\r\n");
            let header = format!("x-long: {}\r\n", "x".repeat(1000));
            while talk.say(&header) {}
        }),
    ]);
}
