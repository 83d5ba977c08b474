//! The HTTP transport: effects for providers with an HTTP API, carried by reqwest.

mod gate;
mod tls;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{AsyncExecutor, Completing, Completion, Effect, Time};
use dynservers_host::{FleetClock, wall_millis};
use dynservers_http::{Clock, Exchange, Provider, TransportError, TransportSetupError, stated_length};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use reqwest::{Client, redirect, retry};
use tokio::time::timeout;

use gate::Gate;

/// A connection in the pool that the other side has closed meanwhile makes the next answer a lost one, and a lost
/// create costs a search. This is shorter than what load balancers keep, and long enough for a burst.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most time for name, connection and handshake. A host that cannot be reached is told apart from a lost answer
/// by running into this before the deadline of the whole request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes that an answer's headers may have together.
const HEAD_CAP: usize = 64 * 1024;

/// How an [`HttpExecutor`] carries requests.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long one request may take, from the look-up of the name to the last byte of the answer.
    pub request_timeout: Duration,
    /// The fleet's time: a clone of the [`Host`](crate::Host)'s clock.
    pub clock: FleetClock,
}

/// Does the effects of a provider with an HTTP API.
///
/// Each effect is one request at most: no retry, no redirect, no ambient proxy, no cookies.
/// Connections are kept and used again, by HTTP/1.1 or HTTP/2. The whole request has one deadline, the answer's body
/// is capped at [`Capabilities::body_cap`](dynservers_http::Capabilities::body_cap), and a request with a body does
/// not leave after its [`Effect::not_after`]. One without a body may leave as much later as a connection takes: only a
/// create does harm when it is late, and a create has a body.
///
/// What went wrong before a connection was there is told as [`Sent::No`](dynservers_http::Sent::No); anything after that
/// as [`Sent::Maybe`](dynservers_http::Sent::Maybe).
#[derive(Clone)]
pub struct HttpExecutor {
    provider: Arc<dyn Provider>,
    client: Client,
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
        let (tls, distrust) = tls::config().map_err(|error| setup(&error))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_TIMEOUT.min(options.request_timeout / 2))
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .user_agent(concat!("dynservers/", env!("CARGO_PKG_VERSION")))
            // A host may have features of the client that we do not ask for.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .build()
            .map_err(|error| setup(&error))?;
        let body_cap = provider.capabilities().body_cap;
        Ok(Self { provider, client, options, body_cap, distrust })
    }

    /// Sends a request that is no effect, within the same bounds: a question that changes nothing.
    pub async fn ask(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.send(request, self.options.clock.now() + self.options.request_timeout).await
    }

    async fn round(&self, effect: &Effect) -> Completion {
        let exchange = Exchange::new(&*self.provider, effect);
        let mut request = match exchange.request(self.clock()) {
            Ok(request) => request,
            Err(completion) => return *completion,
        };
        // The length of a body that is there is stated by the client.
        if let Some(length) = stated_length(request.method(), &[]).filter(|_| request.body().is_empty()) {
            request.headers_mut().insert(CONTENT_LENGTH, length);
        }
        let result = self.send(request, effect.not_after).await;
        exchange.finish(result, self.clock())
    }

    fn clock(&self) -> Clock {
        Clock { time: self.options.clock.now(), wall_millis: wall_millis() }
    }

    /// Sends within both bounds: the gate for leaving, the deadline for everything.
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        not_after: Time,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        if let (Some("https"), Some(message)) = (request.uri().scheme_str(), &self.distrust) {
            return Err(TransportError::unsent(message));
        }
        let gate = Gate::new(self.options.clock.clone(), not_after);
        let request = reqwest::Request::try_from(request.map(|body| gate.guard(body)))
            .map_err(|error| TransportError::unsent(words::of(error)))?;
        let result = tokio::select! {
            result = timeout(self.options.request_timeout, self.carry(request)) => {
                result.unwrap_or_else(|_| Err(self.overdue()))
            }
            () = gate.closed() => Err(TransportError::unsent(gate::CLOSED)),
        };
        // The gate's word is better than the client's, which sees a request that failed half-way.
        result.map_err(|error| if gate.is_closed() { TransportError::unsent(gate::CLOSED) } else { error })
    }

    async fn carry(&self, request: reqwest::Request) -> Result<http::Response<Vec<u8>>, TransportError> {
        let mut answer = self.client.execute(request).await.map_err(words::tell)?;
        if head_length(answer.headers()) > HEAD_CAP {
            return Err(TransportError::maybe_sent(format!(
                "the answer was lost: its headers are longer than {HEAD_CAP} bytes"
            )));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(words::tell)? {
            if body.len() + chunk.len() > self.body_cap {
                return Err(TransportError::maybe_sent(format!(
                    "the answer is longer than {} bytes",
                    self.body_cap
                )));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.version_mut() = answer.version();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    fn overdue(&self) -> TransportError {
        TransportError::maybe_sent(format!(
            "there was no whole answer within {:?}",
            self.options.request_timeout
        ))
    }
}

impl AsyncExecutor for HttpExecutor {
    fn execute<'a>(&'a self, effect: &'a Effect) -> Completing<'a> {
        Box::pin(self.round(effect))
    }
}

/// Gives how many bytes headers have when they are written out.
fn head_length(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

fn setup(error: &dyn std::error::Error) -> TransportSetupError {
    TransportSetupError { message: words::innermost(error) }
}
