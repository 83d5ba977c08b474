//! Demand: how much work there is, and how many servers that asks for.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::config::PolicyConfig;
use crate::ids::TypeName;
use crate::time::Time;

/// How much work there is for a type, as measured just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The type.
    pub server_type: TypeName,
    /// The jobs that wait or are in hand, by the sources that answered.
    pub work: u64,
    /// Why not all of it is known, if it is not: `work` is the least that there is then.
    pub unknown: Option<String>,
}

/// What is remembered of a type's demand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandRecord {
    /// The jobs counted last.
    pub work: u64,
    /// When that was.
    pub at: Time,
    /// What was wanted of late: the first is the most, each later one less.
    pub peaks: Vec<Peak>,
    /// Since when not all of it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_since: Option<Time>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// A number of servers that was wanted, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak {
    /// How many.
    pub count: u32,
    /// When last.
    pub at: Time,
}

/// An operator's number in place of what the sources ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// How many servers there should be.
    pub count: u32,
    /// When it ends; none means when somebody ends it.
    pub until: Option<Time>,
}

impl DemandRecord {
    /// Begins with what was wanted before anything was measured, so that nobody goes sooner than the policy says.
    pub(crate) fn begin(wanted: u32, now: Time) -> Self {
        Self { peaks: alloc::vec![Peak { count: wanted, at: now }], ..Self::default() }
    }

    /// Takes a measurement, and gives how many servers are wanted by now.
    ///
    /// `wanted` is what the work asks for within the type's bounds; where not all of the work is known, it is the least.
    pub(crate) fn measure(&mut self, demand: Demand, wanted: u32, policy: &PolicyConfig, now: Time) -> u32 {
        self.work = demand.work;
        self.at = now;
        let wanted = match &demand.unknown {
            None => {
                self.unknown_since = None;
                wanted
            }
            Some(_) => self.in_the_dark(wanted, policy, now),
        };
        self.unknown = demand.unknown;
        self.want(wanted, now);
        self.peaks.retain(|peak| peak.at + policy.scale_in_after >= now);
        self.wanted().unwrap_or(wanted)
    }

    /// Gives how many servers are wanted by the latest measurement.
    pub(crate) fn wanted(&self) -> Option<u32> {
        self.peaks.first().map(|peak| peak.count)
    }

    /// Unknown is never zero: what was wanted is wanted still, and after the hold the fallback is.
    fn in_the_dark(&mut self, least: u32, policy: &PolicyConfig, now: Time) -> u32 {
        let since = *self.unknown_since.get_or_insert(now);
        let held = least.max(self.wanted().unwrap_or(least));
        match policy.fallback {
            Some(fallback) if now >= since + policy.hold => {
                self.peaks.clear();
                least.max(fallback)
            }
            Some(_) | None => held,
        }
    }

    /// Keeps the peaks descending: what is less than the newest and older never matters again.
    fn want(&mut self, count: u32, now: Time) {
        while self.peaks.last().is_some_and(|peak| peak.count <= count) {
            self.peaks.pop();
        }
        self.peaks.push(Peak { count, at: now });
        if self.peaks.len() > MOST_PEAKS {
            // The lowest but the newest: dropping it lets the next higher one hold in its place.
            let last = self.peaks.len() - 2;
            let peak = self.peaks.remove(last);
            if let Some(before) = last.checked_sub(1).and_then(|index| self.peaks.get_mut(index)) {
                before.at = before.at.max(peak.at);
            }
        }
    }
}

/// How many peaks are remembered: a fall in more steps than this is taken in larger ones.
const MOST_PEAKS: usize = 64;

