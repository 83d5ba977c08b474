//! The feed: events for everybody who listens, the latest of them kept for those who are slower.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dynservers_core::{Event, EventId};
use event_listener::Event as Bell;
use thiserror::Error;

/// The most events that a feed may keep.
const MOST_KEPT: usize = 1 << 16;

/// Why a [`Receiver`] has no event to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecvError {
    /// The receiver was too slow and lost so many events; it goes on with the oldest that is kept.
    #[error("{0} events were lost, since they were not read in time")]
    Lagged(u64),
    /// The loop has ended, and everything that it told was read.
    #[error("the fleet's loop has ended")]
    Closed,
}

/// Tells events to any number of [`Receiver`]s, none of which can hold it up.
#[derive(Clone, Debug)]
pub struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    most: usize,
    bell: Bell,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Event>,
    /// How many were told before the first that is kept.
    before: u64,
    /// The last event of the log, if that is known.
    last: Option<EventId>,
    closed: bool,
}

impl Feed {
    /// Makes a feed that keeps the latest `most` events, within 1 and 65,536.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = most.clamp(1, MOST_KEPT);
        Self(Arc::new(Shared { kept: Mutex::default(), most, bell: Bell::new() }))
    }

    /// Says where the log stands before anything is told.
    pub(crate) fn continue_after(&self, last: EventId) {
        self.0.kept().last = Some(last);
    }

    /// Tells an event.
    pub fn send(&self, event: Event) {
        let mut kept = self.0.kept();
        if kept.events.len() == self.0.most {
            kept.events.pop_front();
            kept.before += 1;
        }
        kept.last = Some(event.id);
        kept.events.push_back(event);
        drop(kept);
        self.0.bell.notify(usize::MAX);
    }

    /// Tells that there will be no more.
    pub fn close(&self) {
        self.0.kept().closed = true;
        self.0.bell.notify(usize::MAX);
    }

    /// Listens from now on.
    #[must_use]
    pub fn subscribe(&self) -> Receiver {
        let kept = self.0.kept();
        let position = kept.before + kept.events.len() as u64;
        let begins_after = kept.last;
        drop(kept);
        Receiver { shared: Arc::clone(&self.0), position, begins_after }
    }
}

impl Shared {
    /// Whoever panicked while it was locked left it whole enough: an event more or less is told by its number.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens to a [`Feed`], at its own pace.
#[derive(Clone, Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
    position: u64,
    begins_after: Option<EventId>,
}

impl Receiver {
    /// Gives the last event before those that this receiver hears, if that is known.
    #[must_use]
    pub const fn begins_after(&self) -> Option<EventId> {
        self.begins_after
    }

    /// Gives the last event of the log as far as it was told, heard by this receiver or not.
    #[must_use]
    pub fn last(&self) -> Option<EventId> {
        self.shared.kept().last
    }

    /// Waits for the next event. Cancel safe.
    pub async fn recv(&mut self) -> Result<Event, RecvError> {
        loop {
            let rung = self.shared.bell.listen();
            if let Some(result) = self.try_recv() {
                return result;
            }
            rung.await;
        }
    }

    /// Gives the next event, or why there will be none, if that is known now.
    pub fn try_recv(&mut self) -> Option<Result<Event, RecvError>> {
        let kept = self.shared.kept();
        if let Some(missed) = kept.before.checked_sub(self.position).filter(|missed| *missed > 0) {
            self.position = kept.before;
            return Some(Err(RecvError::Lagged(missed)));
        }
        let at = usize::try_from(self.position - kept.before).ok()?;
        match kept.events.get(at) {
            Some(event) => {
                self.position += 1;
                Some(Ok(event.clone()))
            }
            None => kept.closed.then_some(Err(RecvError::Closed)),
        }
    }
}
