//! The table: what is asked, how the server takes it, and what must be seen on both sides.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dynservers_core::{Outcome, Time};
use dynservers_host::FleetClock;
use http::Method;

use crate::server::{Request, Serve, Server, Talk};
use crate::transports::{Ask, Carrier, SECRET, Transport};

/// Long enough for every machine.
const LONG: Duration = Duration::from_secs(60);
/// A moment that is never reached.
pub(crate) const NEVER: Time = Time::from_millis(u64::MAX);

/// An outcome, by its kind and the words that every transport has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Answered(u16, String),
    Lost(String),
    Unsent(String),
}

pub(crate) fn answered(status: u16, body: &str) -> Told {
    Told::Answered(status, body.to_owned())
}

pub(crate) fn lost() -> Told {
    Told::Lost("the answer was lost".to_owned())
}

pub(crate) fn unsent(words: &str) -> Told {
    Told::Unsent(words.to_owned())
}

impl Told {
    /// Reads an outcome, and checks that its words give nothing away.
    pub(crate) fn read(outcome: Outcome) -> Self {
        if let Outcome::Lost(failure) | Outcome::Unsent(failure) = &outcome {
            for secret in [SECRET, "/server"] {
                assert!(!format!("{failure:?}").contains(secret), "{failure} tells {secret}");
            }
        }
        // What comes after the first colon is the client's own.
        let words = |message: &str| message.split([':', '(']).next().unwrap().trim_end().to_owned();
        match outcome {
            Outcome::Absent(failure) => Self::Answered(failure.http_status.unwrap(), failure.message),
            Outcome::Lost(failure) => Self::Lost(words(&failure.message)),
            Outcome::Unsent(failure) => Self::Unsent(words(&failure.message)),
            other => panic!("{other:?} is nothing that a transport tells"),
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug)]
enum To {
    /// To this path of the case's server.
    Http(&'static str),
    Https(&'static str),
    /// To the case's server by its number, which is in no certificate.
    HttpsNumber,
    /// Somewhere else.
    Address(String),
}

/// A row of the table.
#[derive(Clone)]
pub(crate) struct Case {
    name: String,
    serve: Serve,
    ask: Ask,
    to: To,
    times: usize,
    timeout: Duration,
    /// When the fleet's clock begins.
    now: Time,
    not_after: Time,
    told: Vec<Told>,
    /// How many connections there are, where that is certain.
    connections: Option<usize>,
    /// How many whole requests the server reads.
    requests: usize,
}

impl Case {
    /// A case in which a POST to the server is told so, on one connection, and is read whole by the server.
    pub(crate) fn new(
        name: impl Into<String>,
        told: Told,
        serve: impl Fn(&mut Talk, usize) + Send + Sync + 'static,
    ) -> Self {
        let headers: Vec<(_, &[u8])> =
            vec![("content-type", b"application/json"), ("authorization", b"Bearer sesame")];
        Self {
            name: name.into(),
            serve: Arc::new(serve),
            ask: Ask { method: Method::POST, uri: String::new(), headers, body: b"create".to_vec() },
            to: To::Http("/server?key=sesame"),
            times: 1,
            timeout: LONG,
            now: Time::ZERO,
            not_after: NEVER,
            told: vec![told],
            connections: Some(1),
            requests: 1,
        }
    }

    pub(crate) fn by(mut self, method: Method) -> Self {
        self.ask.method = method;
        self
    }

    pub(crate) fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.ask.body = body.into();
        self
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &'static [u8]) -> Self {
        self.ask.headers.push((name, value));
        self
    }

    pub(crate) fn to(mut self, target: &'static str) -> Self {
        self.to = To::Http(target);
        self
    }

    pub(crate) fn over_tls(mut self) -> Self {
        self.to = To::Https("/server?key=sesame");
        self
    }

    pub(crate) fn over_tls_to_its_number(mut self) -> Self {
        self.to = To::HttpsNumber;
        self
    }

    pub(crate) fn elsewhere(mut self, uri: impl Into<String>) -> Self {
        self.to = To::Address(uri.into());
        self.unseen(0)
    }

    /// Asked more than once by the same executor, each time told so.
    pub(crate) fn then(mut self, told: Told) -> Self {
        self.told.push(told);
        self.times += 1;
        self.requests += 1;
        self
    }

    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) fn beginning_at(mut self, now: Time) -> Self {
        self.now = now;
        self
    }

