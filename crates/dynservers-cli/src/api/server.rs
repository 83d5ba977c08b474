//! The server: carries requests from a bounded number of connections to the routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::api::listener::{Listener, Stream};

/// How many connections may be open at once; further ones wait in the system's queue.
const CONNECTIONS: usize = 64;

/// How long a client may take to send the head of a request, and to send nothing between two.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// How long requests under way may take once the daemon ends.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait when the system has no file descriptor left.
const PATIENCE: Duration = Duration::from_millis(100);

/// Serves until `stop` becomes true or its sender is gone; then lets requests under way end, for a moment.
pub(crate) async fn serve(listener: Listener, router: Router, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = raised(&mut stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (stream, permit) = next(&listener, &room) => {
                connections.spawn(attend(stream, router.clone(), stop.clone(), permit));
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::debug!("connections were cut off at the end");
    }
}

/// Waits until there is room, and then for a connection.
async fn next(listener: &Listener, room: &Arc<Semaphore>) -> (Box<dyn Stream>, OwnedSemaphorePermit) {
    let permit = Arc::clone(room).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok(stream) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "a connection to the control API was not accepted");
                tokio::time::sleep(PATIENCE).await;
            }
        }
    }
}

async fn attend(
    stream: Box<dyn Stream>,
    router: Router,
    mut stop: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = raised(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the control API broke");
    }
}

/// Waits for the word to stop; a sender that is gone says it too.
async fn raised(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
