//! Backoff: how long to wait after the n-th failure in a row.

use core::time::Duration;

use crate::record::Retry;
use crate::time::Time;

/// A doubling wait between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

/// After a refused create, for a type and reason.
pub(crate) const CREATE: Backoff =
    Backoff { first: Duration::from_secs(5), most: Duration::from_secs(30 * 60) };
/// After a replacement was made, for a type: a slow clone must not become many.
pub(crate) const REPLACEMENT: Backoff =
    Backoff { first: Duration::from_secs(60), most: Duration::from_secs(30 * 60) };
/// After a stop, delete, reboot or read that failed, for a server.
pub(crate) const STEP: Backoff = Backoff { first: Duration::from_secs(5), most: Duration::from_secs(5 * 60) };
/// After a request that never left or was throttled without a word of how long, for a provider.
pub(crate) const PROVIDER: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };

impl Backoff {
    /// Gives the wait after `tries` failures in a row; `tries` counts from one.
    pub(crate) fn delay(self, tries: u32) -> Duration {
        let doubled =
            self.first.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(self.most)
    }

    /// Counts one more failure.
    pub(crate) fn after(self, previous: Option<Retry>, now: Time) -> Retry {
        let tries = previous.map_or(0, |retry| retry.tries).saturating_add(1);
        Retry { tries, at: now + self.delay(tries) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_bound_and_never_overflows() {
        let delays: alloc::vec::Vec<u64> = (1..=5).map(|tries| CREATE.delay(tries).as_secs()).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80]);
        assert_eq!(CREATE.delay(40), CREATE.most);
        assert_eq!(CREATE.delay(u32::MAX), CREATE.most);
        let retry = CREATE.after(Some(Retry { tries: u32::MAX, at: Time::ZERO }), Time::ZERO);
        assert_eq!(retry.tries, u32::MAX);
    }

    #[test]
    fn nobody_waits_longer_than_its_bound_however_often_it_failed() {
        let minutes = |backoff: Backoff| backoff.delay(u32::MAX).as_secs() / 60;
        assert_eq!([CREATE, REPLACEMENT, STEP, PROVIDER].map(minutes), [30, 30, 5, 1]);
    }
}
