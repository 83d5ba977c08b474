//! A provider: when it is looked at, whether it may be changed, and what is known of its account.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::backoff::Backoff;
use crate::config::Timing;
use crate::effect::Failure;
use crate::ids::{ProviderId, ServerId};
use crate::inflight::Reading;
use crate::look::{Page, Seam};
use crate::pace::Pace;
use crate::record::Retry;
use crate::time::Time;

/// What this process knows of a provider and would learn again after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that hold or not, each by itself")]
pub(crate) struct Provider {
    /// Its credentials served, and the account is the one known.
    pub(crate) checked: bool,
    /// Before the next look a check is to show whose account it is.
    pub(crate) wants_check: bool,
    /// The check, look or reading of the account under way.
    pub(crate) check: Option<Reading>,
    pub(crate) look: Option<LookRun>,
    pub(crate) account_read: Option<Reading>,
    /// The latest request was of these: a change may go before the next one, or slow readings would crowd it out.
    pub(crate) was_reading: bool,
    /// Whether a page, check or account request is out.
    pub(crate) reading: bool,
    /// When the latest look that was read to its end began.
    pub(crate) looked: Option<Time>,
    /// Whether one complete look, or two that were read to their end, have shown what there is: before that nothing is changed.
    pub(crate) surveyed: bool,
    pub(crate) next_look: Time,
    pub(crate) failed_looks: u32,
    pub(crate) failure: Option<Failure>,
    pub(crate) denied: bool,
    /// Changes are denied though readings are not: when the next one may be tried.
    pub(crate) change_retry: Option<Retry>,
    pub(crate) account: Option<AccountSeen>,
    pub(crate) in_flight: u32,
    pub(crate) pace: Pace,
    /// Servers to be read.
    pub(crate) to_read: BTreeSet<ServerId>,
    /// Servers to be changed.
    pub(crate) to_change: BTreeSet<ServerId>,
    /// The ledger was restored from an older copy: nothing is created before this.
    pub(crate) restored_until: Option<Time>,
    /// When the account may be read again after a reading that failed.
    pub(crate) account_retry: Option<Retry>,
    /// Every server was missing in the latest look, and the account is being checked before that is believed.
    pub(crate) missed_all: bool,
    /// A look lacked so many that none is believed gone before all were asked about.
    pub(crate) lost_many: bool,
    /// Those of which the provider said so.
    pub(crate) absent: BTreeSet<ServerId>,
    /// When it said so last.
    pub(crate) absent_at: Time,
    /// When the latest check began that found the account to be ours.
    pub(crate) confirmed: Option<Time>,
    /// Those that a search did not find, which proves nothing before a check has shown that it was one in our account.
    pub(crate) searched: Vec<ServerId>,
    /// The latest look showed orphans that will get records.
    pub(crate) awaits_orphans: bool,
    /// How many unknown servers of our own the first look has shown so far.
    pub(crate) first_orphans: u32,
    pub(crate) wake: Option<Time>,
}

/// The account's total when last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountSeen {
    pub(crate) begun: Time,
    pub(crate) ended: Time,
    pub(crate) total: Option<u64>,
    pub(crate) limit: Option<u64>,
}

/// How many looks in a row may fail before creates and deletes pause.
const FAILED_LOOKS: u32 = 3;

impl Provider {
    /// Whether servers there may be changed: it was seen by this process, and can be seen.
    pub(crate) const fn may_change(&self) -> bool {
        self.surveyed && !self.denied && self.failed_looks < FAILED_LOOKS
    }

    /// Whether changes pause by now since looks fail.
    pub(crate) const fn is_blind(&self) -> bool {
        self.failed_looks >= FAILED_LOOKS
    }

    /// Notes that a look or check failed, and when to try again.
    pub(crate) fn look_failed(&mut self, failure: Failure, timing: &Timing, now: Time) {
        self.look = None;
        self.check = None;
        self.failed_looks = self.failed_looks.saturating_add(1);
        let backoff = Backoff { first: timing.poll_interval, most: timing.resync_interval };
        self.next_look = now + backoff.delay(self.failed_looks);
        self.failure = Some(failure);
    }
}

