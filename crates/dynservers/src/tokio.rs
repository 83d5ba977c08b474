//! A fleet on tokio: what `dynservers::Fleet` is with the feature `tokio`.
//!
//! It is to be built and run within a runtime that has its time and its network enabled; its other calls may be awaited
//! anywhere.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dynservers_host::{Driver, FleetClock, Hands, RunError};
use dynservers_tokio::{HttpExecutor, HttpOptions, clock};

use crate::blueprint::{Blueprint, Site};
use crate::errors::{BoxError, BuildError};
use crate::face::{async_determine, face};
use crate::stream::Events;

macro_rules! awaited {
    ($future:expr) => {
        $future.await
    };
}

face!([async], awaited, awaited, Events);
async_determine!();

async fn open(blueprint: Blueprint) -> Result<Site, BuildError> {
    let clock = clock();
    let opened = ::tokio::task::spawn_blocking(move || blueprint.open(carry, clock)).await;
    opened.map_err(|_| BuildError::Panicked)?
}

fn carry(
    provider: Arc<dyn dynservers_http::Provider>,
    request_timeout: Duration,
    clock: FleetClock,
) -> Result<Hands, BoxError> {
    let executor = HttpExecutor::new(provider, HttpOptions { request_timeout, clock })?;
    Ok(Hands::Async(Arc::new(executor)))
}

async fn carry_on(driver: Driver) -> Result<(), RunError> {
    dynservers_tokio::carry(driver).await
}

#[expect(clippy::unnecessary_wraps, reason = "on threads it can fail")]
fn spawn(fleet: Fleet) -> Result<(), BuildError> {
    // How it ends is told by `wait_until_ended`.
    ::tokio::spawn(async move { drop(fleet.run().await) });
    Ok(())
}
