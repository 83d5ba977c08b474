//! Rounds: the least of several, since what others do on the machine can only make one longer.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How large and how often.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// The sizes of fleets, ascending.
    pub(crate) fleets: &'static [u32],
    /// The sizes of ledgers to restore.
    pub(crate) ledgers: &'static [u32],
    /// The sizes of batches to append.
    pub(crate) batches: &'static [u32],
    /// How many effects a runtime carries.
    pub(crate) effects: u32,
    /// How many servers are brought up by the whole loop.
    pub(crate) whole: u32,
    /// How many servers the calls are counted for.
    pub(crate) called: &'static [u32],
    /// How often each is done.
    pub(crate) rounds: u32,
}

impl Scale {
    /// What the budget speaks of.
    pub(crate) const FULL: Self = Self {
        fleets: &[10, 100, 1_000, 10_000, 100_000],
        ledgers: &[10_000, 100_000],
        batches: &[1, 100, 10_000],
        effects: 10_000,
        whole: 10_000,
        called: &[100, 1_000, 10_000],
        rounds: 5,
    };
    /// What is over in half a minute, to see that all of it works.
    pub(crate) const QUICK: Self = Self {
        fleets: &[10, 100, 1_000, 10_000],
        ledgers: &[1_000, 10_000],
        batches: &[1, 100, 1_000],
        effects: 2_000,
        whole: 1_000,
        called: &[100, 1_000],
        rounds: 3,
    };
}

/// Gives the least of several rounds.
pub(crate) fn least(rounds: u32, mut round: impl FnMut() -> Duration) -> Duration {
    (0..rounds.max(1)).map(|_| round()).min().unwrap_or_default()
}

/// Gives how long something takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let result = work();
    (begun.elapsed(), result)
}

/// Gives how long this thread is at work for something: what others do on the machine meanwhile does not count.
pub(crate) fn worked<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = processor_time();
    let result = work();
    (processor_time().saturating_sub(begun), result)
}

/// Gives how long this thread has been at work so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}
