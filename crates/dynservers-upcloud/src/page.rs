//! Pages of a listing: each begins with the last server of the one before.

use dynservers_core::Step;

/// No listing is read beyond this many servers, so that a provider that counts wrongly cannot keep a look going.
pub(crate) const MOST_SERVERS: u64 = 100_000;

/// A position in the listing, as a number of servers to leave out. Travels as the step `offset 99`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offset(pub(crate) u64);

impl Offset {
    /// Reads a step of our own making; no step is the first page.
    pub(crate) fn from_step(step: Option<&Step>) -> Option<Self> {
        match step {
            None => Some(Self(0)),
            Some(Step(text)) => text.strip_prefix("offset ")?.parse().ok().map(Self),
        }
    }

    /// Tells where the next page begins: at the last server of this one, so that a server that goes between the two
    /// shows as a seam that does not fit.
    ///
    /// None is the end: all that the total speaks of was shown, or the page holds nothing new. The latter is the only
    /// sign where no total is known, for a page that is not full may be one that the provider made smaller; where one
    /// is known and speaks of more, servers went away meanwhile, and the totals will not agree.
    pub(crate) fn next(self, count: u64, total: Option<u64>) -> Option<Step> {
        let end = self.0.saturating_add(count);
        let last = end.saturating_sub(1);
        let more = total.is_none_or(|total| end < total);
        (more && last > self.0 && last < MOST_SERVERS).then(|| Step(format!("offset {last}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(offset: u64) -> Step {
        Step(format!("offset {offset}"))
    }

    #[test]
    fn pages_overlap_by_one_until_the_end() {
        let offset = Offset;
        assert_eq!(offset(0).next(10, Some(25)), Some(step(9)));
        assert_eq!(offset(9).next(10, Some(25)), Some(step(18)));
        assert_eq!(offset(18).next(7, Some(25)), None);
        assert_eq!(offset(0).next(10, Some(10)), None, "one full page is a whole look");
        assert_eq!(offset(0).next(0, Some(0)), None);
        assert_eq!(
            offset(0).next(5, Some(25)),
            Some(step(4)),
            "the provider's own page may be smaller than ours"
        );
        assert_eq!(offset(9).next(0, Some(25)), None, "servers went away between the pages");
        assert_eq!(offset(9).next(1, Some(25)), None, "the last one is all that is left");
        assert_eq!(offset(0).next(1, Some(25)), None, "a page of one cannot overlap and go on");
    }

    #[test]
    fn without_a_total_only_a_page_without_news_is_the_last() {
        assert_eq!(Offset(0).next(10, None), Some(step(9)));
        assert_eq!(Offset(9).next(5, None), Some(step(13)), "it may be full by the provider's own measure");
        assert_eq!(Offset(13).next(1, None), None);
        assert_eq!(Offset(13).next(0, None), None);
        assert_eq!(Offset(0).next(0, None), None);
    }

    #[test]
    fn no_listing_is_read_for_ever() {
        assert_eq!(Offset(MOST_SERVERS - 2).next(2, Some(u64::MAX)), Some(step(MOST_SERVERS - 1)));
        assert_eq!(Offset(MOST_SERVERS - 1).next(2, Some(u64::MAX)), None);
    }

    #[test]
    fn steps_of_somebody_else_are_not_read() {
        assert_eq!(Offset::from_step(None), Some(Offset(0)));
        assert_eq!(Offset::from_step(Some(&Step("offset 99".into()))), Some(Offset(99)));
        for other in ["", "99", "offset", "offset -1", "offset x", "cursor 99"] {
            assert_eq!(Offset::from_step(Some(&Step(other.into()))), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_listing_ends(limit in 2_u32..20, servers in 0_u64..200, knows_total: bool) {
            let (mut offset, mut seen) = (Offset(0), 0);
            for _ in 0..=servers {
                let count = servers.saturating_sub(offset.0).min(u64::from(limit));
                seen = seen.max(offset.0 + count);
                let next = offset.next(count, knows_total.then_some(servers));
                let Some(next) = next else { break };
                let next = Offset::from_step(Some(&next)).unwrap();
                prop_assert!(next.0 > offset.0);
                offset = next;
            }
            prop_assert_eq!(seen, servers);
        }

        #[test]
        fn every_step_goes_forward(offset: u64, count: u64, total: Option<u64>) {
            if let Some(next) = Offset(offset).next(count, total) {
                prop_assert!(Offset::from_step(Some(&next)).unwrap().0 > offset);
            }
        }
    }
}
