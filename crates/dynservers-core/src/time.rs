//! The machine's clock: milliseconds that only ever grow.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::Add;
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment on the fleet's own clock, in milliseconds.
///
/// It starts at the larger of the wall clock and the last stored moment, and from then on follows a monotonic clock,
/// so that no step of the wall clock can expire a deadline. It is close to Unix time but is not to be signed with.
/// The last moment that there is, `u64::MAX`, is the same as the one before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(
    /// One more than the milliseconds: a moment that may be missing then takes no more room than one that may not, and a
    /// record has a dozen of them.
    NonZeroU64,
);

impl Time {
    /// The earliest moment.
    pub const ZERO: Self = Self(NonZeroU64::MIN);

    /// Makes a moment from milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        match NonZeroU64::new(millis.saturating_add(1)) {
            Some(more) => Self(more),
            None => Self::ZERO,
        }
    }

    /// Gives the milliseconds since [`Time::ZERO`].
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get() - 1
    }

    /// Gives the moment that is earlier by this, or the earliest one.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self::from_millis(self.as_millis().saturating_sub(millis(duration)))
    }

    /// Gives the time passed since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.as_millis().saturating_sub(earlier.as_millis()))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self::from_millis(self.as_millis().saturating_add(millis(duration)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Default for Time {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Time").field(&self.as_millis()).finish()
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_millis().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_millis)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}ms", self.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_kept_to_the_millisecond_and_written_as_a_number() {
        for millis in [0, 1, 1_700_000_000_000, u64::MAX - 1] {
            let time = Time::from_millis(millis);
            assert_eq!(time.as_millis(), millis);
            assert_eq!(serde_json::to_value(time).unwrap(), serde_json::json!(millis));
            assert_eq!(serde_json::from_value::<Time>(serde_json::json!(millis)).unwrap(), time);
        }
        assert!(Time::from_millis(1) > Time::ZERO && Time::default() == Time::ZERO);
    }

    #[test]
    fn time_stops_at_both_ends() {
        let last = Time::from_millis(u64::MAX);
        assert_eq!(last + Duration::MAX, last);
        assert_eq!(last, Time::from_millis(u64::MAX - 1), "there is no later one");
        assert_eq!(Time::from_millis(5).saturating_sub(Duration::from_secs(1)), Time::ZERO);
        assert_eq!(Time::ZERO.since(last), Duration::ZERO);
    }

    #[test]
    fn a_moment_that_may_be_missing_takes_no_more_room() {
        assert_eq!(size_of::<Option<Time>>(), size_of::<u64>());
    }
}
