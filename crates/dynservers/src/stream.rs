//! Events as a stream: how the async colours read them.

use std::pin::Pin;
use std::task::{Context, Poll};

use dynservers_core::Event;
use futures_lite::{Stream, StreamExt as _, stream};

use crate::events::{Lagged, Reading};

/// Events as a stream, for tokio and async-std. See [`events`](crate::Fleet::events).
pub struct Events(Pin<Box<dyn Stream<Item = Result<Event, Lagged>> + Send>>);

impl std::fmt::Debug for Events {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn new(reading: Reading) -> Self {
        let events =
            stream::unfold(
                reading,
                |mut reading| async move { reading.next().await.map(|told| (told, reading)) },
            );
        // Whoever asks again after the end is told so again.
        Self(Box::pin(events.fuse()))
    }

    /// Waits for the next event; none when the loop has ended and all that it told was read. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Event, Lagged>> {
        self.0.next().await
    }
}

impl Stream for Events {
    type Item = Result<Event, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}
