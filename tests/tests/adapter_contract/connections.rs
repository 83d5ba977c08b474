//! Connections: none that can be had is nothing sent, and one that dies under a request is sent once at most.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};

use crate::answers::{keeps_saying, says};
use crate::certificates::{Certificates, converse};
use crate::server::Talk;
use crate::table::{Case, Told, answered, hold, hold_at_once, lost, unsent};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn nowhere(name: &str, words: &str) -> Case {
    Case::new(name, unsent(words), says("")).unseen(0)
}

/// An address that lets nobody in: its queue is full, and stays so.
pub(crate) struct Full {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Full {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        // The queue is full when one more does not get in; how many that takes is the system's affair.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
        }
        Self { listener, _waiting: waiting }
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}/server?key=sesame", self.listener.local_addr().unwrap())
    }
}

#[test]
fn without_a_connection_nothing_is_sent() {
    // Bound, so that nobody else gets the port while this is tried, and not listened at.
    let closed = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&closed, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = SocketAddr::try_from(rustix::net::getsockname(&closed).unwrap()).unwrap();
    // Longer than a label may be, so that the resolver refuses it without asking anybody.
    let name = "x".repeat(64);
    hold(&[
        nowhere("refused", "there was no connection")
            .elsewhere(format!("http://{address}/server?key=sesame")),
        nowhere("TLS refused", "there was no connection")
            .elsewhere(format!("https://{address}/server?key=sesame")),
        nowhere("no such name", "the name was not found")
            .elsewhere(format!("http://{name}/server?key=sesame")),
    ]);
}

#[test]
fn without_a_handshake_nothing_is_sent() {
    let certificates = Certificates::new();
    let server = certificates.server();
    let distrusted = move |talk: &mut Talk, _: usize| {
        converse(talk, &server, |_, _| {});
    };
    let plain = |talk: &mut Talk, _: usize| {
        talk.say("HTTP/1.1 400 Bad Request\r\n\r\n");
        talk.wait_for_end();
    };
    hold(&[
        unshaken("a plain port", plain),
        unshaken("closed", |_, _| {}),
        unshaken("reset", |talk, _| talk.reset()),
        unshaken("a certificate that nobody trusts", distrusted),
    ]);
}

fn unshaken(name: &str, serve: impl Fn(&mut Talk, usize) + Send + Sync + 'static) -> Case {
    Case::new(name, unsent("there was no connection"), serve).over_tls().unseen(1)
}

#[test]
fn a_connection_that_takes_too_long_is_none() {
    let full = Full::new();
    let hung = |talk: &mut Talk, _: usize| talk.wait_for_end();
    let told = unsent("there was no connection");
    hold_at_once(
        &[
            Case::new("a handshake that hangs", told.clone(), hung).over_tls().unseen(1),
            Case::new("a full queue", told, hung).elsewhere(full.uri()),
        ]
        .map(|case| case.within(Duration::from_secs(2))),
    );
}

#[test]
fn a_kept_connection_that_dies_under_a_request_is_lost_and_not_tried_again() {
    let dies = |end: fn(&mut Talk)| {
        move |talk: &mut Talk, _: usize| {
            talk.request();
            talk.say(OK);
            talk.request();
            end(talk);
        }
    };
    hold(&[
        Case::new("closed", answered(200, "ok"), dies(|_| {})).then(lost()),
        Case::new("reset", answered(200, "ok"), dies(Talk::reset)).then(lost()),
    ]);
}

#[test]
fn a_kept_connection_that_the_other_side_closes_is_not_used_again() {
    let once = |talk: &mut Talk, _: usize| {
        talk.request();
        talk.say(OK);
    };
    let case = Case::new("closed", answered(200, "ok"), once).on_any_connections();
    let sent_once = |told: &[Told], requests: usize| {
        // Whoever has not noticed yet may lose the answer; what is answered was sent once.
        let answers = told.iter().filter(|told| **told == answered(200, "ok")).count();
        told.iter().all(|told| *told == answered(200, "ok") || *told == lost()) && answers == requests
    };
    case.hold_loosely(4, sent_once);
}

#[test]
fn many_threads_may_share_an_executor() {
    Case::new("many", answered(200, "ok"), keeps_saying(OK)).on_any_connections().hold_from(8);
}
