//! A fleet on async-std. It is discontinued upstream (RUSTSEC-2025-0052): this is for those who have it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use dynservers_async_std::{HttpExecutor, HttpOptions};
use dynservers_host::{Driver, FleetClock, Hands, RunError};

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
    let open = move || blueprint.open(carry, FleetClock::new());
    let opened = ::async_std::task::spawn_blocking(|| catch_unwind(AssertUnwindSafe(open))).await;
    opened.map_err(|_| BuildError::Panicked)?
}

fn carry(
    provider: Arc<dyn dynservers_http::Provider>,
    request_timeout: Duration,
    clock: FleetClock,
) -> Result<Hands, BoxError> {
    let executor = HttpExecutor::new(provider, HttpOptions { request_timeout, clock })?;
    Ok(Hands::Blocking(Arc::new(executor)))
}

async fn carry_on(driver: Driver) -> Result<(), RunError> {
    dynservers_async_std::carry(driver).await
}

#[expect(clippy::unnecessary_wraps, reason = "on threads it can fail")]
fn spawn(fleet: Fleet) -> Result<(), BuildError> {
    // How it ends is told by `wait_until_ended`.
    drop(::async_std::task::spawn(async move { drop(fleet.run().await) }));
    Ok(())
}
