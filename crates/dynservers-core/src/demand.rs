//! Demand: how much work there is, as it was measured, and what is remembered of it.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::TypeName;
use crate::policy::{Combine, PolicyConfig, ScaleRate};
use crate::time::Time;

/// How much work there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The jobs that nobody has begun.
    pub waiting: u64,
    /// The jobs that somebody has in hand. A source that cannot tell leaves it at zero.
    pub in_flight: u64,
    /// How long the oldest of the waiting jobs has waited, if it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_wait: Option<Duration>,
}

impl Signal {
    /// Gives all the work that there is.
    #[must_use]
    pub const fn work(&self) -> u64 {
        self.waiting.saturating_add(self.in_flight)
    }

    /// Gives how long the oldest job has waited: not at all where none waits.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        if self.waiting == 0 { Some(Duration::ZERO) } else { self.oldest_wait }
    }

    /// Gives the work of both, added up or the larger of each, and the longer wait.
    #[must_use]
    pub fn with(&self, other: &Self, combine: Combine) -> Self {
        let both: fn(u64, u64) -> u64 = match combine {
            Combine::Sum => u64::saturating_add,
            Combine::Max => u64::max,
        };
        Self {
            waiting: both(self.waiting, other.waiting),
            in_flight: both(self.in_flight, other.in_flight),
            oldest_wait: self.oldest_wait.max(other.oldest_wait),
        }
    }
}

/// What one source told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Its name, for people.
    pub source: String,
    /// What it counted.
    #[serde(flatten)]
    pub told: Told,
}

/// What was counted, or why nothing was. Unknown is never zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// So much work.
    Known(Signal),
    /// It is not known.
    Unknown {
        /// Why.
        reason: String,
        /// Since when; the machine says so, whatever is told.
        since: Time,
    },
}

/// Bounds that a calendar sets for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its name, for people.
    pub name: String,
    /// At least so many servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<u32>,
    /// At most so many; where it is below a floor, the floor is what holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<u32>,
    /// When it ends.
    pub until: Time,
}

/// How much work there is for a type, as measured just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The type.
    pub server_type: TypeName,
    /// What each of its sources told.
    pub readings: Vec<Reading>,
    /// The windows of its calendar that are open now.
    pub windows: Vec<Window>,
}

impl Demand {
    /// Makes the demand of a single source that told this.
    #[must_use]
    pub fn told(server_type: TypeName, source: &str, told: Told) -> Self {
        let readings = alloc::vec![Reading { source: source.into(), told }];
        Self { server_type, readings, windows: Vec::new() }
    }

    /// Makes the demand of a single source that counted so much work.
    #[must_use]
    pub fn known(server_type: TypeName, source: &str, signal: Signal) -> Self {
        Self::told(server_type, source, Told::Known(signal))
    }

    /// Makes the demand of a single source that does not know, for this reason.
    #[must_use]
    pub fn unknown(server_type: TypeName, source: &str, reason: impl Into<String>) -> Self {
        Self::told(server_type, source, Told::Unknown { reason: reason.into(), since: Time::ZERO })
    }

    /// Gives what all that answered told together.
    #[must_use]
    pub fn signal(&self, combine: Combine) -> Signal {
        self.signals().fold(Signal::default(), |sum, signal| sum.with(signal, combine))
    }

    /// Gives what each that answered told.
    pub(crate) fn signals(&self) -> impl Iterator<Item = &Signal> {
        self.readings.iter().filter_map(|reading| match &reading.told {
            Told::Known(signal) => Some(signal),
            Told::Unknown { .. } => None,
        })
    }

    /// Gives why not all of the work is known, if it is not.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let mut reasons = String::new();
        for reading in &self.readings {
            if let Told::Unknown { reason, .. } = &reading.told {
                let between = if reasons.is_empty() { "" } else { "; " };
                reasons.extend([between, &reading.source, ": ", reason]);
            }
        }
        (!reasons.is_empty()).then_some(reasons)
    }
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
    /// How many servers were decided for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<u32>,
    /// What was told when everything was known last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Measured>,
    /// From when on it is being learned how long a server takes for a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_from: Option<Measured>,
    /// How much time all servers together were busy for since then.
    #[serde(default)]
    pub spent: Duration,
    /// More jobs come than are begun by the servers that run.
    #[serde(default)]
    pub behind: bool,
    /// How long a server takes for a job, as learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_time: Option<Duration>,
    /// What was decided for of late, and since when each: the first from before the time that a rate counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Decided>,
    /// A change further than is believed at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    /// The sources that do not know, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub silent: BTreeMap<String, Time>,
}

