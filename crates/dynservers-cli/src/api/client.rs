//! The client: says commands to the daemon, and asks it how things are.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode, header};
use dynservers_core::{CommandId, Done, ServerId, TypeName};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::{TcpStream, UnixStream};

use crate::api::Endpoint;
use crate::api::commands::{IDEMPOTENCY_KEY, random_key};
use crate::api::guard::REQUEST_DEADLINE;
use crate::api::listener::Stream;
use crate::api::problem::Problem;
use crate::api::token::ApiToken;
use crate::api::wire::{By, DecisionList, Desired, FleetStatus, ServerList};

/// How long the daemon may take to accept a connection.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// How long an answer may take: a little longer than the daemon gives itself.
const ANSWER_DEADLINE: Duration = REQUEST_DEADLINE.saturating_add(Duration::from_secs(5));

/// How many bytes an answer may have: thousands of servers fit.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// How often a request is sent whose answer was lost; its key makes it count once.
const TRIES: u32 = 3;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// Nobody listens.
    #[error(
        "no daemon listens on {endpoint} ({source}); start it with `dynservers run` and the same configuration"
    )]
    NoDaemon {
        /// Where one should.
        endpoint: Endpoint,
        /// The system's words.
        source: io::Error,
    },
    /// Somebody may listen, and cannot be reached: it is another user's, or too busy to let anybody in.
    #[error("the daemon on {endpoint} cannot be reached: {source}")]
    Unreachable {
        /// Where it listens.
        endpoint: Endpoint,
        /// The system's words.
        source: io::Error,
    },
    /// There is no token to show.
    #[error("the token of the control API cannot be read from {}: {source}; run this as the daemon's user", path.display())]
    NoToken {
        /// The file that the daemon keeps it in.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The daemon does not want to.
    #[error("{}", .0.detail)]
    Refused(Problem),
    /// The answer was lost, every time.
    #[error("the daemon on {endpoint} gave no answer: {message}")]
    NoAnswer {
        /// Where it listens.
        endpoint: Endpoint,
        /// What came instead.
        message: String,
    },
    /// The answer is not one of ours.
    #[error("what listens on {endpoint} does not answer like a dynservers daemon: {message}")]
    Strange {
        /// Where it listens.
        endpoint: Endpoint,
        /// What came instead.
        message: String,
    },
    /// The system gives no random numbers.
    #[error("no random number for an idempotency key: {0}")]
    NoRandom(getrandom::Error),
}

/// A way to the daemon. Connects anew for each request, so that it outlives restarts of the daemon.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    endpoint: Endpoint,
}

/// A request that may be sent more than once.
struct Call {
    method: Method,
    path: String,
    key: Option<CommandId>,
    body: Bytes,
}

/// An answer as it came.
struct Answer {
    status: StatusCode,
    body: Bytes,
}

impl Client {
    /// Makes a client. Nothing is connected yet.
    pub(crate) const fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Asks how the fleet is.
    pub(crate) async fn status(&self) -> Result<FleetStatus, ClientError> {
        self.ask("/v1/status").await
    }

    /// Asks for every server.
    pub(crate) async fn servers(&self) -> Result<ServerList, ClientError> {
        self.ask("/v1/servers").await
    }

    /// Sets how many servers there should be.
    pub(crate) async fn ensure(&self, server_type: &TypeName, count: u32) -> Result<Done, ClientError> {
        self.say(Method::PUT, &format!("/v1/types/{server_type}/desired"), &Desired { count }).await
    }

    /// Wants more servers.
    pub(crate) async fn increase(&self, server_type: &TypeName, by: u32) -> Result<Done, ClientError> {
        self.say(Method::POST, &format!("/v1/types/{server_type}/increase"), &By { by }).await
    }

    /// Wants fewer servers.
    pub(crate) async fn decrease(&self, server_type: &TypeName, by: u32) -> Result<Done, ClientError> {
        self.say(Method::POST, &format!("/v1/types/{server_type}/decrease"), &By { by }).await
    }

    /// Reboots every server of a type.
    pub(crate) async fn reboot(
        &self,
        server_type: &TypeName,
        at_a_time: Option<u32>,
    ) -> Result<Done, ClientError> {
        let body = json!({ "at_a_time": at_a_time });
        self.say(Method::POST, &format!("/v1/types/{server_type}/reboot"), &body).await
    }

    /// Overrules the sources of a type.
    pub(crate) async fn overrule(
        &self,
        server_type: &TypeName,
        count: u32,
        lasting: Option<Duration>,
    ) -> Result<Done, ClientError> {
        // Rounded up: an override that was to last a moment must not last for ever, nor not at all.
        let seconds = lasting.map(|time| time.as_secs() + u64::from(time.subsec_nanos() > 0));
        let body = json!({ "count": count, "for_seconds": seconds });
        self.say(Method::PUT, &format!("/v1/types/{server_type}/override"), &body).await
    }

    /// Lets the sources of a type decide again.
    pub(crate) async fn end_override(&self, server_type: &TypeName) -> Result<Done, ClientError> {
        self.say(Method::DELETE, &format!("/v1/types/{server_type}/override"), &()).await
    }

    /// Protects a server, or ends that.
    pub(crate) async fn protect(&self, server: ServerId, protected: bool) -> Result<Done, ClientError> {
        let method = if protected { Method::PUT } else { Method::DELETE };
        self.say(method, &format!("/v1/servers/{server}/protection"), &()).await
    }

