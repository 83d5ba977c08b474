//! The clock: the fleet's own time, which only ever grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use dynservers_core::Time;
use tokio::time::Instant;

/// Tells the fleet's time: the larger of the wall clock at its making and the last stored moment, and from then on
/// what a monotonic clock adds.
///
/// Clones tell the same time. A loop and its executors share one, since an executor compares an effect's
/// [`not_after`](dynservers_core::Effect::not_after) with the time in which the loop's machine wrote it.
#[derive(Clone, Debug)]
pub struct FleetClock {
    origin: Instant,
    base_millis: Arc<AtomicU64>,
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
        Self { origin: Instant::now(), base_millis: Arc::new(AtomicU64::new(start.as_millis())) }
    }

    /// Gives the present.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::from_millis(self.base_millis.load(Ordering::Acquire)) + self.origin.elapsed()
    }

    /// Moves the clock forward to `floor` if it is behind, for every clone of it. It is never moved back.
    ///
    /// A loop calls this with the last stored moment before its machine is made.
    pub fn raise(&self, floor: Time) {
        let elapsed = self.origin.elapsed().as_millis();
        let base = floor.as_millis().saturating_sub(u64::try_from(elapsed).unwrap_or(u64::MAX));
        self.base_millis.fetch_max(base, Ordering::AcqRel);
    }

    /// Gives the instant at which the clock will tell `time`: now, if that has passed.
    pub(crate) fn instant(&self, time: Time) -> Instant {
        let now = Instant::now();
        // A moment beyond what an instant can hold is as good as a year away: whoever waits for it asks again.
        now.checked_add(time.since(self.now())).unwrap_or(now + std::time::Duration::from_secs(31_536_000))
    }
}

impl Default for FleetClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives the wall clock in milliseconds since 1970; 0 if it stands before.
pub(crate) fn wall_millis() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_follows_the_monotonic_clock_and_is_never_moved_back() {
        let clock = FleetClock::starting_at(Time::from_millis(1000));
        let clone = clock.clone();
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(clock.now(), Time::from_millis(1500));
        clock.raise(Time::from_millis(1200));
        assert_eq!(clone.now(), Time::from_millis(1500));
        clock.raise(Time::from_millis(9000));
        assert_eq!(clone.now(), Time::from_millis(9000));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(clone.now(), Time::from_millis(9001));
    }

    #[tokio::test(start_paused = true)]
    async fn it_knows_when_a_moment_comes() {
        let clock = FleetClock::starting_at(Time::from_millis(1000));
        assert_eq!(clock.instant(Time::from_millis(1250)), Instant::now() + Duration::from_millis(250));
        assert_eq!(clock.instant(Time::ZERO), Instant::now());
        assert!(clock.instant(Time::from_millis(u64::MAX)) > Instant::now());
    }
}
