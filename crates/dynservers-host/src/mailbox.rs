//! The mailbox: all news for one loop, in the order in which it came, awaited by a thread or by any executor.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

use dynservers_core::{Answer, Completion, EffectId, Question, ServerId};
use event_listener::{Event, Listener as _};

use crate::desk::StoreEnd;
use crate::handle::{Message, Stopped};

/// One piece of news for a [`Driver`](crate::Driver). Opaque: it goes from the mailbox to the driver.
pub struct News(pub(crate) Kind);

impl fmt::Debug for News {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("News").finish_non_exhaustive()
    }
}

pub(crate) enum Kind {
    /// A job of the store's has ended.
    Stored(StoreEnd),
    /// What became of an effect.
    Completed(EffectId, Completion),
    /// What a worker answered.
    Answered(ServerId, Question, Answer),
    /// What became of the closure that determines the number of servers.
    Counted(u64, Result<(), String>),
    /// Somebody speaks to the machine.
    Message(Message),
    /// The end is wished for.
    Stop,
    /// Nothing but a reason to look up.
    Nudge,
}

/// Where news waits for a loop. How much there may be is bounded by those who send it: the machine bounds its effects
/// and questions, and whoever calls must have a seat.
#[derive(Default)]
pub struct Mailbox {
    state: Mutex<State>,
    arrived: Event,
}

#[derive(Default)]
struct State {
    news: VecDeque<Kind>,
    closed: bool,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Waits for the next piece of news. Cancel safe. To be called by the one loop that owns the driver.
    pub async fn next(&self) -> News {
        loop {
            // Listening begins before the look, so that what comes in between is not slept through.
            let arrival = self.arrived.listen();
            if let Some(news) = self.try_next() {
                return news;
            }
            arrival.await;
        }
    }

    /// Waits on this thread for the next piece of news, until `deadline` at most if there is one.
    pub fn next_until(&self, deadline: Option<Instant>) -> Option<News> {
        loop {
            let arrival = self.arrived.listen();
            if let Some(news) = self.try_next() {
                return Some(news);
            }
            match deadline {
                Some(deadline) => arrival.wait_deadline(deadline)?,
                None => arrival.wait(),
            }
        }
    }

    /// Gives the next piece of news if there is one.
    pub fn try_next(&self) -> Option<News> {
        self.state().news.pop_front().map(News)
    }

    /// Makes whoever waits for news look up.
    pub fn nudge(&self) {
        // A loop that has ended needs none.
        let _ = self.push(Kind::Nudge);
    }

    pub(crate) fn push(&self, news: Kind) -> Result<(), Stopped> {
        let mut state = self.state();
        if state.closed {
            drop(state);
            // What it holds may wake somebody: not under the lock.
            drop(news);
            return Err(Stopped);
        }
        state.news.push_back(news);
        drop(state);
        self.arrived.notify(1);
        Ok(())
    }

    /// Takes no more news, and lets go of what is there, so that nobody waits for an answer to it.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let left = std::mem::take(&mut state.news);
        drop(state);
        drop(left);
    }

    /// Whoever panicked while it was locked left it whole: each change is one push or pop.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever is woken by a mailbox's waker is the loop that waits at it.
impl Wake for Mailbox {
    fn wake(self: Arc<Self>) {
        self.nudge();
    }
}