/// A look under way: what its pages say of its completeness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LookRun {
    pub(crate) reading: Reading,
    pages: u32,
    last: Option<ProviderId>,
    shown: u64,
    total: Option<u64>,
    is_joined: bool,
    /// How many servers were shown as they are known, each counted once.
    pub(crate) as_known: u64,
    /// How many servers had left the provider's looks for good when it began.
    pub(crate) departed: u64,
}

/// No listing of one fleet has more pages than this; a provider that says so is broken.
const MOST_PAGES: u32 = 10_000;

impl LookRun {
    pub(crate) const fn begin(now: Time, departed: u64) -> Self {
        Self {
            reading: Reading { begun: now, next: None },
            pages: 0,
            last: None,
            shown: 0,
            total: None,
            is_joined: true,
            as_known: 0,
            departed,
        }
    }

    /// Takes a page, and tells whether the look may go on.
    pub(crate) fn add(&mut self, page: &Page) -> bool {
        let first = page.servers.first().map(|server| &server.provider_id);
        let mut fresh = page.servers.len() as u64;
        if self.pages > 0 {
            let overlaps = page.seam == Seam::Overlapping && first.is_some() && first == self.last.as_ref();
            self.is_joined &= overlaps && page.total == self.total;
            fresh -= u64::from(overlaps);
        }
        self.shown += fresh;
        // What an earlier page said is not forgotten where a later one says nothing.
        self.total = page.total.or(self.total);
        self.last = page.servers.last().map(|server| server.provider_id.clone()).or(self.last.take());
        self.pages += 1;
        self.pages < MOST_PAGES
    }

    /// Whether it says itself that it lacks something.
    pub(crate) fn is_short(&self) -> bool {
        self.total.is_some_and(|total| total > self.shown)
    }

    /// Whether nothing that is there can be missing in it.
    pub(crate) fn is_complete(&self) -> bool {
        (self.pages == 1 || self.is_joined) && self.total.is_none_or(|total| total == self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::FoundLabels;
    use crate::look::{Observed, ProviderState};
    use alloc::string::String;
    use alloc::vec::Vec;

    fn page(ids: &[&str], total: Option<u64>, seam: Seam) -> Page {
        let observed = |id: &&str| Observed {
            provider_id: ProviderId::new(*id).unwrap(),
            name: String::new(),
            labels: FoundLabels::default(),
            state: ProviderState::Running,
            addresses: Vec::new(),
        };
        Page { servers: ids.iter().map(observed).collect(), total, seam }
    }

    fn look(pages: &[Page]) -> bool {
        let mut run = LookRun::begin(Time::ZERO, 0);
        for page in pages {
            assert!(run.add(page));
        }
        run.is_complete()
    }

    #[test]
    fn one_page_is_complete_if_its_total_agrees() {
        assert!(look(&[page(&["a", "b"], Some(2), Seam::Following)]));
        assert!(look(&[page(&["a", "b"], None, Seam::Shifting)]));
        assert!(!look(&[page(&["a", "b"], Some(3), Seam::Following)]));
        assert!(look(&[page(&[], Some(0), Seam::Overlapping)]));
    }

    #[test]
    fn pages_are_complete_if_they_overlap_by_one_and_totals_agree() {
        let over = |ids: &[&str], total| page(ids, Some(total), Seam::Overlapping);
        assert!(look(&[over(&["a", "b"], 3), over(&["b", "c"], 3)]));
        assert!(!look(&[over(&["a", "b"], 3), over(&["c", "d"], 3)]), "one went before the seam");
        assert!(!look(&[over(&["a", "b"], 3), over(&["b", "c"], 4)]), "one came meanwhile");
        assert!(!look(&[over(&["a", "b"], 3), over(&[], 3)]));
    }

    #[test]
    fn a_total_that_one_page_told_holds_for_pages_that_tell_none() {
        let mut run = LookRun::begin(Time::ZERO, 0);
        assert!(run.add(&page(&["a"], Some(3), Seam::Following)));
        assert!(run.add(&page(&["b"], None, Seam::Following)));
        assert!(run.is_short());
        assert!(run.add(&page(&["c"], None, Seam::Following)));
        assert!(!run.is_short());
    }

    #[test]
    fn pages_that_cannot_overlap_are_never_complete() {
        for seam in [Seam::Following, Seam::Shifting] {
            assert!(!look(&[page(&["a", "b"], Some(4), seam), page(&["c", "d"], Some(4), seam)]));
        }
    }
}
