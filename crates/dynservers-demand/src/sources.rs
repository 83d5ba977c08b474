//! All sources of one server type, measured at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use dynservers_core::{Demand, Reading, Time, Told, TypeName};
use thiserror::Error;

use crate::signal::{Signal, Source, Unknown};

/// The most sources of one type, which bounds the threads.
pub const MOST_SOURCES: usize = 16;
/// How much longer than its own timeout a source is waited for: a killed program must be gone first.
const SLACK: Duration = Duration::from_secs(7);

/// The sources of one server type.
pub struct Sources {
    server_type: TypeName,
    slots: Vec<Slot>,
}

struct Slot {
    name: String,
    source: Arc<dyn Source>,
    /// Whether a measurement is under way still: a source that hangs holds one thread and not one more each time.
    busy: Arc<AtomicBool>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.slots.iter().map(|slot| &slot.name).collect();
        formatter.debug_struct("Sources").field("type", &self.server_type).field("sources", &names).finish()
    }
}

/// A type has more sources than there can be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("type {server_type} has {found} sources, and there can be {MOST_SOURCES}")]
pub struct TooManySources {
    /// The type.
    pub server_type: TypeName,
    /// How many it has.
    pub found: usize,
}

impl Sources {
    /// Makes the sources of a type, each with a name for people. A name that is there already gets a number.
    pub fn new(
        server_type: TypeName,
        sources: Vec<(String, Arc<dyn Source>)>,
    ) -> Result<Self, TooManySources> {
        if sources.len() > MOST_SOURCES {
            return Err(TooManySources { server_type, found: sources.len() });
        }
        let mut slots: Vec<Slot> = Vec::new();
        for (name, source) in sources {
            let is_free = |wanted: &String| slots.iter().all(|slot| slot.name != *wanted);
            let numbered = (2..).map(|number| format!("{name} {number}"));
            let name = std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or_default();
            slots.push(Slot { name, source, busy: Arc::new(AtomicBool::new(false)) });
        }
        Ok(Self { server_type, slots })
    }

    /// Measures all sources at once, and blocks until each has answered or its time is over.
    ///
    /// No window of any calendar is open in what it gives: those are for the host to add.
    #[must_use]
    pub fn measure(&self) -> Demand {
        let told = |result| match result {
            Ok(signal) => Told::Known(signal),
            // Since when is for the machine to say.
            Err(Unknown { reason }) => Told::Unknown { reason, since: Time::ZERO },
        };
        let reading = |(name, result): (&str, _)| Reading { source: name.to_owned(), told: told(result) };
        let readings = self.measure_each().into_iter().map(reading).collect();
        Demand { server_type: self.server_type.clone(), readings, windows: Vec::new() }
    }

    /// Measures all sources at once, and gives what each said, in their order.
    #[must_use]
    pub fn measure_each(&self) -> Vec<(&str, Result<Signal, Unknown>)> {
        let begun = Instant::now();
        let answers: Vec<_> = self.slots.iter().map(|slot| (slot, slot.begin())).collect();
        let finish = |slot: &Slot, answer: Result<Receiver<Result<Signal, Unknown>>, Unknown>| {
            let left = (slot.source.timeout() + SLACK).saturating_sub(begun.elapsed());
            answer?.recv_timeout(left).unwrap_or_else(|error| {
                Err(Unknown::new(match error {
                    RecvTimeoutError::Timeout => "it did not answer in time",
                    // What it panicked with is not repeated, since that may hold anything.
                    RecvTimeoutError::Disconnected => "it panicked",
                }))
            })
        };
        answers.into_iter().map(|(slot, answer)| (slot.name.as_str(), finish(slot, answer))).collect()
    }
}

/// Says that a measurement is over, however it ends.
struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Slot {
    fn begin(&self) -> Result<Receiver<Result<Signal, Unknown>>, Unknown> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(Unknown::new("it has not answered since it was asked before"));
        }
        let busy = Busy(Arc::clone(&self.busy));
        let source = Arc::clone(&self.source);
        let (sender, receiver) = channel();
        std::thread::Builder::new()
            .name(format!("source {}", self.name))
            .spawn(move || {
                let result = source.measure();
                drop(busy);
                // Nobody waits any more where it took too long.
                let _ = sender.send(result);
            })
            .map_err(|error| Unknown::new(format!("no thread can be started: {error}")))?;
        Ok(receiver)
    }
}
