//! Policies: how the number of servers of a type is to follow from the work there is.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// How the number of servers follows from the work there is. All of it is whole numbers, so that a simulation and life agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyConfig {
    /// How many servers so much work asks for.
    pub rule: Rule,
    /// What several sources of one type make together.
    pub combine: Combine,
    /// How many jobs a server has in hand at once, for rules that go by waiting times; 0 counts as 1.
    pub jobs_at_once: u32,
    /// How fast the number may rise; none means at once.
    pub rate_up: Option<ScaleRate>,
    /// Changes of at most this many percent of the number are not worth their while.
    pub tolerance: u32,
    /// The most that was wanted within this time is wanted still.
    pub scale_in_after: Duration,
    /// How fast the number may fall; none means at once.
    pub rate_down: Option<ScaleRate>,
    /// What a server that is paid for by the unit is kept for.
    pub billing: Option<Billing>,
    /// How long the number is held while not all of the work is known, or while it jumps.
    pub hold: Duration,
    /// The number after that; none means that it is held on.
    pub fallback: Option<u32>,
    /// A change of more servers than this at once is held and announced first; none means that any is believed.
    pub max_step: Option<u32>,
}

/// How many servers so much work asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// One server for so many jobs, waiting or in hand; 0 counts as 1.
    JobsPerServer(u32),
    /// One server for each time that the oldest job has waited, as many as are busy at least, and as many as make that time
    /// rise no more.
    WaitPerServer(Duration),
    /// As many as begin whatever waits within a time.
    TargetWait {
        /// The time.
        within: Duration,
        /// How long a server takes for a job, until that was learned.
        job_time: Duration,
    },
    /// So many from so much work on: the last step that is reached.
    Steps(Vec<RuleStep>),
}

/// One step of [`Rule::Steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStep {
    /// From so many jobs on, waiting or in hand.
    pub jobs: u64,
    /// So many servers.
    pub servers: u32,
}

/// What several sources of one type make together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// Their work is added up: each server takes from all of them.
    #[default]
    Sum,
    /// The one that asks for most servers decides: they are measures of one and the same work.
    Max,
}

/// How fast a number may change: by the larger of the two in any such period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleRate {
    /// So many servers.
    pub servers: u32,
    /// So many percent of what there was at the beginning of the period.
    pub percent: u32,
    /// The period.
    pub period: Duration,
}

impl ScaleRate {
    /// Four servers or as many again a minute.
    pub const UP: Self = Self { servers: 4, percent: 100, period: Duration::from_secs(60) };

    /// Gives how much may change in a period that began with so many.
    pub(crate) fn step(&self, from: u32) -> u32 {
        let part = u64::from(from) * u64::from(self.percent) / 100;
        u32::try_from(part).unwrap_or(u32::MAX).max(self.servers)
    }
}

/// What a server is paid for: whole units from when it was made, begun ones too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billing {
    /// One unit.
    pub unit: Duration,
}

impl Billing {
    /// Gives how long before the end of its unit a server may go: time to drain and stop it, of which little is lost.
    pub(crate) fn margin(&self) -> Duration {
        self.unit / 12
    }

    /// Gives how long what a server of this age is paid for will last.
    pub(crate) fn left(&self, age: Duration) -> Duration {
        let unit = self.unit.as_millis().max(1);
        let begun = age.as_millis() % unit;
        Duration::from_millis(u64::try_from(unit - begun).unwrap_or(u64::MAX))
    }
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            rule: Rule::JobsPerServer(1),
            combine: Combine::Sum,
            jobs_at_once: 1,
            rate_up: Some(ScaleRate::UP),
            tolerance: 0,
            scale_in_after: Duration::from_secs(5 * 60),
            rate_down: None,
            billing: None,
            hold: Duration::from_secs(10 * 60),
            fallback: None,
            max_step: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_larger_of_its_two() {
        for (from, step) in [(0, 4), (3, 4), (4, 4), (5, 5), (100, 100), (u32::MAX, u32::MAX)] {
            assert_eq!(ScaleRate::UP.step(from), step, "{from}");
        }
        let rate = ScaleRate { servers: 0, percent: 300, period: Duration::ZERO };
        assert_eq!((rate.step(0), rate.step(2), rate.step(u32::MAX)), (0, 6, u32::MAX));
    }

    #[test]
    fn what_is_paid_for_lasts_to_the_end_of_its_unit() {
        let billing = Billing { unit: Duration::from_secs(3600) };
        for (age, left) in [(0, 3600), (1, 3599), (3599, 1), (3600, 3600), (7300, 3500)] {
            assert_eq!(billing.left(Duration::from_secs(age)), Duration::from_secs(left), "{age}");
        }
        assert_eq!(billing.margin(), Duration::from_secs(300));
        assert_eq!(Billing { unit: Duration::ZERO }.left(Duration::ZERO), Duration::from_millis(1));
    }
}