/// What was told at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// When.
    pub at: Time,
    /// How much work there was.
    pub signal: Signal,
    /// How many servers ran then.
    pub running: u32,
}

/// A number of servers that was wanted, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak {
    /// How many.
    pub count: u32,
    /// When last.
    pub at: Time,
}

/// A change of the number that is further than is believed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// Since when it is asked for.
    pub since: Time,
    /// Whether it is to more servers.
    pub is_rise: bool,
}

/// A number of servers that was decided for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Since when.
    pub since: Time,
    /// How many.
    pub count: u32,
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
        Self {
            peaks: alloc::vec![Peak { count: wanted, at: now }],
            decided: Some(wanted),
            path: alloc::vec![Decided { since: now, count: wanted }],
            ..Self::default()
        }
    }

    /// Gives how many servers are wanted by the latest decision. A record of an earlier version has its peaks only.
    #[must_use]
    pub fn wanted(&self) -> Option<u32> {
        self.decided.or_else(|| self.peaks.first().map(|peak| peak.count))
    }

    /// Gives the most that was wanted within a time, and forgets what was before.
    pub(crate) fn highest(&mut self, window: Duration, now: Time) -> u32 {
        // Without a window nothing holds, not even what was wanted in the same millisecond.
        self.peaks.retain(|peak| !window.is_zero() && peak.at + window >= now);
        self.peaks.first().map_or(0, |peak| peak.count)
    }

    /// Keeps the peaks descending: what is less than the newest and older never matters again.
    pub(crate) fn want(&mut self, count: u32, now: Time) {
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

    /// Gives how far the number may rise: from the lowest that there was since the rate's period began.
    pub(crate) fn may_rise_to(&self, from: u32, rate: ScaleRate, now: Time) -> u32 {
        let lowest = self.of_late(rate.period, now).fold(from, u32::min);
        lowest.saturating_add(rate.step(lowest)).max(from)
    }

    /// Gives how far the number may fall: from the highest that there was since the rate's period began.
    pub(crate) fn may_fall_to(&self, from: u32, rate: ScaleRate, now: Time) -> u32 {
        let highest = self.of_late(rate.period, now).fold(from, u32::max);
        highest.saturating_sub(rate.step(highest)).min(from)
    }

    /// Gives when a rate allows more than now.
    pub(crate) fn next_change(&self, rate: ScaleRate, now: Time) -> Option<Time> {
        let ends = self.path.iter().skip(1).map(|decided| decided.since + rate.period);
        ends.into_iter().find(|end| *end > now)
    }

    /// Gives what was decided for within a period, what held at its beginning included.
    fn of_late(&self, period: Duration, now: Time) -> impl Iterator<Item = u32> {
        let later = self.path.iter().skip(1).map(|next| next.since).chain([now]);
        let lasted = self.path.iter().zip(later);
        lasted.filter(move |(_, until)| *until + period > now).map(|(decided, _)| decided.count)
    }

    /// Remembers what was decided, and what of it the rates need.
    pub(crate) fn decide(&mut self, count: u32, policy: &PolicyConfig, now: Time) {
        let rates = [policy.rate_up, policy.rate_down].into_iter().flatten();
        if self.decided != Some(count) || self.path.is_empty() {
            self.path.push(Decided { since: now, count });
        }
        self.decided = Some(count);
        let Some(longest) = rates.map(|rate| rate.period).max() else {
            self.path.clear();
            return;
        };
        // The first may be older: it held when the period began.
        let is_over = |next: &Decided| next.since + longest <= now;
        let over = self.path.iter().skip(1).take_while(|next| is_over(next)).count();
        self.path.drain(..over);
        if self.path.len() > MOST_DECIDED {
            self.path.remove(0);
        }
    }
}

/// How many peaks are remembered: a fall in more steps than this is taken in larger ones.
const MOST_PEAKS: usize = 64;
/// How many decisions are remembered within the period of a rate.
const MOST_DECIDED: usize = 64;

#[cfg(test)]
mod tests;
