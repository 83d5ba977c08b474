//! The clock: the fleet's own time, which only ever grows.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dynservers_core::Time;

/// The longest wait that is told: whoever waits for longer asks again.
const LONGEST_WAIT: Duration = Duration::from_secs(31_536_000);

/// Tells the fleet's time: the larger of the wall clock at its making and the last stored moment, and from then on
/// what a monotonic clock adds.
///
/// Clones tell the same time. A loop and its executors share one, since an executor compares an effect's
/// [`not_after`](dynservers_core::Effect::not_after) with the time in which the loop's machine wrote it.
#[derive(Clone)]
pub struct FleetClock {
    elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
    base_millis: Arc<AtomicU64>,
}

impl fmt::Debug for FleetClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("FleetClock").field(&self.now()).finish()
    }
}

impl FleetClock {
    /// Makes a clock that starts at the wall clock, which is read here and never again.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(Time::from_millis(wall_millis()))
    }

    /// Makes a clock that starts at a moment.
    #[must_use]
    pub fn starting_at(start: Time) -> Self {
        let origin = Instant::now();
        Self::ticking_by(start, move || origin.elapsed())
    }

    /// Makes a clock that starts at a moment and goes on by what `elapsed` gives, which must never become less: a
    /// runtime's own monotonic clock, or one that a test moves.
    #[must_use]
    pub fn ticking_by(start: Time, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { elapsed: Arc::new(elapsed), base_millis: Arc::new(AtomicU64::new(start.as_millis())) }
    }

    /// Gives the present.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::from_millis(self.base_millis.load(Ordering::Acquire)) + (self.elapsed)()
    }

    /// Moves the clock forward to `floor` if it is behind, for every clone of it. It is never moved back.
    ///
    /// A loop calls this with the last stored moment before its machine is made.
    pub fn raise(&self, floor: Time) {
        let elapsed = u64::try_from((self.elapsed)().as_millis()).unwrap_or(u64::MAX);
        self.base_millis.fetch_max(floor.as_millis().saturating_sub(elapsed), Ordering::AcqRel);
    }

    /// Gives how long it is until a moment: nothing if that has passed, and a year at most.
    #[must_use]
    pub fn until(&self, time: Time) -> Duration {
        time.since(self.now()).min(LONGEST_WAIT)
    }
}

impl Default for FleetClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives the wall clock in milliseconds since 1970; 0 if it stands before.
#[must_use]
pub fn wall_millis() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(start: u64) -> (FleetClock, impl Fn(u64)) {
        let ticks = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&ticks);
        let clock = FleetClock::ticking_by(Time::from_millis(start), move || {
            Duration::from_millis(read.load(Ordering::Relaxed))
        });
        let advance = move |millis| {
            ticks.fetch_add(millis, Ordering::Relaxed);
        };
        (clock, advance)
    }

    #[test]
    fn it_follows_the_monotonic_clock_and_is_never_moved_back() {
        let (clock, advance) = clock(1000);
        let clone = clock.clone();
        advance(500);
        assert_eq!(clock.now(), Time::from_millis(1500));
        clock.raise(Time::from_millis(1200));
        assert_eq!(clone.now(), Time::from_millis(1500));
        clock.raise(Time::from_millis(9000));
        assert_eq!(clone.now(), Time::from_millis(9000));
        advance(1);
        assert_eq!(clone.now(), Time::from_millis(9001));
    }

    #[test]
    fn it_knows_how_long_it_is_until_a_moment() {
        let (clock, _) = clock(1000);
        assert_eq!(clock.until(Time::from_millis(1250)), Duration::from_millis(250));
        assert_eq!(clock.until(Time::ZERO), Duration::ZERO);
        assert_eq!(clock.until(Time::from_millis(u64::MAX)), LONGEST_WAIT);
    }
}
