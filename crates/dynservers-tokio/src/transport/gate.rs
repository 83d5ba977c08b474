//! The gate: a request's body that does not leave after its time.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dynservers_core::Time;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::sleep;

use dynservers_host::FleetClock;

/// What is said of a request whose time passed while it waited for a connection.
pub(super) const CLOSED: &str = "its time had passed before there was a connection to send it by";

const WAITING: u8 = 0;
const PASSED: u8 = 1;
const SHUT: u8 = 2;

/// Lets the body of one request through, or not any more.
///
/// A client asks for the body when it has a connection and writes the request; one whose body never came is no
/// request to any server. So the wait for a connection, of which the client tells nothing, cannot carry a create
/// past the moment after which others may rely on its not being sent.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    clock: FleetClock,
    not_after: Time,
    state: Arc<AtomicU8>,
}

impl Gate {
    pub(super) fn new(clock: FleetClock, not_after: Time) -> Self {
        Self { clock, not_after, state: Arc::new(AtomicU8::new(WAITING)) }
    }

    /// Makes a body of the bytes; an empty one passes freely, since nobody would ask for it.
    pub(super) fn guard(&self, body: Vec<u8>) -> reqwest::Body {
        if body.is_empty() {
            self.state.store(PASSED, Ordering::Release);
            return reqwest::Body::default();
        }
        reqwest::Body::wrap(Guarded { gate: self.clone(), body: Some(Bytes::from(body)) })
    }

    /// Waits until the gate is closed: for ever, if the request passes it.
    pub(super) async fn closed(&self) {
        sleep(self.clock.until(self.not_after + Duration::from_millis(1))).await;
        if !self.shut() {
            pending::<()>().await;
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) == SHUT
    }

    /// Closes the gate, unless the request has passed it.
    fn shut(&self) -> bool {
        self.change(SHUT)
    }

    /// Lets the request pass, unless its time has passed. The task that writes and the one that waits may race.
    fn pass(&self) -> bool {
        if self.clock.now() > self.not_after {
            self.shut();
        }
        self.change(PASSED)
    }

    fn change(&self, to: u8) -> bool {
        match self.state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == to,
        }
    }
}

/// The body behind the gate: all of it at once, or an error.
struct Guarded {
    gate: Gate,
    body: Option<Bytes>,
}

#[derive(Debug, Error)]
#[error("{CLOSED}")]
struct GateClosed;

impl Body for Guarded {
    type Data = Bytes;
    type Error = GateClosed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GateClosed>>> {
        if !self.gate.pass() {
            return Poll::Ready(Some(Err(GateClosed)));
        }
        Poll::Ready(self.body.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that began at 0, and goes by the runtime's, which is paused.
    fn clock() -> FleetClock {
        let origin = tokio::time::Instant::now();
        FleetClock::ticking_by(Time::ZERO, move || origin.elapsed())
    }

    fn frame(body: &mut reqwest::Body) -> Option<bool> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        match Pin::new(body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|frame| frame.is_ok()),
            Poll::Pending => panic!("a gate does not wait"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_in_time_passes_whole_and_stays_passed() {
        let clock = clock();
        let gate = Gate::new(clock, Time::from_millis(10));
        let mut body = gate.guard(b"create".to_vec());
        assert_eq!(body.size_hint().exact(), Some(6));
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(frame(&mut body), Some(true));
        tokio::time::advance(Duration::from_millis(10)).await;
        assert!(!gate.shut() && !gate.is_closed());
        assert_eq!(frame(&mut body), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_late_does_not_pass() {
        let clock = clock();
        let gate = Gate::new(clock.clone(), Time::from_millis(10));
        let mut body = gate.guard(b"create".to_vec());
        gate.closed().await;
        assert!(clock.now() > Time::from_millis(10));
        assert!(gate.is_closed());
        assert_eq!(frame(&mut body), Some(false));
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_closes_it_even_if_nobody_waits() {
        let gate = Gate::new(clock(), Time::from_millis(10));
        let mut body = gate.guard(b"create".to_vec());
        tokio::time::advance(Duration::from_millis(11)).await;
        assert_eq!(frame(&mut body), Some(false));
        assert!(gate.is_closed());
    }
}
