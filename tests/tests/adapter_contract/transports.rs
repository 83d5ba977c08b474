//! The transports, behind one face: an effect is carried, and a completion comes back.

use std::sync::Arc;
use std::time::Duration;

use async_std::task::{block_on, spawn_blocking};
use dynservers_core::{
    AsyncExecutor as _, Completion, Effect, EffectId, Executor as _, Failure, Op, Outcome, ProviderName,
    Step, Time, Why,
};
use dynservers_host::FleetClock;
use dynservers_http::{Capabilities, Provider, TransportError, Unbuildable};
use http::{Method, Request, Response};

/// The most that an answer may have, in bytes.
pub(crate) const BODY_CAP: usize = 1000;
/// What no message may tell: it is in the headers and the query of requests.
pub(crate) const SECRET: &str = "sesame";

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tokio,
    Blocking,
    AsyncStd,
}

impl Transport {
    pub(crate) const ALL: [Self; 3] = [Self::Tokio, Self::Blocking, Self::AsyncStd];
}

/// A request as a case has it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(&'static str, &'static [u8])>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn request(&self) -> Result<Request<Vec<u8>>, http::Error> {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.uri);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        request.body(self.body.clone())
    }
}

/// Sends what it was made with, and repeats the answer as an outcome that no transport error has.
pub(crate) struct Echo(pub(crate) Ask);

impl Provider for Echo {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.body_cap = BODY_CAP;
        capabilities
    }

    fn request(
        &self,
        _: &Op,
        _: Option<&Step>,
        clock: dynservers_http::Clock,
    ) -> Result<Request<Vec<u8>>, Unbuildable> {
        assert!(clock.wall_millis > 1_700_000_000_000, "signatures need the wall clock");
        self.0.request().map_err(|error| Failure::new(error.to_string()).into())
    }

    fn response(
        &self,
        _: &Op,
        _: Option<&Step>,
        response: &Response<Vec<u8>>,
        _: dynservers_http::Clock,
    ) -> Completion {
        let headers = response.headers().get_all("x-said").iter();
        let said: Vec<_> = headers.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let message = format!("{}{}", said.join(","), String::from_utf8_lossy(response.body()));
        Outcome::Absent(Failure { http_status: Some(response.status().as_u16()), ..Failure::new(message) })
            .into()
    }
}

/// Lets the client's own tasks put a connection back: who asks again before that gets another.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

enum Inner {
    Tokio(dynservers_tokio::HttpExecutor, tokio::runtime::Runtime),
    Blocking(dynservers_blocking::HttpExecutor),
    /// On threads of the runtime's pool, where its loop has blocking work done.
    AsyncStd(dynservers_async_std::HttpExecutor),
}

/// An executor of one of the transports.
pub(crate) struct Carrier(Inner);

impl Carrier {
    pub(crate) fn new(
        transport: Transport,
        ask: Ask,
        request_timeout: Duration,
        clock: FleetClock,
    ) -> Result<Self, String> {
        let provider: Arc<dyn Provider> = Arc::new(Echo(ask));
        let inner = match transport {
            Transport::Tokio => {
                let options = dynservers_tokio::HttpOptions { request_timeout, clock };
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                dynservers_tokio::HttpExecutor::new(provider, options)
                    .map(|executor| Inner::Tokio(executor, runtime.unwrap()))
                    .map_err(|error| error.to_string())
            }
            Transport::Blocking => {
                let options = dynservers_blocking::HttpOptions { request_timeout, clock };
                dynservers_blocking::HttpExecutor::new(provider, options)
                    .map(Inner::Blocking)
                    .map_err(|error| error.to_string())
            }
            Transport::AsyncStd => {
                let options = dynservers_async_std::HttpOptions { request_timeout, clock };
                dynservers_async_std::HttpExecutor::new(provider, options)
                    .map(Inner::AsyncStd)
                    .map_err(|error| error.to_string())
            }
        };
        inner.map(Self)
    }

    /// Carries an effect.
    pub(crate) fn carry(&self, not_after: Time) -> Outcome {
        let effect = Effect {
            id: EffectId(1),
            provider: ProviderName::new("cloud").unwrap(),
            op: Op::Look,
            step: None,
            not_after,
            server: None,
            why: Why::Sync,
        };
        let completion = match &self.0 {
            Inner::Tokio(executor, runtime) => runtime.block_on(async {
                let completion = executor.execute(&effect).await;
                settle().await;
                completion
            }),
            Inner::Blocking(executor) => executor.execute(&effect),
            Inner::AsyncStd(executor) => {
                let executor = executor.clone();
                block_on(spawn_blocking(move || executor.execute(&effect)))
            }
        };
        completion.outcome
    }

    /// Asks what is no effect.
    pub(crate) fn ask(&self, ask: &Ask) -> Result<Response<Vec<u8>>, TransportError> {
        let request = ask.request().unwrap();
        match &self.0 {
            Inner::Tokio(executor, runtime) => runtime.block_on(async {
                let answer = executor.ask(request).await;
                settle().await;
                answer
            }),
            Inner::Blocking(executor) => executor.ask(request),
            Inner::AsyncStd(executor) => {
                let executor = executor.clone();
                block_on(spawn_blocking(move || executor.ask(request)))
            }
        }
    }
}
