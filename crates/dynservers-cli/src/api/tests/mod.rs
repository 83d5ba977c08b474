//! The control API over real sockets, before a fleet that is a double.

mod answers;
mod described;
mod streams;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use dynservers_core::{
    Action, Command, Decision, DecisionQuery, Done, Event, EventId, EventKind, FleetView, Refusal, Reply,
    ServerRecord, TypeName,
};
use dynservers_tokio::{EventsError, Feed, Receiver, Snapshot};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::client::Client;
use crate::api::fleet::{Fleet, Stopped};
use crate::api::guard::Guard;
use crate::api::listener::{Listener, Stream};
use crate::api::routes::router;
use crate::api::server::{Limits, serve_within};
use crate::api::token::ApiToken;
use crate::api::{Endpoint, problem};
use crate::samples;

/// A fleet with one type, `web`, that remembers what it was told.
#[derive(Clone)]
struct Double {
    told: Arc<Mutex<Vec<Command>>>,
    log: Arc<Mutex<Vec<Event>>>,
    live: Arc<Mutex<Option<Feed>>>,
    stopped: bool,
}

impl Default for Double {
    fn default() -> Self {
        // Few, so that who is slow falls behind soon.
        Self {
            told: Arc::default(),
            log: Arc::default(),
            live: Arc::new(Mutex::new(Some(Feed::new(4)))),
            stopped: false,
        }
    }
}

impl Double {
    /// Makes something happen, and tells those who listen.
    fn happen(&self, count: u64) {
        for _ in 0..count {
            let mut log = self.log.lock().unwrap();
            let id = EventId(log.len() as u64 + 1);
            let kind = EventKind::DemandKnown { server_type: TypeName::new("web").unwrap() };
            let event = Event { id, at: samples::view().now, kind };
            log.push(event.clone());
            // Nobody may listen.
            if let Some(live) = self.live.lock().unwrap().as_ref() {
                live.send(event);
            }
        }
    }

    fn reply(command: Command) -> Reply {
        match command.action {
            Action::Ensure { server_type, count } if server_type.as_str() == "web" => {
                Ok(Done::Desired { server_type, before: Some(1), requested: count, desired: count.min(10) })
            }
            Action::Increase { server_type, by } if server_type.as_str() == "web" => {
                Ok(Done::Desired { server_type, before: Some(1), requested: 1 + by, desired: 1 + by })
            }
            Action::Decrease { .. } => Err(Refusal::NotSeenYet),
            Action::Override { server_type, count, .. } => {
                Ok(Done::Overridden { server_type, count, until: None, desired: count })
            }
            Action::Protect { server, protected } => Ok(Done::Protected { server, protected }),
            Action::Pause { out, inward } => {
                Ok(Done::Paused { out: out.unwrap_or_default(), inward: inward.unwrap_or_default() })
            }
            Action::Takeover { .. } => Ok(Done::TakenOver { servers: 2 }),
            Action::Resume { .. } => Err(Refusal::KeyReused),
            Action::Reboot { server_type, .. } if server_type.as_str() == "web" => {
                Ok(Done::Rebooting { server_type, servers: 3 })
            }
            Action::Ensure { server_type, .. }
            | Action::Increase { server_type, .. }
            | Action::Reboot { server_type, .. } => {
                Err(Refusal::UnknownType { server_type, known: vec![TypeName::new("web").unwrap()] })
            }
            other => panic!("not asked by any route: {other:?}"),
        }
    }
}

impl Fleet for Double {
    async fn command(&self, command: Command) -> Result<Reply, Stopped> {
        if self.stopped {
            return Err(Stopped);
        }
        self.told.lock().unwrap().push(command.clone());
        Ok(Self::reply(command))
    }

    async fn view(&self) -> Result<FleetView, Stopped> {
        if self.stopped { Err(Stopped) } else { Ok(samples::view()) }
    }

    async fn servers(&self) -> Result<Vec<ServerRecord>, Stopped> {
        Ok(samples::records())
    }

    async fn events(&self, after: EventId, limit: usize) -> Result<Vec<Event>, EventsError> {
        let log = self.log.lock().unwrap();
        Ok(log.iter().skip(usize::try_from(after.0).unwrap()).take(limit).cloned().collect())
    }

    async fn decisions(&self, wish: DecisionQuery) -> Result<Vec<Decision>, EventsError> {
        let decisions = samples::decisions();
        let of_type =
            |decision: &Decision| wish.server_type.as_ref().is_none_or(|name| *name == decision.server_type);
        Ok(decisions.into_iter().filter(of_type).take(wish.limit).collect())
    }

    fn subscribe(&self) -> Receiver {
        self.live.lock().unwrap().as_ref().unwrap().subscribe()
    }

    fn metrics(&self) -> Snapshot {
        Snapshot::default()
    }
}

/// A server in a directory of its own.
struct Harness {
    directory: tempfile::TempDir,
    fleet: Double,
    endpoint: Endpoint,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Harness {
    async fn unix() -> Self {
        Self::unix_before(Double::default()).await
    }

    async fn unix_before(fleet: Double) -> Self {
        Self::within(Limits::default(), fleet).await
    }

    async fn within(limits: Limits, fleet: Double) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        let listener = Listener::unix(&path).await.unwrap();
        Self::start(limits, directory, fleet, listener, Endpoint::Unix(path), Guard::FileSystem)
    }

    async fn tcp() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let Listener::Tcp(port) = &listener else { panic!("not TCP") };
        let address = port.local_addr().unwrap();
        let token_file = directory.path().join("fleet.db.token");
        let token = ApiToken::keep_or_write(&token_file).unwrap();
        let endpoint = Endpoint::Tcp { address, token_file };
        let guard = Guard::Token(Arc::new(token));
        Self::start(Limits::default(), directory, Double::default(), listener, endpoint, guard)
    }

    fn start(
        limits: Limits,
        directory: tempfile::TempDir,
        fleet: Double,
        listener: Listener,
        endpoint: Endpoint,
        guard: Guard,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let router = router(fleet.clone(), watch::channel(samples::addresses()).1, guard);
        let serving = tokio::spawn(serve_within(limits, listener, router, stopped));
        Self { directory, fleet, endpoint, stop, serving }
    }

    fn client(&self) -> Client {
        Client::new(self.endpoint.clone())
    }

    fn told(&self) -> Vec<Command> {
        self.fleet.told.lock().unwrap().clone()
    }

    /// Sends bytes as they are, and gives the status, the head and the body of the answer.
    async fn raw(&self, request: &str) -> (u16, String, Value) {
        let mut stream: Box<dyn Stream> = match &self.endpoint {
            Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await.unwrap()),
            Endpoint::Tcp { address, .. } => Box::new(TcpStream::connect(address).await.unwrap()),
        };
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str, headers: &str) -> (u16, String, Value) {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"))
            .await
    }

    async fn put(&self, path: &str, headers: &str, body: &str) -> (u16, String, Value) {
        let length = body.len();
        self.raw(&format!(
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Content-Type: application/json\r\n{headers}\r\n{body}"
        ))
        .await
    }
}

/// Checks that an answer is a problem of the right form.
fn assert_problem((status, head, body): (u16, String, Value), expected: u16, detail: &str) {
    assert_eq!(status, expected, "{body}");
    assert!(head.contains(problem::MEDIA_TYPE), "{head}");
    assert_eq!(body["status"], expected);
    let told = body["detail"].as_str().unwrap();
    assert!(told.contains(detail), "{told}");
}
