//! Feeds: the log as server-sent events, from where a client left off, without a gap and without a double.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use dynservers_core::{Event, EventId};
use dynservers_tokio::{Receiver, RecvError};
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::sleep;

use crate::api::fleet::Fleet;
use crate::api::report;

/// How often a client hears that the daemon is still there, while nothing happens.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many events are read from the store at a time. The store is not written meanwhile.
const PAGE: usize = 100;

/// How many pieces may wait for a client that is slow to read. Then nothing more is read for it.
const PIECES: usize = 2;

/// What a client is told first: after how many milliseconds to come back, should the connection break.
const WELCOME: &[u8] = b"retry: 2000\n\n";

/// Begins a feed, and gives the body that carries it. It ends when the client leaves, or the loop ends.
///
/// Without a cursor it tells what happens from now on.
pub(crate) fn begin<F: Fleet>(fleet: F, after: Option<EventId>, place: OwnedSemaphorePermit) -> Body {
    let (pieces, waiting) = mpsc::channel(PIECES);
    // Listened to before anything is read, so that nothing falls between the two.
    let live = fleet.subscribe();
    let feed = Feed { fleet, cursor: after, missed: 0, pieces };
    tokio::spawn(async move {
        // Either way the client comes back, and says where it left off.
        let _ = feed.run(live).await;
    });
    Body::new(Pieces { waiting, _place: place })
}

/// What a client is sent, piece by piece; its place is free once it is gone.
struct Pieces {
    waiting: mpsc::Receiver<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.waiting.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// The client has left, or there is nothing more to tell.
struct Over;

struct Feed<F> {
    fleet: F,
    /// The last event that the client has; none until it is known where it begins.
    cursor: Option<EventId>,
    /// How many events passed unheard before the first.
    missed: u64,
    pieces: mpsc::Sender<Bytes>,
}

impl<F: Fleet> Feed<F> {
    async fn run(mut self, mut live: Receiver) -> Result<(), Over> {
        self.send(WELCOME.into()).await?;
        self.look_up_cursor().await?;
        self.catch_up().await?;
        loop {
            let received = tokio::select! {
                () = self.pieces.closed() => return Err(Over),
                received = live.recv() => received,
                () = sleep(HEARTBEAT) => {
                    self.send(Bytes::from_static(b":\n\n")).await?;
                    continue;
                }
            };
            match received {
                Ok(event) => self.tell(event).await?,
                Err(RecvError::Lagged(missed)) if self.cursor.is_none() => self.missed += missed,
                Err(RecvError::Lagged(_)) => self.catch_up().await?,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }

    /// Forgets a cursor that the log does not reach: it is of another ledger, and nothing would ever come after it.
    async fn look_up_cursor(&mut self) -> Result<(), Over> {
        let Some(EventId(cursor @ 1..)) = self.cursor else { return Ok(()) };
        if self.read(EventId(cursor - 1), 1).await?.is_empty() {
            self.cursor = None;
        }
        Ok(())
    }

    /// Tells of an event, and of those before it that were not heard.
    async fn tell(&mut self, event: Event) -> Result<(), Over> {
        let before = EventId(event.id.0.saturating_sub(1 + std::mem::take(&mut self.missed)));
        let cursor = *self.cursor.get_or_insert(before);
        if event.id.0 > cursor.0 + 1 {
            // What is heard is in the store already.
            self.catch_up().await?;
        }
        if self.cursor.is_some_and(|cursor| event.id > cursor) {
            self.pass_on(&[event]).await?;
        }
        Ok(())
    }

    /// Tells of everything in the store that the client does not have.
    async fn catch_up(&mut self) -> Result<(), Over> {
        while let Some(cursor) = self.cursor {
            let page = self.read(cursor, PAGE).await?;
            self.pass_on(&page).await?;
            if page.len() < PAGE {
                break;
            }
        }
        Ok(())
    }

    async fn read(&self, after: EventId, limit: usize) -> Result<Vec<Event>, Over> {
        self.fleet.events(after, limit).await.map_err(|error| {
            tracing::debug!(%error, "a feed of events ends");
            Over
        })
    }

    async fn pass_on(&mut self, events: &[Event]) -> Result<(), Over> {
        let Some(last) = events.last() else { return Ok(()) };
        let told: String = events.iter().map(written).collect();
        self.send(told.into()).await?;
        self.cursor = Some(last.id);
        Ok(())
    }

    async fn send(&self, piece: Bytes) -> Result<(), Over> {
        self.pieces.send(piece).await.map_err(|_| Over)
    }
}

/// Writes an event as the standard has it. JSON has no line breaks of its own.
fn written(event: &Event) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.id.0, event.kind.name(), report::event(event))
}
