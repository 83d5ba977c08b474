//! Metrics: what a loop has done so far and how long it took, counted where it happens.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dynservers_core::ProviderName;

/// The upper bounds of a histogram's buckets, in seconds; one more bucket takes what is beyond.
pub const BOUNDS: [f64; 14] =
    [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often something took how long.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram {
    /// How many fell into each bucket of [`BOUNDS`], and beyond the last.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// How long all of them took together.
    pub sum: Duration,
    /// How long the longest took.
    pub longest: Duration,
}

impl Histogram {
    /// Counts one.
    fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket] += 1;
        self.sum = self.sum.saturating_add(duration);
        self.longest = self.longest.max(duration);
    }

    /// Gives how many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// Which effects are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectKind {
    /// Where.
    pub provider: ProviderName,
    /// Which operation, by its short name.
    pub op: &'static str,
    /// What became of it, by its short name.
    pub outcome: &'static str,
}

/// Everything that a loop has counted since it started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// How long effects took, from being issued to their completion being there.
    pub effects: BTreeMap<EffectKind, Histogram>,
    /// How long the loop was busy between two waits: for so long, nothing that came was heard.
    pub turns: Histogram,
    /// How late the loop woke up, where the machine had named a moment.
    pub late: Histogram,
    /// How long batches took to be durable, once they were handed in.
    pub writes: Histogram,
}

/// The counters of one loop. Locked for a few additions at a time, by the loop and by whoever reads them.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Snapshot>);

impl Metrics {
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.change(|counted| counted.clone())
    }

    pub(crate) fn effect(
        &self,
        provider: &ProviderName,
        op: &'static str,
        outcome: &'static str,
        latency: Duration,
    ) {
        let kind = EffectKind { provider: provider.clone(), op, outcome };
        self.change(|counted| counted.effects.entry(kind).or_default().observe(latency));
    }

    pub(crate) fn turn(&self, busy: Duration) {
        self.change(|counted| counted.turns.observe(busy));
    }

    pub(crate) fn wakeup(&self, late: Duration) {
        self.change(|counted| counted.late.observe(late));
    }

    pub(crate) fn write(&self, took: Duration) {
        self.change(|counted| counted.writes.observe(took));
    }

    /// Counters stay right whoever panicked while they were locked: each is changed by one addition.
    fn change<T>(&self, change: impl FnOnce(&mut Snapshot) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_falls_into_the_first_bucket_that_holds_it() {
        let mut histogram = Histogram::default();
        for millis in [0, 1, 2, 60_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let filled: Vec<usize> =
            (0..histogram.buckets.len()).filter(|bucket| histogram.buckets[*bucket] > 0).collect();
        assert_eq!(filled, [0, 2, 3, BOUNDS.len()]);
        assert_eq!((histogram.count(), histogram.longest), (4, Duration::from_mins(1)));
        assert_eq!(histogram.sum, Duration::from_millis(60_003));
        assert!(BOUNDS.is_sorted());
    }

    #[test]
    fn effects_are_kept_apart_by_what_they_were_and_became() {
        let metrics = Metrics::default();
        let cloud = ProviderName::new("cloud").unwrap();
        metrics.effect(&cloud, "create", "created", Duration::from_secs(1));
        metrics.effect(&cloud, "create", "lost", Duration::from_secs(2));
        metrics.effect(&cloud, "create", "created", Duration::from_secs(3));
        let counted = metrics.snapshot().effects;
        let told: Vec<_> =
            counted.iter().map(|(kind, histogram)| (kind.outcome, histogram.count())).collect();
        assert_eq!(told, [("created", 2), ("lost", 1)]);
    }
}
