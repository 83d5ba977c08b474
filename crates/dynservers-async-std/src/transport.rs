//! The HTTP transport: effects for providers with an HTTP API, carried by threads of async-std's blocking pool.

use std::sync::Arc;

use async_std::task::spawn_blocking;
use dynservers_blocking::{HttpOptions, TransportSetupError};
use dynservers_core::{AsyncExecutor, Completing, Effect};
use dynservers_http::{Provider, TransportError};

use crate::BlockingExecutor;

/// Does the effects of a provider with an HTTP API.
///
/// The contract is that of [`dynservers_blocking::HttpExecutor`], which carries each request. A request whose future is
/// dropped goes on within its bounds: to the machine that is a lost answer.
#[derive(Clone, Debug)]
pub struct HttpExecutor {
    inner: dynservers_blocking::HttpExecutor,
    executor: BlockingExecutor,
}

impl HttpExecutor {
    /// Makes an executor with a pool of connections of its own. Reads the certificates that the system trusts.
    ///
    /// A system that trusts none is no error here, since plain HTTP to an emulator needs none: each request by HTTPS
    /// is then unsent, and says why. A request timeout of nothing is one.
    pub fn new(provider: Arc<dyn Provider>, options: HttpOptions) -> Result<Self, TransportSetupError> {
        let inner = dynservers_blocking::HttpExecutor::new(provider, options)?;
        Ok(Self { executor: BlockingExecutor::new(Arc::new(inner.clone())), inner })
    }

    /// Sends a request that is no effect, within the same bounds: a question that changes nothing.
    pub async fn ask(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let inner = self.inner.clone();
        spawn_blocking(move || inner.ask(request)).await
    }
}

impl AsyncExecutor for HttpExecutor {
    fn execute<'a>(&'a self, effect: &'a Effect) -> Completing<'a> {
        self.executor.execute(effect)
    }
}