    pub(crate) fn not_after(mut self, not_after: Time) -> Self {
        self.not_after = not_after;
        self
    }

    pub(crate) fn on_connections(mut self, connections: usize) -> Self {
        self.connections = Some(connections);
        self
    }

    /// On as many connections as it takes.
    pub(crate) fn on_any_connections(mut self) -> Self {
        self.connections = None;
        self
    }

    /// The server reads no whole request.
    pub(crate) fn unseen(mut self, connections: usize) -> Self {
        self.requests = 0;
        self.on_connections(connections)
    }

    /// Plays the case with one of the transports, and gives what the server was asked.
    pub(crate) fn play(&self, transport: Transport) -> Vec<Request> {
        let stage = Stage::new(self, transport);
        let told: Vec<_> = (0..self.times).map(|_| stage.carry()).collect();
        let (connections, requests) = stage.end();
        assert_eq!(told, self.told, "{}, by {transport:?}", self.name);
        if let Some(expected) = self.connections {
            assert_eq!(connections, expected, "connections: {}, by {transport:?}", self.name);
        }
        assert_eq!(requests.len(), self.requests, "requests: {}, by {transport:?}", self.name);
        requests
    }

    /// Plays the case with every transport: all must ask the same.
    pub(crate) fn hold(&self) -> Vec<Request> {
        let [first, others @ ..] = Transport::ALL.map(|transport| self.play(transport));
        for other in others {
            assert_eq!(first, other, "{}", self.name);
        }
        first
    }

    /// Plays the case so many times on one executor, where more than one course of it is right.
    pub(crate) fn hold_loosely(&self, times: usize, is_right: impl Fn(&[Told], usize) -> bool) {
        for transport in Transport::ALL {
            let stage = Stage::new(self, transport);
            let told: Vec<_> = (0..times).map(|_| stage.carry()).collect();
            let (_, requests) = stage.end();
            assert!(
                is_right(&told, requests.len()),
                "{told:?}, {} requests, by {transport:?}",
                requests.len()
            );
        }
    }

    /// Plays the case from so many threads at once, on one executor.
    pub(crate) fn hold_from(&self, threads: usize) {
        for transport in Transport::ALL {
            let stage = Stage::new(self, transport);
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope
                        .spawn(|| assert_eq!(stage.carry(), self.told[0], "{}, by {transport:?}", self.name));
                }
            });
            assert_eq!(stage.end().1.len(), threads, "{}, by {transport:?}", self.name);
        }
    }
}

/// A case with its server and one of the transports.
struct Stage {
    server: Server,
    carrier: Carrier,
    not_after: Time,
}

impl Stage {
    fn new(case: &Case, transport: Transport) -> Self {
        let clock = FleetClock::starting_at(case.now);
        let server = Server::new(&clock, Arc::clone(&case.serve));
        let mut ask = case.ask.clone();
        ask.uri = match &case.to {
            To::Http(target) => format!("http://{}{target}", server.address),
            To::Https(target) => format!("https://localhost:{}{target}", server.address.port()),
            To::HttpsNumber => format!("https://{}/server?key=sesame", server.address),
            To::Address(uri) => uri.clone(),
        };
        let carrier = Carrier::new(transport, ask, case.timeout, clock).unwrap();
        Self { server, carrier, not_after: case.not_after }
    }

    fn carry(&self) -> Told {
        Told::read(self.carrier.carry(self.not_after))
    }

    /// Gives how many connections there were, and what was asked: wherever the server was, that was here.
    fn end(self) -> (usize, Vec<Request>) {
        drop(self.carrier);
        let port = self.server.address.port();
        let names = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        let (connections, mut requests) = self.server.seen();
        for (name, value) in requests.iter_mut().flat_map(|request| &mut request.headers) {
            if name == "host" && names.contains(value) {
                "here".clone_into(value);
            }
        }
        (connections, requests)
    }
}

/// Holds cases one after the other.
pub(crate) fn hold(cases: &[Case]) {
    for case in cases {
        case.hold();
    }
}

/// Holds cases all at once: for those that wait for a deadline.
pub(crate) fn hold_at_once(cases: &[Case]) {
    thread::scope(|scope| {
        for case in cases {
            for transport in Transport::ALL {
                scope.spawn(move || case.play(transport));
            }
        }
    });
}
