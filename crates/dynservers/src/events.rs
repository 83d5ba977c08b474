//! Events: what happened, in order, from where a reader left off.

use std::collections::VecDeque;

use dynservers_core::{Event, EventId};
use dynservers_host::{EventsError, Handle, Receiver, RecvError};
use thiserror::Error;

/// How many events are read from the ledger at a time.
const PAGE: usize = 256;

/// Events were lost to a reader: they came faster than it read, and the ledger does not have them any more, or keeps none.
///
/// The reader goes on with what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{missed} events were lost: they were not read in time, and the ledger does not have them any more")]
pub struct Lagged {
    /// How many.
    pub missed: u64,
}

/// A reader's place in the log: what it has had, and what is read ahead for it.
pub(crate) struct Reading {
    handle: Handle,
    live: Receiver,
    /// The last event that it has had; none until it has begun.
    cursor: Option<EventId>,
    /// Whether anything was told, so that the cursor is known to be of this log.
    begun: bool,
    page: VecDeque<Event>,
    /// Whether the ledger may have something that was not read.
    behind: bool,
    /// An event that waits, since some before it were lost.
    held: Option<Event>,
    /// An event that was heard before those in the ledger that come before it were read.
    ahead: Option<Event>,
}

impl Reading {
    /// Begins with what happens from now on, or after an event.
    pub(crate) fn new(handle: Handle, after: Option<EventId>) -> Self {
        // Listened to before anything is read, so that nothing falls between the two.
        let live = handle.subscribe();
        let begins_after = live.begins_after();
        Self {
            handle,
            live,
            cursor: after.or(begins_after),
            begun: false,
            page: VecDeque::new(),
            behind: after.is_some(),
            held: None,
            ahead: None,
        }
    }

    /// Waits for the next event; none when the loop has ended and all that it told was read.
    pub(crate) async fn next(&mut self) -> Option<Result<Event, Lagged>> {
        loop {
            if let Some(event) = self.held.take().or_else(|| self.page.pop_front()) {
                if let Some(told) = self.tell(event) {
                    return Some(told);
                }
                continue;
            }
            if self.behind {
                self.catch_up().await;
                continue;
            }
            match self.live.recv().await {
                Ok(event) => {
                    if !self.begun && self.cursor.is_some_and(|cursor| event.id <= cursor) {
                        // The cursor is of another log, which was longer: nothing would ever come after it.
                        self.cursor = None;
                    }
                    if self.cursor.is_some_and(|cursor| event.id.0 > cursor.0 + 1) {
                        // The ledger may have what was not heard; what is heard is in it already.
                        self.behind = true;
                        self.ahead = Some(event);
                    } else if let Some(told) = self.tell(event) {
                        return Some(told);
                    }
                }
                // What was missed shows as a gap before the next one, or has no beginning yet.
                Err(RecvError::Lagged(missed)) if self.cursor.is_none() => {
                    return Some(Err(Lagged { missed }));
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return self.end(),
            }
        }
    }

    /// Tells an event, or first how many were lost before it; nothing of one that was told.
    fn tell(&mut self, event: Event) -> Option<Result<Event, Lagged>> {
        let cursor = *self.cursor.get_or_insert(EventId(event.id.0.saturating_sub(1)));
        if event.id <= cursor {
            return None;
        }
        self.begun = true;
        let missed = event.id.0 - cursor.0 - 1;
        if missed > 0 {
            self.cursor = Some(EventId(event.id.0 - 1));
            self.held = Some(event);
            return Some(Err(Lagged { missed }));
        }
        self.cursor = Some(event.id);
        Some(Ok(event))
    }

    /// Tells how many events there were that cannot be read any more, if there were any.
    fn end(&mut self) -> Option<Result<Event, Lagged>> {
        let (cursor, last) = (self.cursor?, self.live.last()?);
        let missed = last.0.checked_sub(cursor.0).filter(|missed| *missed > 0)?;
        self.cursor = Some(last);
        Some(Err(Lagged { missed }))
    }

    /// Reads on in the ledger.
    async fn catch_up(&mut self) {
        let after = self.cursor.unwrap_or_default();
        let read = self.handle.events(after, PAGE).await;
        self.behind = matches!(&read, Ok(page) if page.len() == PAGE);
        match read {
            Ok(page) => self.page.extend(page),
            // What the feed still has is told; what it has not shows as a gap.
            Err(EventsError::Stopped(_)) => {}
            Err(error) => tracing::warn!(%error, "events"),
        }
        if !self.behind {
            self.page.extend(self.ahead.take());
        }
    }
}
