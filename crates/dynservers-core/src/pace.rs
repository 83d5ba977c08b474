//! Pace: how fast a provider lets itself be asked, as learned from its refusals.

use core::time::Duration;

use crate::backoff;
use crate::effect::Rate;
use crate::time::Time;

/// Requests in a row keep this distance; none while the provider never complained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    interval: Duration,
    next: Time,
    closed_until: Time,
    failures: u32,
}

/// The first distance after a complaint, and the largest.
const FIRST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(10);
/// Above this distance it shrinks fast: at so few requests, patience alone would take hours.
const SLOW: Duration = Duration::from_millis(400);
/// Below this distance the learned limit is taken for gone.
const LEAST: Duration = Duration::from_millis(5);

impl Pace {
    /// Gives when the next request may be sent.
    pub(crate) fn opens_at(&self) -> Time {
        self.next.max(self.closed_until)
    }

    /// Notes a request.
    pub(crate) fn sent(&mut self, now: Time) {
        self.next = now + self.interval;
    }

    /// Notes an answer that was no complaint: the distance shrinks slowly, so that the next complaint is far.
    pub(crate) fn answered(&mut self, rate: Option<Rate>, now: Time) {
        self.failures = 0;
        let shrunk = if self.interval > SLOW { self.interval * 4 / 5 } else { self.interval * 199 / 200 };
        self.interval = shrunk;
        if self.interval < LEAST {
            self.interval = Duration::ZERO;
        }
        if let Some(Rate { remaining: 0, resets_in }) = rate {
            self.closed_until = self.closed_until.max(now + resets_in);
        }
    }

    /// Notes a complaint. Those that come while it is closed already are of the same breath and count once.
    pub(crate) fn throttled(&mut self, retry_after: Option<Duration>, now: Time) {
        if now >= self.closed_until {
            self.interval = (self.interval * 2).clamp(FIRST, MOST);
        }
        let wait = retry_after.unwrap_or(backoff::PROVIDER.first);
        self.closed_until = self.closed_until.max(now + wait);
    }

    /// Notes a request that never left: the provider, or the way to it, is not there.
    pub(crate) fn unsent(&mut self, now: Time) {
        self.failures = self.failures.saturating_add(1);
        self.closed_until = self.closed_until.max(now + backoff::PROVIDER.delay(self.failures));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_slows_down_once_and_patience_speeds_up_again() {
        let mut pace = Pace::default();
        let now = Time::from_millis(1_000);
        pace.sent(now);
        assert_eq!(pace.opens_at(), now, "no distance before the first complaint");
        pace.throttled(Some(Duration::from_secs(2)), now);
        pace.throttled(None, now);
        assert_eq!(pace.opens_at(), Time::from_millis(3_000));
        let later = Time::from_millis(3_000);
        pace.sent(later);
        assert_eq!(pace.opens_at(), later + FIRST);
        for _ in 0..1_000 {
            pace.answered(None, later);
        }
        pace.sent(later);
        assert_eq!(pace.opens_at(), later);
    }

    #[test]
    fn an_empty_budget_closes_until_it_is_whole() {
        let mut pace = Pace::default();
        pace.answered(Some(Rate { remaining: 0, resets_in: Duration::from_secs(7) }), Time::ZERO);
        assert_eq!(pace.opens_at(), Time::from_millis(7_000));
    }
}
