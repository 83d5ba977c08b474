//! What the transport tells of requests that go well, and of those that do not: on raw sockets, byte by byte.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint excuses only the functions marked so"
)]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dynservers_core::{
    AsyncExecutor, Completion, Effect, EffectId, Failure, Op, Outcome, ProviderName, Step, Time, Why,
};
use dynservers_http::{Capabilities, Clock, Provider, Unbuildable};
use dynservers_tokio::{FleetClock, HttpExecutor, HttpOptions};
use http::{Method, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BODY_CAP: usize = 1000;
/// Long enough for a busy machine to make a connection in half of it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Sends what it was made with, and repeats the answer as an outcome that no transport error has.
struct Echo {
    method: Method,
    uri: String,
    body: &'static [u8],
}

impl Provider for Echo {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.body_cap = BODY_CAP;
        capabilities
    }

    fn request(&self, _: &Op, _: Option<&Step>, clock: Clock) -> Result<Request<Vec<u8>>, Unbuildable> {
        assert!(clock.wall_millis > 1_700_000_000_000, "signatures need the wall clock");
        Request::builder()
            .method(self.method.clone())
            .uri(&self.uri)
            .body(self.body.to_vec())
            .map_err(|error| Failure::new(error.to_string()).into())
    }

    fn response(&self, _: &Op, _: Option<&Step>, response: &Response<Vec<u8>>, _: Clock) -> Completion {
        let message = String::from_utf8_lossy(response.body()).into_owned();
        Outcome::Absent(Failure { http_status: Some(response.status().as_u16()), ..Failure::new(message) })
            .into()
    }
}

fn answered(status: u16, body: &str) -> Outcome {
    Outcome::Absent(Failure { http_status: Some(status), ..Failure::new(body) })
}

/// An executor whose clock began at 0.
fn executor(method: Method, uri: String, body: &'static [u8]) -> HttpExecutor {
    clocked(FleetClock::starting_at(Time::ZERO), method, uri, body)
}

fn clocked(clock: FleetClock, method: Method, uri: String, body: &'static [u8]) -> HttpExecutor {
    let options = HttpOptions { request_timeout: TIMEOUT, clock };
    HttpExecutor::new(Arc::new(Echo { method, uri, body }), options).unwrap()
}

fn post(uri: String) -> HttpExecutor {
    executor(Method::POST, uri, b"create")
}

async fn outcome(executor: &HttpExecutor) -> Outcome {
    outcome_within(executor, Time::from_millis(u64::MAX)).await
}

async fn outcome_within(executor: &HttpExecutor, not_after: Time) -> Outcome {
    let effect = Effect {
        id: EffectId(1),
        provider: ProviderName::new("cloud").unwrap(),
        op: Op::Look,
        step: None,
        not_after,
        server: None,
        why: Why::Sync,
    };
    executor.execute(&effect).await.outcome
}

#[track_caller]
fn assert_lost(outcome: &Outcome, words: &str) {
    let Outcome::Lost(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.message.contains(words), "{failure}");
}

#[track_caller]
fn assert_unsent(outcome: &Outcome, words: &str) {
    let Outcome::Unsent(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.message.contains(words), "{failure}");
}

