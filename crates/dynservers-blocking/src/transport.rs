//! The HTTP transport: effects for providers with an HTTP API, carried by ureq.

mod connect;
mod gate;
mod tls;
mod words;

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{Completion, Effect, Executor, Time};
use dynservers_host::{FleetClock, wall_millis};
use dynservers_http::{Clock, Exchange, Provider, TransportError, TransportSetupError, stated_length};
use http::header::CONTENT_LENGTH;
use ureq::{Agent, SendBody};

use connect::{Connecting, Later};
use gate::Gate;

/// A connection in the pool that the other side has closed meanwhile makes the next answer a lost one, and a lost
/// create costs a search. This is shorter than what load balancers keep, and long enough for a burst.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most connections that wait in the pool: more than threads ask at a time.
const MOST_IDLE: usize = 64;

/// The most time for name, connection and handshake. A host that cannot be reached is told apart from a lost answer
/// by running into this before the deadline of the whole request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes that an answer's headers may have together.
const HEAD_CAP: usize = 64 * 1024;

/// The longest time that the client can count with: for ever, to whoever waits.
const LONGEST: Duration = Duration::from_secs(31_536_000);

/// How an [`HttpExecutor`] carries requests.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long one request may take, from the look-up of the name to the last byte of the answer.
    pub request_timeout: Duration,
    /// The fleet's time: a clone of the loop's clock.
    pub clock: FleetClock,
}

/// Does the effects of a provider with an HTTP API.
///
/// Each effect is one request at most: no retry, no redirect, no ambient proxy, no cookies.
/// Connections are kept and used again, by HTTP/1.1. The whole request has one deadline, the answer's body is capped at
/// [`Capabilities::body_cap`](dynservers_http::Capabilities::body_cap), and a request with a body does not leave after
/// its [`Effect::not_after`]. One without a body may leave as much later as a connection takes: only a create does harm
/// when it is late, and a create has a body.
///
/// What went wrong before a connection was there is told as [`Sent::No`](dynservers_http::Sent::No); anything after that
/// as [`Sent::Maybe`](dynservers_http::Sent::Maybe).
///
/// Clones share their connections, and any number of threads may use them at a time.
///
/// The client writes every byte that it sends to the log at level trace, credentials included: a program that logs at that
/// level keeps the target `ureq_proto::util` out of it.
#[derive(Clone)]
pub struct HttpExecutor {
    provider: Arc<dyn Provider>,
    agent: Agent,
    options: HttpOptions,
    body_cap: usize,
    /// Why no certificate can be trusted, if none can.
    distrust: Option<String>,
}

impl fmt::Debug for HttpExecutor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpExecutor").field("options", &self.options).finish_non_exhaustive()
    }
}

impl HttpExecutor {
    /// Makes an executor with a pool of connections of its own. Reads the certificates that the system trusts.
    ///
    /// A system that trusts none is no error here, since plain HTTP to an emulator needs none: each request by HTTPS
    /// is then unsent, and says why. A request timeout of nothing is one.
    pub fn new(provider: Arc<dyn Provider>, options: HttpOptions) -> Result<Self, TransportSetupError> {
        if options.request_timeout.is_zero() {
            return Err(TransportSetupError { message: "its requests have no time".to_owned() });
        }
        let (tls, distrust) = tls::config();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(options.request_timeout.min(LONGEST)))
            .max_idle_age(POOL_IDLE_TIMEOUT)
            .max_idle_connections(MOST_IDLE)
            .max_idle_connections_per_host(MOST_IDLE)
            .max_response_header_size(HEAD_CAP)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .user_agent(concat!("dynservers/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("")
            .proxy(None)
            .build();
        let agent = Agent::with_parts(config, Connecting::default(), Later);
        let body_cap = provider.capabilities().body_cap;
        Ok(Self { provider, agent, options, body_cap, distrust })
    }

    /// Sends a request that is no effect, within the same bounds: a question that changes nothing.
    pub fn ask(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.send(request, self.options.clock.now() + self.options.request_timeout)
    }

    fn clock(&self) -> Clock {
        Clock { time: self.options.clock.now(), wall_millis: wall_millis() }
    }

    /// Sends within both bounds: the gate for leaving, the deadline for everything.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        not_after: Time,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        if let (Some("https"), Some(message)) = (request.uri().scheme_str(), &self.distrust) {
            return Err(TransportError::unsent(message));
        }
        let (mut parts, body) = request.into_parts();
        if let Some(length) = stated_length(&parts.method, &body) {
            parts.headers.insert(CONTENT_LENGTH, length);
        }
        let connect_timeout = CONNECT_TIMEOUT.min(self.options.request_timeout / 2);
        if body.is_empty() {
            return self.carry(http::Request::from_parts(parts, SendBody::none()), connect_timeout);
        }
        let mut gate = Gate::new(&self.options.clock, not_after, &body);
        let connect_timeout = connect_timeout.min(gate.closes_in());
        let request = http::Request::from_parts(parts, SendBody::from_reader(&mut gate));
        let result = self.carry(request, connect_timeout);
        // The gate's word is better than the client's, which sees a request that failed half-way.
        result.map_err(
            |error| if gate.kept_back(error.sent) { TransportError::unsent(gate::CLOSED) } else { error },
        )
    }

    fn carry(
        &self,
        request: http::Request<SendBody<'_>>,
        connect_timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let tell = |error| words::tell(error, self.options.request_timeout);
        let request = self.agent.configure_request(request).timeout_connect(Some(connect_timeout)).build();
        let (parts, body) = self.agent.run(request).map_err(tell)?.into_parts();
        let mut bytes = Vec::new();
        let mut reader = body.into_reader().take((self.body_cap as u64).saturating_add(1));
        reader.read_to_end(&mut bytes).map_err(|error| tell(error.into()))?;
        if bytes.len() > self.body_cap {
            return Err(TransportError::maybe_sent(format!(
                "the answer is longer than {} bytes",
                self.body_cap
            )));
        }
        let mut response = http::Response::new(bytes);
        *response.status_mut() = parts.status;
        *response.version_mut() = parts.version;
        *response.headers_mut() = parts.headers;
        Ok(response)
    }
}

impl Executor for HttpExecutor {
    fn execute(&self, effect: &Effect) -> Completion {
        let exchange = Exchange::new(&*self.provider, effect);
        let request = match exchange.request(self.clock()) {
            Ok(request) => request,
            Err(completion) => return *completion,
        };
        let result = self.send(request, effect.not_after);
        exchange.finish(result, self.clock())
    }
}
