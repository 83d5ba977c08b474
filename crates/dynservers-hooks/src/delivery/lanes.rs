//! Lanes: which event is delivered next, so that each server's arrive in order and none is lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{Event, EventId, EventKind, Failure, ServerId, Time};

/// The wait after a first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Which events are delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(BTreeSet<String>);

impl Filter {
    /// Makes a filter that lets events with these names pass; none means all.
    #[must_use]
    pub const fn new(names: BTreeSet<String>) -> Self {
        Self(names)
    }

    /// Whether an event passes.
    #[must_use]
    pub fn wants(&self, kind: &EventKind) -> bool {
        self.0.is_empty() || self.0.contains(kind.name())
    }
}

/// The bounds of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most deliveries under way.
    pub concurrency: usize,
    /// The most events that are held; beyond it no more are taken from the log.
    pub window: usize,
    /// How long an event is tried, from its first attempt in this process, before it is given up.
    pub give_up_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrency: 4, window: 1000, give_up_after: Duration::from_secs(24 * 3600) }
    }
}

/// One attempt to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What is delivered.
    pub event: Arc<Event>,
    /// Which attempt it is, from one.
    pub attempt: u32,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It is worth another attempt.
    Retry(Failure),
    /// The receiver says that it never wants it.
    Refused(Failure),
}

/// An event that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The event.
    pub event: Arc<Event>,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub failure: Failure,
}

/// The events on their way to one receiver: pure, driven by [`Courier`](super::Courier) or anything else.
///
/// Events go in by [`handle_event`](Self::handle_event) in the order of the log, attempts come out of
/// [`poll_delivery`](Self::poll_delivery), and each is answered by [`handle_done`](Self::handle_done). An event is begun only
/// after the one before of the same server is delivered or given up; events about no server share a lane.
#[derive(Clone, Debug)]
pub struct Lanes {
    filter: Filter,
    limits: Limits,
    taken: EventId,
    held: BTreeMap<EventId, Held>,
    queues: BTreeMap<Option<ServerId>, VecDeque<EventId>>,
    ready: BTreeSet<EventId>,
    waiting: BTreeSet<(Time, EventId)>,
    under_way: BTreeSet<EventId>,
    dropped: VecDeque<Dropped>,
}

#[derive(Clone, Debug)]
struct Held {
    event: Arc<Event>,
    lane: Option<ServerId>,
    attempts: u32,
    first_tried: Option<Time>,
}

impl Lanes {
    /// Begins after an event: everything up to it counts as delivered.
    #[must_use]
    pub const fn new(cursor: EventId, filter: Filter, limits: Limits) -> Self {
        Self {
            filter,
            limits,
            taken: cursor,
            held: BTreeMap::new(),
            queues: BTreeMap::new(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            under_way: BTreeSet::new(),
            dropped: VecDeque::new(),
        }
    }

    /// Takes the next event of the log. One that was taken before is passed over.
    ///
    /// No more than [`room`](Self::room) should be given at once.
    pub fn handle_event(&mut self, event: Event) {
        let id = event.id;
        if id <= self.taken {
            return;
        }
        self.taken = id;
        if !self.filter.wants(&event.kind) {
            return;
        }
        let lane = lane(&event.kind);
        let queue = self.queues.entry(lane).or_default();
        if queue.is_empty() {
            self.ready.insert(id);
        }
        queue.push_back(id);
        self.held.insert(id, Held { event: Arc::new(event), lane, attempts: 0, first_tried: None });
    }

    /// Takes the end of an attempt. One that is not under way is passed over.
    pub fn handle_done(&mut self, id: EventId, result: Result<(), Undelivered>, now: Time) {
        if !self.under_way.remove(&id) {
            return;
        }
        let Some(held) = self.held.get(&id) else { return };
        match result {
            Ok(()) => self.leave(id),
            Err(Undelivered::Refused(failure)) => self.give_up(id, failure),
            Err(Undelivered::Retry(failure)) => {
                let first = held.first_tried.unwrap_or(now);
                if now.since(first) >= self.limits.give_up_after {
                    self.give_up(id, failure);
                } else {
                    let wait = wait_after(held.attempts);
                    self.waiting.insert((now + wait, id));
                }
            }
        }
    }

    /// Takes the time: what has waited long enough may be tried again.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(&(at, id)) = self.waiting.first() {
            if at > now {
                break;
            }
            self.waiting.pop_first();
            self.ready.insert(id);
        }
    }

    /// Gives an attempt to be made now, the oldest event first.
    ///
    /// There may be another after any `handle_*`.
    pub fn poll_delivery(&mut self, now: Time) -> Option<Delivery> {
        if self.under_way.len() >= self.limits.concurrency.max(1) {
            return None;
        }
        let id = self.ready.pop_first()?;
        let held = self.held.get_mut(&id)?;
        held.attempts = held.attempts.saturating_add(1);
        held.first_tried.get_or_insert(now);
        self.under_way.insert(id);
        Some(Delivery { event: Arc::clone(&held.event), attempt: held.attempts })
    }

    /// Gives an event that was given up, each once.
    pub fn poll_dropped(&mut self) -> Option<Dropped> {
        self.dropped.pop_front()
    }

    /// Gives when [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// Gives the highest event such that it and all before it are delivered, given up, or not wanted. Never goes back.
    #[must_use]
    pub fn cursor(&self) -> EventId {
        self.held.first_key_value().map_or(self.taken, |(id, _)| EventId(id.0.saturating_sub(1)))
    }

    /// Gives the last event that was taken: the log is read from here.
    #[must_use]
    pub const fn taken(&self) -> EventId {
        self.taken
    }

    /// Gives how many events may be taken.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limits.window.max(1).saturating_sub(self.held.len())
    }

    /// Gives how many attempts are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    fn give_up(&mut self, id: EventId, failure: Failure) {
        if let Some(held) = self.held.get(&id) {
            let (event, attempts) = (Arc::clone(&held.event), held.attempts);
            self.dropped.push_back(Dropped { event, attempts, failure });
        }
        self.leave(id);
    }

    /// Ends an event, and lets the next of its lane begin.
    fn leave(&mut self, id: EventId) {
        let Some(held) = self.held.remove(&id) else { return };
        let Some(queue) = self.queues.get_mut(&held.lane) else { return };
        queue.pop_front();
        match queue.front() {
            Some(&next) => {
                self.ready.insert(next);
            }
            None => {
                self.queues.remove(&held.lane);
            }
        }
    }
}

/// Gives the server that an event is about, whose events stay in order.
fn lane(kind: &EventKind) -> Option<ServerId> {
    match kind {
        EventKind::CreateRefused { server, .. } => Some(*server),
        other => other.server().map(|event| event.server),
    }
}

fn wait_after(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests;