/// A server that treats each connection as told, and counts them.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn new<F, Fut>(treat: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), connections: Arc::default() };
        let connections = Arc::clone(&server.connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(treat(stream));
            }
        });
        server
    }

    /// A server that reads a request, writes this, and closes.
    async fn saying(answer: &'static str) -> Self {
        Self::new(move |mut stream| async move {
            read_request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await
    }

    /// A server that reads a request, writes this, and neither says more nor closes.
    async fn stalling_after(answer: &'static str) -> Self {
        Self::new(move |mut stream| async move {
            read_request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            wait_for_end(&mut stream).await;
        })
        .await
    }

    fn uri(&self) -> String {
        format!("http://{}/server", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads up to the end of a head, and the word "create" if a body of that length is announced.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.contains("\r\n\r\n")
            && (!text.contains("content-length: 6") || text.ends_with("\r\n\r\ncreate"));
        if whole {
            return text.into_owned();
        }
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return text.into_owned(),
        }
    }
}

async fn wait_for_end(stream: &mut TcpStream) {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

#[tokio::test]
async fn answers_are_handed_on_whole_and_a_connection_is_used_again() {
    let server = Server::new(|mut stream| async move {
        while read_request(&mut stream).await.ends_with("create") {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone").await.unwrap();
        }
    })
    .await;
    let executor = post(server.uri());
    for _ in 0..3 {
        assert_eq!(outcome(&executor).await, answered(404, "gone"));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn requests_say_how_long_their_body_is() {
    let echo = |mut stream: TcpStream| async move {
        let request = read_request(&mut stream).await;
        let length =
            request.lines().find(|line| line.starts_with("content-length")).unwrap_or("none").to_owned();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{length}", length.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let server = Server::new(echo).await;
    assert_eq!(outcome(&post(server.uri())).await, answered(200, "content-length: 6"));
    let empty = executor(Method::POST, server.uri(), b"");
    assert_eq!(outcome(&empty).await, answered(200, "content-length: 0"));
    let get = executor(Method::GET, server.uri(), b"");
    assert_eq!(outcome(&get).await, answered(200, "none"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let server = Server::saying("HTTP/1.1 307 Go\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(outcome(&post(server.uri())).await, answered(307, ""));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_time_beyond_every_clock_is_as_good_as_for_ever() {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let clock = FleetClock::starting_at(Time::ZERO);
    let options = HttpOptions { request_timeout: Duration::MAX, clock };
    let echo = Echo { method: Method::POST, uri: server.uri(), body: b"create" };
    let executor = HttpExecutor::new(Arc::new(echo), options).unwrap();
    assert_eq!(outcome(&executor).await, answered(200, ""));
}

#[tokio::test]
async fn a_refused_connection_is_unsent_and_tells_no_query() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let outcome = outcome(&post(format!("http://{address}/?key=sesame"))).await;
    assert_unsent(&outcome, "there was no connection: Connection refused");
    assert!(!format!("{outcome:?}").contains("sesame"));
}

#[tokio::test]
async fn a_name_that_is_not_found_is_unsent() {
    // Longer than a label may be, so that the resolver refuses it without asking anybody.
    let name = "x".repeat(64);
    assert_unsent(&outcome(&post(format!("http://{name}/"))).await, "the name was not found");
}

#[tokio::test]
async fn tls_to_a_plain_port_is_unsent() {
    let server = Server::new(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let outcome = outcome(&post(format!("https://{}/", server.address))).await;
    assert_unsent(&outcome, "there was no connection");
}

#[tokio::test]
async fn a_handshake_that_hangs_is_unsent() {
    let server = Server::new(|mut stream| async move { wait_for_end(&mut stream).await }).await;
    let outcome = outcome(&post(format!("https://{}/", server.address))).await;
    assert_unsent(&outcome, "there was no connection");
}

#[tokio::test]
async fn a_handshake_that_hangs_does_not_carry_a_request_past_its_time() {
    let server = Server::new(|mut stream| async move { wait_for_end(&mut stream).await }).await;
    let executor = post(format!("https://{}/", server.address));
    let outcome = outcome_within(&executor, Time::from_millis(100)).await;
    assert_unsent(&outcome, "its time had passed");
}

#[tokio::test]
async fn a_request_whose_time_has_passed_makes_no_connection() {
    let server = Server::saying("").await;
    let clock = FleetClock::starting_at(Time::from_millis(11));
    let executor = clocked(clock, Method::POST, server.uri(), b"create");
    assert_unsent(&outcome_within(&executor, Time::from_millis(10)).await, "its time had passed");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_request_that_left_in_time_may_be_answered_after_it() {
    let (clock, not_after) = (FleetClock::starting_at(Time::ZERO), Time::from_millis(500));
    let server = {
        let clock = clock.clone();
        Server::new(move |mut stream| {
            let clock = clock.clone();
            async move {
                read_request(&mut stream).await;
                while clock.now() <= not_after + Duration::from_millis(10) {
                    tokio::task::yield_now().await;
                }
                stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
        })
        .await
    };
    let executor = clocked(clock, Method::POST, server.uri(), b"create");
    assert_eq!(outcome_within(&executor, not_after).await, answered(201, ""));
}

#[tokio::test]
async fn a_request_that_is_none_is_unsent() {
    assert_unsent(&outcome(&post("/no/host".to_owned())).await, "the request is not valid");
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_lost_and_not_tried_again() {
    let server = Server::new(|stream| async move { drop(stream) }).await;
    assert_lost(&outcome(&post(server.uri())).await, "the answer was lost");
    assert_eq!(server.connections(), 1);
    let server = Server::saying("").await;
    assert_lost(&outcome(&post(server.uri())).await, "the answer was lost");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_dies_under_a_request_is_lost_and_not_tried_again() {
    let server = Server::new(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let executor = post(server.uri());
    assert_eq!(outcome(&executor).await, answered(200, ""));
    assert_lost(&outcome(&executor).await, "the answer was lost");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_is_cut_or_no_http_is_lost() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "SMTP ready, say hello\r\n\r\n",
        "HTTP/1.1 999999 What\r\n\r\n",
    ] {
        let server = Server::saying(answer).await;
        assert_lost(&outcome(&post(server.uri())).await, "the answer was lost");
        assert_eq!(server.connections(), 1, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_does_not_end_is_lost() {
    let stalls = ["", "HTTP/1.1 200 OK\r\ncont", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"];
    let stalled = stalls.map(|answer| {
        tokio::spawn(async move {
            let server = Server::stalling_after(answer).await;
            outcome(&post(server.uri())).await
        })
    });
    for outcome in stalled {
        assert_lost(&outcome.await.unwrap(), "there was no whole answer within 2s");
    }
}

#[tokio::test]
async fn an_answer_that_drips_past_the_deadline_is_lost() {
    let server = Server::new(|mut stream| async move {
        read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut drip = tokio::time::interval(TIMEOUT / 20);
        while stream.write_all(b".").await.is_ok() {
            drip.tick().await;
        }
    })
    .await;
    assert_lost(&outcome(&post(server.uri())).await, "there was no whole answer");
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_cap() {
    let sized = |length: usize| async move {
        Server::new(move |mut stream| async move {
            read_request(&mut stream).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length));
            // The reader may have hung up half-way.
            let _ = stream.write_all(answer.as_bytes()).await;
        })
        .await
    };
    let (server, body) = (sized(BODY_CAP).await, "x".repeat(BODY_CAP));
    assert_eq!(outcome(&post(server.uri())).await, answered(200, &body));
    let server = sized(BODY_CAP + 1).await;
    assert_lost(&outcome(&post(server.uri())).await, "the answer is longer than 1000 bytes");
}
