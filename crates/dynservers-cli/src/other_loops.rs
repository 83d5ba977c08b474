//! The other loops: the same daemon carried by threads or by async-std, so that every end-to-end test can be run on each.
//!
//! For tests only: whoever runs the daemon gets tokio, and nothing of this.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use clap::ValueEnum;
use dynservers_core::Executor;
use dynservers_http::Provider;
use dynservers_tokio::{Driver, Handle, Hands, Host, HttpExecutor, HttpOptions, RunError, StartError};
use tokio::task::spawn_blocking;

use crate::providers::ProviderError;

/// Who carries a fleet, and its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Loop {
    /// tokio, and reqwest.
    #[default]
    Tokio,
    /// A thread, and ureq.
    Threads,
    /// async-std, and ureq on its pool of threads.
    AsyncStd,
}

/// A loop that is ready to run.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), RunError>> + Send>>;

/// A process has one loop, whatever configuration it reads again.
static CHOSEN: OnceLock<Loop> = OnceLock::new();

/// Chooses the loop of this process. The first choice stays.
pub(crate) fn choose(carrier: Loop) {
    tracing::info!(carrier = ?CHOSEN.get_or_init(|| carrier), "chosen loop");
}

fn chosen() -> Loop {
    CHOSEN.get().copied().unwrap_or_default()
}

/// Gives what carries a cloud's requests: the transport of the chosen loop.
pub(crate) fn hands(cloud: Arc<dyn Provider>, options: HttpOptions) -> Result<Hands, ProviderError> {
    match chosen() {
        Loop::Tokio => Ok(Hands::Async(Arc::new(HttpExecutor::new(cloud, options)?))),
        Loop::Threads | Loop::AsyncStd => Ok(Hands::Blocking(by_ureq(cloud, options)?)),
    }
}

fn by_ureq(cloud: Arc<dyn Provider>, options: HttpOptions) -> Result<Arc<dyn Executor>, ProviderError> {
    let HttpOptions { request_timeout, clock } = options;
    let options = dynservers_blocking::HttpOptions { request_timeout, clock };
    Ok(Arc::new(dynservers_blocking::HttpExecutor::new(cloud, options)?))
}

/// Reads the ledger, and gives the handle and the chosen loop, which does nothing until it is polled.
pub(crate) async fn start(host: Host) -> Result<(Handle, Running), StartError> {
    let opened = spawn_blocking(move || host.open()).await;
    // Opening catches the panics of what it calls; the task is cancelled only when the runtime ends.
    let (handle, driver) = opened.map_err(|_| StartError::StorePanicked)??;
    Ok((handle, carry(driver)))
}

fn carry(driver: Driver) -> Running {
    match chosen() {
        Loop::Tokio => Box::pin(dynservers_tokio::carry(driver)),
        Loop::Threads => Box::pin(async {
            let thread = spawn_blocking(move || dynservers_blocking::Running::new(driver).run());
            thread.await.expect("a loop does not panic, and waits for no runtime")
        }),
        Loop::AsyncStd => {
            Box::pin(async { async_std::task::spawn(dynservers_async_std::carry(driver)).await })
        }
    }
}
