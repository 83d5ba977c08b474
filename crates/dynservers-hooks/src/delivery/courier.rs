//! The courier: threads that read the log, deliver what hooks want of it, and keep their cursors.

use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dynservers_core::{Event, EventId, Failure, FleetName, Time};
use thiserror::Error;

use super::cursor::CursorFile;
use super::hook::Hook;
use super::lanes::{Delivery, Lanes, Limits, Undelivered};

/// The most hooks of one courier, which bounds its threads: each hook has one, and one for each delivery under way.
pub const MOST_HOOKS: usize = 32;
/// How often a cursor is written at most.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How long to wait before the log is read again that could not be.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// How many events are read at once.
const READ_AT_ONCE: usize = 200;

/// The fleet's log, as the courier reads it; called by one thread at a time, and may block.
pub trait Log: Send {
    /// Gives the number of the last event, zero if there is none.
    fn end(&mut self) -> Result<EventId, Failure>;

    /// Gives at most `limit` events that are later than `after`, oldest first.
    fn events(&mut self, after: EventId, limit: usize) -> Result<Vec<Event>, Failure>;
}

/// Something to be logged about a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// The hook.
    pub hook: String,
    /// What happened.
    pub what: What,
}

/// What happened to a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// An event was delivered.
    Delivered {
        /// Which.
        event: EventId,
        /// How many attempts it took.
        attempts: u32,
    },
    /// An attempt failed, and there may be another.
    Failed {
        /// Which event.
        event: EventId,
        /// Which attempt, from one.
        attempt: u32,
        /// What went wrong.
        failure: Failure,
    },
    /// An event was given up: its receiver never gets it.
    GaveUp {
        /// Which.
        event: EventId,
        /// How many attempts were made.
        attempts: u32,
        /// What went wrong last.
        failure: Failure,
    },
    /// The cursor could not be used, so delivery begins at the present end of the log.
    Reset {
        /// The end.
        end: EventId,
        /// What was wrong with it.
        reason: String,
    },
    /// The log could not be read; it is tried again.
    Unread {
        /// What went wrong.
        failure: Failure,
    },
    /// The cursor could not be written: after a crash now, events are delivered once more.
    Unsaved {
        /// What went wrong.
        failure: Failure,
    },
}

/// Why a courier does not start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CourierError {
    /// There are too many hooks.
    #[error("there are {0} hooks, and there can be {MOST_HOOKS}")]
    TooMany(usize),
    /// Two hooks have the same name.
    #[error("two hooks are called {0:?}: each needs a name of its own")]
    Twice(String),
    /// The log cannot be read.
    #[error("the events cannot be read: {0}")]
    Log(Failure),
    /// The system does not let it start.
    #[error("the hooks cannot be started: {0}")]
    System(String),
}

/// Delivers events to hooks until it is stopped or dropped.
///
/// Each event after a hook's cursor is delivered at least once, in order for each server. A hook without a cursor begins at
/// the present end of the log. The cursors are files in `directory`, made with mode 0700 if it is missing.
#[derive(Debug)]
pub struct Courier {
    bell: Bell,
    threads: Vec<JoinHandle<()>>,
}

/// Tells a courier that there are new events; cheap to clone, to ring, and to ring too often.
#[derive(Clone, Debug)]
pub struct Bell(Arc<[Line]>);

#[derive(Debug)]
struct Line {
    /// Whether a ring is in the channel already: so it holds one at most.
    rung: Arc<AtomicBool>,
    sender: Sender<Message>,
}

impl Bell {
    /// Says that there are new events. Never blocks.
    pub fn ring(&self) {
        for line in self.0.iter() {
            if !line.rung.swap(true, Ordering::AcqRel) {
                // Only a hook that has ended does not listen.
                let _ = line.sender.send(Message::Rung);
            }
        }
    }
}

enum Message {
    Rung,
    Done(EventId, u32, Result<(), Undelivered>),
    Stop(Duration),
    Finish(Duration),
}

