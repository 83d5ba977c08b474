//! The server: carries requests from a bounded number of connections to the routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::api::listener::{Listener, Stream};
use crate::api::seats::Seat;
use crate::api::stall::Impatient;

/// How long a client may take, and how much it may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many connections may be open at once, those that listen to events apart; further ones wait in the
    /// system's queue.
    pub(crate) connections: usize,
    /// How long a client may take to send the head of a request, and to send nothing between two.
    pub(crate) head: Duration,
    /// How long a client may read nothing of what it is sent.
    pub(crate) stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 128, head: Duration::from_secs(10), stall: Duration::from_secs(20) }
    }
}

/// How many bytes of a request's head are read at all: what is more is answered with 431 by hyper itself. The guard
/// refuses what is more than its own, lower limit, with a word why.
const HEAD_BUFFER: usize = 64 * 1024;

/// How many headers are read at all.
const MOST_HEADERS: usize = 256;

/// How long requests under way may take once the daemon ends.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait when the system has no file descriptor left.
const PATIENCE: Duration = Duration::from_millis(100);

/// Serves until `stop` becomes true or its sender is gone; then lets requests under way end, for a moment.
pub(crate) async fn serve(listener: Listener, router: Router, stop: watch::Receiver<bool>) {
    serve_within(Limits::default(), listener, router, stop).await;
}

/// Serves within limits of one's own.
pub(crate) async fn serve_within(
    limits: Limits,
    listener: Listener,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = raised(&mut stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (stream, permit) = next(&listener, &room) => {
                connections.spawn(attend(limits, stream, router.clone(), stop.clone(), permit));
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
    limits: Limits,
    stream: Box<dyn Stream>,
    router: Router,
    mut stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) {
    let seat = Seat::new(permit);
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(seat.clone());
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD_BUFFER)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(Impatient::new(stream, limits.stall)), service);
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
