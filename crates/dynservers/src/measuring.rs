//! Measuring: how much work there is for each type with sources, told to the loop for as long as it runs.

use std::convert::Infallible;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "demand")]
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(feature = "calendar")]
use dynservers_core::Time;
use dynservers_core::{Combine, Demand, TypeName, Window};
#[cfg(feature = "calendar")]
use dynservers_demand::calendar::{Slot, windows_at};
#[cfg(feature = "demand")]
use dynservers_demand::{MOST_SOURCES, Source, Sources, TooManySources};
use dynservers_host::{FleetClock, Handle};

use crate::errors::Mistake;

/// What a type was told of its work: where it is counted, and when other bounds hold.
#[derive(Clone, Default)]
pub(crate) struct Work {
    #[cfg(feature = "demand")]
    pub(crate) sources: Vec<(String, Arc<dyn Source>)>,
    #[cfg(feature = "calendar")]
    pub(crate) slots: Vec<Slot>,
}

impl fmt::Debug for Work {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut work = formatter.debug_struct("Work");
        #[cfg(feature = "demand")]
        work.field("sources", &self.sources.iter().map(|(name, _)| name).collect::<Vec<_>>());
        #[cfg(feature = "calendar")]
        work.field("slots", &self.slots);
        work.finish()
    }
}

impl Work {
    /// Whether nothing was said of it.
    #[cfg_attr(
        not(feature = "demand"),
        expect(clippy::unused_self, reason = "without sources there is none")
    )]
    pub(crate) fn is_empty(&self) -> bool {
        #[cfg(feature = "demand")]
        if !self.sources.is_empty() {
            return false;
        }
        #[cfg(feature = "calendar")]
        if !self.slots.is_empty() {
            return false;
        }
        true
    }

    /// Gives what tells which other bounds hold.
    #[cfg_attr(
        not(feature = "calendar"),
        expect(clippy::unused_self, reason = "without calendars there are none")
    )]
    pub(crate) fn calendar(&self, clock: &FleetClock) -> Calendar {
        let _ = clock;
        Calendar {
            #[cfg(feature = "calendar")]
            slots: self.slots.clone().into(),
            #[cfg(feature = "calendar")]
            clock: clock.clone(),
        }
    }

    /// Gives what measures it, if there are sources.
    #[cfg(feature = "demand")]
    pub(crate) fn gauge(self, server_type: &TypeName, calendar: Calendar) -> Result<Option<Gauge>, Mistake> {
        if self.sources.is_empty() {
            return Ok(None);
        }
        let sources = Sources::new(server_type.clone(), self.sources);
        let sources = sources.map_err(|TooManySources { server_type, found }| Mistake::TooManySources {
            server_type,
            found,
            most: MOST_SOURCES,
        })?;
        let measure = move || {
            let mut demand = sources.measure();
            demand.windows = calendar.windows();
            demand
        };
        Ok(Some((server_type.clone(), Box::new(measure))))
    }

    /// Gives nothing: there are no sources.
    #[cfg(not(feature = "demand"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with sources it needs both")]
    pub(crate) fn gauge(self, _: &TypeName, _: Calendar) -> Result<Option<Gauge>, Mistake> {
        Ok(None)
    }
}

/// Tells which other bounds hold now, by the fleet's clock.
#[derive(Clone)]
pub(crate) struct Calendar {
    #[cfg(feature = "calendar")]
    slots: Arc<[Slot]>,
    #[cfg(feature = "calendar")]
    clock: FleetClock,
}

impl fmt::Debug for Calendar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Calendar").finish_non_exhaustive()
    }
}

impl Calendar {
    #[cfg(feature = "calendar")]
    pub(crate) fn windows(&self) -> Vec<Window> {
        let now: Time = self.clock.now();
        windows_at(&self.slots, now)
    }

    #[cfg(not(feature = "calendar"))]
    #[expect(clippy::unused_self, reason = "with calendars it needs it")]
    pub(crate) const fn windows(&self) -> Vec<Window> {
        Vec::new()
    }
}

/// A type, and what measures its work, which blocks.
pub(crate) type Gauge = (TypeName, Box<dyn Fn() -> Demand + Send>);

/// All types whose work is measured, and how often.
#[derive(Default)]
pub(crate) struct Gauges {
    pub(crate) interval: Duration,
    pub(crate) gauges: Vec<Gauge>,
}

/// Those who measure for a loop, each on a thread of its own, until this is dropped. One that waits for a source then ends
/// when that has answered or its time is over.
#[derive(Debug, Default)]
pub(crate) struct Measuring {
    /// Nothing is ever sent: that they are gone is the news.
    _loop_runs: Vec<Sender<Infallible>>,
}

impl Measuring {
    /// Begins to measure: at once, and then at every interval.
    pub(crate) fn begin(handle: &Handle, Gauges { interval, gauges }: Gauges) -> Self {
        let mut loop_runs = Vec::new();
        for gauge in gauges {
            let (runs, ended) = channel();
            let handle = handle.clone();
            let measuring = thread::Builder::new().name("dynservers-demand".to_owned());
            match measuring.spawn(move || measure(&gauge, interval, &handle, &ended)) {
                Ok(_) => loop_runs.push(runs),
                Err(error) => {
                    tracing::error!(%error, "the work of a type gets no thread, and is not measured");
                }
            }
        }
        Self { _loop_runs: loop_runs }
    }
}

fn measure(
    (server_type, measure): &Gauge,
    interval: Duration,
    handle: &Handle,
    ended: &Receiver<Infallible>,
) {
    loop {
        let begun = Instant::now();
        // What it panicked with may hold anything, and is not repeated.
        let demand = catch_unwind(AssertUnwindSafe(measure))
            .unwrap_or_else(|_| Demand::unknown(server_type.clone(), "sources", "measuring panicked"));
        let (work, unknown) = (demand.signal(Combine::Sum).work(), demand.reason());
        tracing::debug!(r#type = %server_type, work, unknown, "demand");
        if dynservers_host::wait(handle.demand(demand)).is_err() {
            return;
        }
        // After sources that took long the next measurement is a whole interval later, not at once.
        let left = interval.checked_sub(begun.elapsed()).unwrap_or(interval);
        match ended.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
