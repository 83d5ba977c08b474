//! The audience: closures that are told of every event, each on a thread of its own.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use dynservers_core::{Event, EventId};

use crate::events::Reading;
use crate::fleet::Inner;

/// A closure that is told of every event.
pub(crate) type Listener = Box<dyn FnMut(&Event) + Send>;

/// How long an end waits for those who have not heard all of it.
const PATIENCE: Duration = Duration::from_secs(10);

thread_local! {
    /// Whether this thread tells a listener: it cannot wait for itself.
    static TELLS: Cell<bool> = const { Cell::new(false) };
}

/// Those who listen to one fleet.
#[derive(Debug)]
pub(crate) struct Audience {
    /// How many there are.
    present: Arc<AtomicUsize>,
    /// Whoever leaves says so here.
    leave: async_channel::Sender<()>,
    left: async_channel::Receiver<()>,
    /// How far each of them is.
    heard: Mutex<Vec<Arc<AtomicU64>>>,
}

impl Default for Audience {
    fn default() -> Self {
        let (leave, left) = async_channel::bounded(1);
        Self { present: Arc::default(), leave, left, heard: Mutex::default() }
    }
}

impl Audience {
    /// Begins to tell every event to listeners, so that none can hold up the loop or another.
    pub(crate) fn tell(&self, inner: &Inner, listeners: Vec<Listener>) {
        for listener in listeners {
            let reading = inner.events(None);
            let heard = Arc::new(AtomicU64::new(0));
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&heard));
            self.present.fetch_add(1, Ordering::AcqRel);
            let place = Place { heard, present: Arc::clone(&self.present), leave: self.leave.clone() };
            let listening = thread::Builder::new().name("dynservers-events".to_owned());
            if let Err(error) = listening.spawn(move || listen(reading, listener, &place)) {
                tracing::error!(%error, "a listener gets no thread, and no events");
            }
        }
    }

    /// Waits until all of them have heard everything and left, within a bound. To be called when the loop has ended.
    pub(crate) async fn leaves(&self) {
        let is_empty = || self.present.load(Ordering::Acquire) == 0;
        if TELLS.get() || is_empty() {
            return;
        }
        let left = self.left.clone();
        let waiting = thread::Builder::new().name("dynservers-patience".to_owned());
        let patience = waiting.spawn(move || {
            thread::park_timeout(PATIENCE);
            left.close();
        });
        // Without a thread there is no bound, and so no wait.
        let Ok(patience) = patience else { return };
        while !is_empty() && self.left.recv().await.is_ok() {}
        patience.thread().unpark();
    }

    /// Waits on this thread until all of them have heard an event, within a bound.
    #[cfg(feature = "simulation")]
    pub(crate) fn catch_up(&self, last: Option<EventId>) {
        let Some(EventId(last)) = last.filter(|_| !TELLS.get()) else { return };
        let begun = std::time::Instant::now();
        let heard = || self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        while heard().iter().any(|heard| heard.load(Ordering::Acquire) < last) && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Where one of them is.
struct Place {
    heard: Arc<AtomicU64>,
    present: Arc<AtomicUsize>,
    leave: async_channel::Sender<()>,
}

impl Place {
    fn has_heard(&self, EventId(event): EventId) {
        self.heard.store(event, Ordering::Release);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.has_heard(EventId(u64::MAX));
        self.present.fetch_sub(1, Ordering::AcqRel);
        // If it is full, whoever waits will look all the same.
        let _ = self.leave.try_send(());
    }
}

fn listen(mut reading: Reading, mut listener: Listener, place: &Place) {
    TELLS.set(true);
    while let Some(told) = dynservers_host::wait(reading.next()) {
        match told {
            Ok(event) => {
                // What it panicked with may hold anything, and the next event may find it well again.
                if catch_unwind(AssertUnwindSafe(|| listener(&event))).is_err() {
                    tracing::error!(event = event.kind.name(), "a listener panicked");
                }
                place.has_heard(event.id);
            }
            Err(lagged) => tracing::warn!(missed = lagged.missed, "a listener was too slow"),
        }
    }
}
