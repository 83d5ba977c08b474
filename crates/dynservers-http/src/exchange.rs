//! One round with a provider: a request out, an answer or a transport's bad news in.

use dynservers_core::{Completion, Effect, Failure, Op, Outcome, Reason};
use http::Method;
use http::header::HeaderValue;
use thiserror::Error;

use crate::provider::{Clock, Provider, Unbuildable};

/// One effect on its way: all that a transport has to carry.
///
/// ```text
/// let exchange = Exchange::new(provider, effect);
/// let request = match exchange.request(clock) { Ok(request) => request, Err(completion) => return *completion };
/// exchange.finish(transport.send(request), clock)
/// ```
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    provider: &'a dyn Provider,
    effect: &'a Effect,
}

impl std::fmt::Debug for Exchange<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Exchange").field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// Whether a request may have reached the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Not one byte of it left: no connection, no name, no handshake.
    No,
    /// It may have.
    Maybe,
}

/// What went wrong between us and the provider.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TransportError {
    /// Whether the request may have reached the provider.
    pub sent: Sent,
    /// What went wrong, in one sentence, without secrets.
    pub message: String,
}

impl TransportError {
    /// Makes the error of a request of which not one byte left.
    pub fn unsent(message: impl Into<String>) -> Self {
        Self { sent: Sent::No, message: message.into() }
    }

    /// Makes the error of a request that may have reached the provider.
    pub fn maybe_sent(message: impl Into<String>) -> Self {
        Self { sent: Sent::Maybe, message: message.into() }
    }
}

/// Gives the length that a request must state: that of its body, and of an empty one where a body is usual, since some
/// servers insist (RFC 9110, section 8.6). Without it some clients send
/// chunks.
#[must_use]
pub fn stated_length(method: &Method, body: &[u8]) -> Option<HeaderValue> {
    let is_usual = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    (is_usual || !body.is_empty()).then(|| HeaderValue::from(body.len()))
}

/// Why a transport cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the HTTP client cannot be made: {message}")]
pub struct TransportSetupError {
    /// What went wrong.
    pub message: String,
}

impl<'a> Exchange<'a> {
    /// Begins a round.
    #[must_use]
    pub const fn new(provider: &'a dyn Provider, effect: &'a Effect) -> Self {
        Self { provider, effect }
    }

    /// Builds the request, or ends the round if its time has passed or there is nothing to send.
    ///
    /// To be called just before sending: the deadline is checked against `clock`.
    pub fn request(&self, clock: Clock) -> Result<http::Request<Vec<u8>>, Box<Completion>> {
        if clock.time > self.effect.not_after {
            let failure = Failure::new("its time had passed before it could be sent");
            return Err(Box::new(Outcome::Unsent(failure).into()));
        }
        let request = self.provider.request(&self.effect.op, self.effect.step.as_ref(), clock);
        request.map_err(|unbuildable| {
            let outcome = match unbuildable {
                Unbuildable::Denied(failure) => Outcome::Denied(failure),
                Unbuildable::Invalid(failure) => Outcome::Refused(Reason::Invalid, failure),
            };
            Box::new(outcome.into())
        })
    }

    /// Reads what came of the request.
    #[must_use]
    pub fn finish(
        &self,
        result: Result<http::Response<Vec<u8>>, TransportError>,
        clock: Clock,
    ) -> Completion {
        match result {
            Ok(response) => {
                self.provider.response(&self.effect.op, self.effect.step.as_ref(), &response, clock)
            }
            Err(TransportError { sent: Sent::No, message }) => Outcome::Unsent(Failure::new(message)).into(),
            Err(TransportError { sent: Sent::Maybe, message }) => Outcome::Lost(Failure::new(message)).into(),
        }
    }

    /// Gives the operation, for logs.
    #[must_use]
    pub const fn op(&self) -> &Op {
        &self.effect.op
    }
}