impl Courier {
    /// Starts to deliver. `tell` is called by several threads, and should be quick.
    pub fn start(
        fleet: &FleetName,
        hooks: Vec<Hook>,
        limits: Limits,
        directory: &Path,
        mut log: impl Log + 'static,
        tell: impl Fn(Told) + Send + Sync + 'static,
    ) -> Result<Self, CourierError> {
        if hooks.len() > MOST_HOOKS {
            return Err(CourierError::TooMany(hooks.len()));
        }
        for (index, hook) in hooks.iter().enumerate() {
            if hooks[..index].iter().any(|other| other.name == hook.name) {
                return Err(CourierError::Twice(hook.name.clone()));
            }
        }
        let system = |error: std::io::Error| CourierError::System(error.to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(system)?;
        // Read now and not later: whatever happens from here on is delivered.
        let end = log.end().map_err(CourierError::Log)?;
        let log: Arc<Mutex<dyn Log>> = Arc::new(Mutex::new(log));
        let tell: Arc<dyn Fn(Told) + Send + Sync> = Arc::new(tell);
        let (mut lines, mut keepers) = (Vec::new(), Vec::new());
        for hook in hooks {
            let (sender, receiver) = channel();
            let file = CursorFile::new(directory, &hook.name);
            let rung = Arc::new(AtomicBool::new(false));
            lines.push(Line { rung: Arc::clone(&rung), sender: sender.clone() });
            let hook = Arc::new(hook);
            let cursor = begin(&file, end, &hook, tell.as_ref()).map_err(system)?;
            keepers.push(Keeper {
                lanes: Lanes::new(cursor, hook.events.clone(), limits),
                saved: cursor,
                fleet: fleet.clone(),
                origin: Instant::now(),
                last_save: None,
                read_at: Some(Instant::now()),
                stop_at: None,
                finishing: false,
                log: Arc::clone(&log),
                tell: Arc::clone(&tell),
                hook,
                file,
                rung,
                sender,
                receiver,
            });
        }
        let mut courier = Self { bell: Bell(lines.into()), threads: Vec::new() };
        for mut keeper in keepers {
            let name = format!("hook {}", keeper.hook.name);
            let thread = std::thread::Builder::new().name(name).spawn(move || keeper.run());
            courier.threads.push(thread.map_err(system)?);
        }
        Ok(courier)
    }

    /// Gives what is rung when there are new events.
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Begins nothing more, waits at most `grace` for what is under way, and saves the cursors.
    ///
    /// What is under way then is left to end by itself within its timeout; it is delivered again by the next courier.
    pub fn stop(mut self, grace: Duration) {
        self.end(grace);
    }

    /// Delivers what is in the log by now, for at most `grace`, and saves the cursors: for those who end with their work.
    ///
    /// What is not delivered by then is delivered by the next courier. The log must be readable until this returns.
    pub fn finish(mut self, grace: Duration) {
        self.leave(|| Message::Finish(grace));
    }

    fn end(&mut self, grace: Duration) {
        self.leave(|| Message::Stop(grace));
    }

    fn leave(&mut self, message: impl Fn() -> Message) {
        for line in self.bell.0.iter() {
            let _ = line.sender.send(message());
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// Finds where to begin, and writes it down: what happens after a first start is not forgotten by a second.
fn begin(
    file: &CursorFile,
    end: EventId,
    hook: &Hook,
    tell: &(dyn Fn(Told) + Send + Sync),
) -> std::io::Result<EventId> {
    let reason = match file.read() {
        Ok(Some(cursor)) if cursor <= end => return Ok(cursor),
        Ok(Some(cursor)) => {
            Some(format!("its cursor {cursor} is beyond the end of the log, which was restored"))
        }
        Ok(None) => None,
        Err(error) => Some(format!("its cursor cannot be read: {error}")),
    };
    file.write(end)?;
    if let Some(reason) = reason {
        tell(Told { hook: hook.name.clone(), what: What::Reset { end, reason } });
    }
    Ok(end)
}

/// What one hook's thread holds.
struct Keeper {
    hook: Arc<Hook>,
    fleet: FleetName,
    lanes: Lanes,
    file: CursorFile,
    saved: EventId,
    last_save: Option<Instant>,
    origin: Instant,
    /// When the log is to be read; none means when the bell rings.
    read_at: Option<Instant>,
    stop_at: Option<Instant>,
    /// Whether what is in the log is still delivered until then.
    finishing: bool,
    log: Arc<Mutex<dyn Log>>,
    tell: Arc<dyn Fn(Told) + Send + Sync>,
    rung: Arc<AtomicBool>,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keeper").field("hook", &self.hook.name).finish_non_exhaustive()
    }
}

impl Keeper {
    fn run(&mut self) {
        loop {
            self.lanes.handle_timeout(self.now());
            if self.stop_at.is_none() || self.finishing {
                self.read();
                while let Some(delivery) = self.lanes.poll_delivery(self.now()) {
                    self.begin(delivery);
                }
            }
            while let Some(dropped) = self.lanes.poll_dropped() {
                let (event, attempts) = (dropped.event.id, dropped.attempts);
                self.tell(What::GaveUp { event, attempts, failure: dropped.failure });
            }
            let over = self.stop_at.is_some_and(|at| self.nothing_is_left() || at <= Instant::now());
            self.save(over);
            if over {
                return;
            }
            let message = match self.wait() {
                Some(wait) => self.receiver.recv_timeout(wait),
                None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {}
                // Not while this thread has a sender of its own.
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Rung => {
                // Before the log is read, so that what comes after that rings again.
                self.rung.store(false, Ordering::Release);
                self.read_at = Some(Instant::now());
            }
            Message::Done(event, attempt, result) => {
                self.tell(match &result {
                    Ok(()) => What::Delivered { event, attempts: attempt },
                    Err(Undelivered::Retry(failure) | Undelivered::Refused(failure)) => {
                        What::Failed { event, attempt, failure: failure.clone() }
                    }
                });
                self.lanes.handle_done(event, result, self.now());
            }
            Message::Stop(grace) => self.stop_at = Some(Instant::now() + grace),
            Message::Finish(grace) => {
                self.finishing = true;
                self.read_at = Some(Instant::now());
                self.stop_at = Some(Instant::now() + grace);
            }
        }
    }

    /// Whether nothing stands in the way of an end that was asked for.
    fn nothing_is_left(&self) -> bool {
        if self.finishing {
            return self.read_at.is_none() && self.lanes.cursor() == self.lanes.taken();
        }
        self.lanes.under_way() == 0
    }

    /// Reads the log until its end, or until there is no room.
    fn read(&mut self) {
        while self.read_at.is_some_and(|at| at <= Instant::now()) && self.lanes.room() > 0 {
            let limit = self.lanes.room().min(READ_AT_ONCE);
            let read = {
                let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
                log.events(self.lanes.taken(), limit)
            };
            match read {
                Ok(events) if events.is_empty() => self.read_at = None,
                Ok(events) => events.into_iter().for_each(|event| self.lanes.handle_event(event)),
                Err(failure) => {
                    self.read_at = Some(Instant::now() + READ_AGAIN);
                    self.tell(What::Unread { failure });
                }
            }
        }
    }

    fn begin(&mut self, delivery: Delivery) {
        let (hook, fleet, sender) = (Arc::clone(&self.hook), self.fleet.clone(), self.sender.clone());
        let (id, attempt) = (delivery.event.id, delivery.attempt);
        let spawned = std::thread::Builder::new().name(format!("hook {} {id}", hook.name)).spawn(move || {
            // Else the event would count as under way for ever, and those after it would wait.
            let result = catch_unwind(AssertUnwindSafe(|| hook.deliver(&fleet, &delivery.event)));
            let result = result.unwrap_or_else(|_| {
                Err(Undelivered::Retry(Failure::new("the delivery panicked: this is a fault of dynservers")))
            });
            // Nobody listens after a stop: it is delivered again then.
            let _ = sender.send(Message::Done(id, attempt, result));
        });
        if let Err(error) = spawned {
            let failure = Failure::new(format!("no thread can be started: {error}"));
            self.handle(Message::Done(id, attempt, Err(Undelivered::Retry(failure))));
        }
    }

    /// Writes the cursor if it has moved, and not too often but at the end.
    fn save(&mut self, at_once: bool) {
        let cursor = self.lanes.cursor();
        let due = self.last_save.is_none_or(|last| last.elapsed() >= SAVE_EVERY);
        if cursor == self.saved || !(due || at_once) {
            return;
        }
        self.last_save = Some(Instant::now());
        match self.file.write(cursor) {
            Ok(()) => self.saved = cursor,
            Err(error) => self.tell(What::Unsaved { failure: Failure::new(error.to_string()) }),
        }
    }

    /// Gives how long nothing is to be done.
    fn wait(&self) -> Option<Duration> {
        let lanes = self.lanes.poll_timeout().map(|at| at.since(self.now()));
        let save = (self.lanes.cursor() != self.saved)
            .then(|| self.last_save.map_or(Duration::ZERO, |last| SAVE_EVERY.saturating_sub(last.elapsed())));
        let until = |at: Instant| at.saturating_duration_since(Instant::now());
        let read = self.read_at.filter(|_| self.lanes.room() > 0).map(until);
        let stop = self.stop_at.map(until);
        let goes_on = stop.is_none() || self.finishing;
        [lanes.filter(|_| goes_on), save, read.filter(|_| goes_on), stop].into_iter().flatten().min()
    }

    fn now(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    fn tell(&self, what: What) {
        (self.tell)(Told { hook: self.hook.name.clone(), what });
    }
}
