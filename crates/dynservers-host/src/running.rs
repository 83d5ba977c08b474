//! A loop on an executor, ready to run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::driver::RunError;

/// A loop that is ready to run: nothing happens but while it is polled.
///
/// It ends with `Ok` after [`Handle::shutdown`](crate::Handle::shutdown), and with an error when the ledger cannot be
/// written. Dropping it is a crash: lawful, and made up for by the next start.
#[must_use = "a fleet runs only while this is polled"]
pub struct Running(Pin<Box<dyn Future<Output = Result<(), RunError>> + Send>>);

impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Running {
    /// Makes it of a runtime's loop around a [`Driver`](crate::Driver).
    pub fn new(run: impl Future<Output = Result<(), RunError>> + Send + 'static) -> Self {
        Self(Box::pin(run))
    }
}

impl Future for Running {
    type Output = Result<(), RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}