    /// Pauses creating, choosing servers to go, or both.
    pub(crate) async fn pause(&self, outward: bool, inward: bool) -> Result<Done, ClientError> {
        self.say(Method::POST, "/v1/pause", &json!({ "out": outward, "in": inward })).await
    }

    /// Ends pauses.
    pub(crate) async fn unpause(&self, outward: bool, inward: bool) -> Result<Done, ClientError> {
        let body = json!({ "out": outward, "in": inward, "holds": false });
        self.say(Method::POST, "/v1/resume", &body).await
    }

    /// Asks for at most `limit` events after one, oldest first.
    pub(crate) async fn events(&self, after: u64, limit: u32) -> Result<Vec<Value>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Page {
            events: Vec<Value>,
        }
        let page: Page = self.ask(&format!("/v1/events?after={after}&limit={limit}")).await?;
        Ok(page.events)
    }

    /// Asks for the last decisions about a type, or about all, up to a moment; oldest first.
    pub(crate) async fn decisions(
        &self,
        server_type: Option<&TypeName>,
        until: Option<Timestamp>,
        last: u32,
    ) -> Result<Vec<Value>, ClientError> {
        let of_type = server_type.map(|name| format!("&type={name}")).unwrap_or_default();
        let until = until.map(|until| format!("&until={until}")).unwrap_or_default();
        let page: DecisionList = self.ask(&format!("/v1/decisions?limit={last}{of_type}{until}")).await?;
        Ok(page.decisions)
    }

    /// Takes over the servers of other owners.
    pub(crate) async fn takeover(&self) -> Result<Done, ClientError> {
        self.say(Method::POST, "/v1/takeover", &()).await
    }

    /// Ends the holds.
    pub(crate) async fn resume(&self) -> Result<Done, ClientError> {
        let body = json!({ "out": false, "in": false, "holds": true });
        self.say(Method::POST, "/v1/resume", &body).await
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(&Call { method: Method::GET, path: path.to_owned(), key: None, body: Bytes::new() }).await
    }

    async fn say<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let key = random_key().map_err(ClientError::NoRandom)?;
        let body = serde_json::to_vec(body).expect("plain values have a JSON form").into();
        self.send(&Call { method, path: path.to_owned(), key: Some(key), body }).await
    }

    /// Sends until there is an answer, and reads it.
    async fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ClientError> {
        let mut tries = 1;
        let answer = loop {
            let stream = self.connect().await?;
            let request = self.request(call)?;
            match tokio::time::timeout(ANSWER_DEADLINE, round(stream, request)).await {
                Ok(Ok(answer)) => break answer,
                Ok(Err(message)) if tries >= TRIES => return Err(self.no_answer(message)),
                Ok(Err(message)) => tracing::debug!(message, tries, "the answer was lost; sending again"),
                // It is busy, not broken: more of the same would not help.
                Err(_) => {
                    return Err(self.no_answer(format!("nothing for {}s", ANSWER_DEADLINE.as_secs())));
                }
            }
            tries += 1;
        };
        self.read(&answer)
    }

    fn no_answer(&self, message: String) -> ClientError {
        ClientError::NoAnswer { endpoint: self.endpoint.clone(), message }
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        let strange = |message| ClientError::Strange { endpoint: self.endpoint.clone(), message };
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body).map_err(|error| strange(error.to_string()));
        }
        match serde_json::from_slice(&answer.body) {
            Ok(problem) => Err(ClientError::Refused(problem)),
            Err(_) => Err(strange(format!("HTTP {}", answer.status))),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, ClientError> {
        let connecting = async {
            Ok(match &self.endpoint {
                Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await?) as Box<dyn Stream>,
                Endpoint::Tcp { address, .. } => Box::new(TcpStream::connect(address).await?),
            })
        };
        let connected = match tokio::time::timeout(CONNECT_DEADLINE, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        connected.map_err(|source: io::Error| {
            let endpoint = self.endpoint.clone();
            match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    ClientError::NoDaemon { endpoint, source }
                }
                _ => ClientError::Unreachable { endpoint, source },
            }
        })
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request =
            Request::builder().method(call.method.clone()).uri(&call.path).header(header::HOST, "localhost");
        if let Some(key) = &call.key {
            request = request
                .header(IDEMPOTENCY_KEY, key.as_str())
                .header(header::CONTENT_TYPE, "application/json");
        }
        if let Endpoint::Tcp { token_file, .. } = &self.endpoint {
            // Read each time: a daemon that was started again may have written another.
            let token = ApiToken::read(token_file)
                .map_err(|source| ClientError::NoToken { path: token_file.clone(), source })?;
            request = request.header(header::AUTHORIZATION, token.authorization());
        }
        Ok(request.body(Full::new(call.body.clone())).expect("paths, keys and tokens are plain ASCII"))
    }
}

/// Sends one request over one connection; an error means that the answer was lost.
async fn round(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> Result<Answer, String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        Ok(Answer { status, body: body.map_err(|error| error.to_string())?.to_bytes() })
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = exchange.as_mut() => answer,
        // Its end only says that nothing more will come; what has come is still to be read.
        _ = connection => exchange.await,
    }
}