/// Gives how many servers so much work asks for.
pub(crate) fn servers_for(work: u64, policy: &PolicyConfig) -> u32 {
    let servers = work.div_ceil(u64::from(policy.jobs_per_server.max(1)));
    u32::try_from(servers).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use core::time::Duration;
    use proptest::prelude::*;

    const POLICY: PolicyConfig = PolicyConfig {
        jobs_per_server: 10,
        scale_in_after: Duration::from_secs(300),
        hold: Duration::from_secs(600),
        fallback: Some(2),
    };

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    fn demand(work: u64, unknown: Option<&str>) -> Demand {
        let server_type = TypeName::new("default").unwrap();
        Demand { server_type, work, unknown: unknown.map(ToString::to_string) }
    }

    fn measure(record: &mut DemandRecord, work: u64, seconds: u64) -> u32 {
        record.measure(demand(work, None), servers_for(work, &POLICY), &POLICY, at(seconds))
    }

    fn fail(record: &mut DemandRecord, work: u64, seconds: u64) -> u32 {
        record.measure(demand(work, Some("down")), servers_for(work, &POLICY), &POLICY, at(seconds))
    }

    #[test]
    fn work_is_rounded_up_to_whole_servers() {
        for (work, servers) in [(0, 0), (1, 1), (10, 1), (11, 2), (u64::MAX, u32::MAX)] {
            assert_eq!(servers_for(work, &POLICY), servers, "{work}");
        }
        assert_eq!(servers_for(3, &PolicyConfig { jobs_per_server: 0, ..POLICY }), 3);
    }

    #[test]
    fn growth_is_at_once_and_the_highest_of_late_holds() {
        let mut record = DemandRecord::begin(0, at(0));
        assert_eq!(measure(&mut record, 50, 60), 5);
        assert_eq!(measure(&mut record, 10, 120), 5);
        assert_eq!(measure(&mut record, 30, 180), 5);
        assert_eq!(measure(&mut record, 0, 360), 5, "five were wanted 300 seconds ago");
        assert_eq!(measure(&mut record, 0, 361), 3, "and three 181 seconds ago");
        assert_eq!(measure(&mut record, 0, 481), 0, "the one server's worth in between was less than three");
    }

    #[test]
    fn what_was_there_before_the_first_measurement_holds_as_long() {
        let mut record = DemandRecord::begin(7, at(0));
        assert_eq!(measure(&mut record, 0, 60), 7);
        assert_eq!(measure(&mut record, 0, 300), 7);
        assert_eq!(measure(&mut record, 0, 301), 0);
    }

    #[test]
    fn unknown_holds_then_falls_back_and_never_reads_as_zero() {
        let mut record = DemandRecord::begin(0, at(0));
        assert_eq!(measure(&mut record, 60, 0), 6);
        for seconds in [60, 300, 659] {
            assert_eq!(fail(&mut record, 0, seconds), 6, "{seconds}");
        }
        assert_eq!(fail(&mut record, 0, 660), 2, "held for ten minutes");
        assert_eq!(fail(&mut record, 90, 720), 9, "what is known of it is enough to grow");
        assert_eq!(measure(&mut record, 0, 780), 9, "and holds like any other");
        assert_eq!(measure(&mut record, 0, 1021), 0);
    }

    #[test]
    fn without_a_fallback_unknown_holds_for_ever() {
        let policy = PolicyConfig { fallback: None, ..POLICY };
        let mut record = DemandRecord::begin(4, at(0));
        let last = record.measure(demand(0, Some("down")), 0, &policy, at(10));
        assert_eq!(last, 4);
        assert_eq!(record.measure(demand(0, Some("down")), 0, &policy, at(1_000_000)), 4);
        assert_eq!(
            record.measure(demand(0, None), 0, &policy, at(1_000_060)),
            4,
            "known again: held as before"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_the_highest_of_the_window(works in prop::collection::vec((0_u64..400, 1_u64..200), 1..40)) {
            let mut record = DemandRecord::begin(0, at(0));
            let mut told: Vec<(u64, u32)> = alloc::vec![(0, 0)];
            let mut now = 0;
            for (work, step) in works {
                now += step;
                told.push((now, servers_for(work, &POLICY)));
                let highest = told.iter().filter(|(when, _)| when + 300 >= now).map(|(_, count)| *count).max();
                prop_assert_eq!(Some(measure(&mut record, work, now)), highest);
                prop_assert!(record.peaks.windows(2).all(|pair| pair[0].count > pair[1].count && pair[0].at < pair[1].at));
            }
        }

        #[test]
        fn a_long_fall_is_remembered_within_a_bound_and_never_forgets_a_peak_too_soon(steps in 65_u32..200) {
            let policy = PolicyConfig { jobs_per_server: 1, scale_in_after: Duration::from_secs(100_000), ..POLICY };
            let mut record = DemandRecord::begin(0, at(0));
            for step in 0..steps {
                let work = u64::from(steps - step);
                let wanted = record.measure(demand(work, None), steps - step, &policy, at(u64::from(step)));
                prop_assert_eq!(wanted, steps);
                prop_assert!(record.peaks.len() <= MOST_PEAKS);
            }
        }
    }
}
