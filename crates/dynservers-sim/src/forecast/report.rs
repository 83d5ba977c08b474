//! What a forecast found: waits, servers, what they cost, and how often the number turned.

use std::time::Duration;

use serde::Serialize;

use super::cloud::{Cloud, Life};
use super::run::Setup;
use super::trace::Trace;

/// What one forecast found. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whose forecast it is.
    pub name: String,
    /// How many jobs were done.
    pub jobs_done: u64,
    /// How many jobs were not, by the end.
    pub jobs_left: u64,
    /// How often a job was lost with its server, and had to be done again.
    pub jobs_killed: u64,
    /// How long jobs waited, from when they came to when they were begun.
    pub wait: Waits,
    /// How long there were servers, from an accepted create until each was gone.
    pub server_millis: u64,
    /// How long there were servers to pay for: each in units, of which begun ones count whole.
    pub paid_millis: u64,
    /// The unit.
    pub unit_millis: u64,
    /// What that costs, in millionths of the currency of the price, if there is one.
    pub cost_millionths: Option<u64>,
    /// How often the number that was wanted turned from rising to falling or back while jobs came.
    pub turns: u64,
    /// The same after the first hour, in which a fleet finds its size.
    pub late_turns: u64,
    /// The most servers that there were at once.
    pub most_servers: u32,
    /// How long the trace is.
    pub trace_millis: u64,
    /// How long it took until all was done and nothing cost any more.
    pub length_millis: u64,
    /// What was measured, for plots.
    #[serde(skip)]
    pub samples: Vec<Sample>,
    /// When how much had to be paid for in all, for plots.
    #[serde(skip)]
    pub paid: Vec<(u64, u64)>,
}

/// How long jobs waited, in milliseconds: so long or less for so many percent of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// For half of them.
    pub p50: u64,
    /// For 95 %.
    pub p95: u64,
    /// For 99 %.
    pub p99: u64,
    /// For all.
    pub max: u64,
}

impl Waits {
    /// Takes the ranks from waits in order: the nearest one.
    fn of(sorted: &[u64]) -> Self {
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
            sorted.get(rank).copied().unwrap_or_default()
        };
        Self { p50: rank(50), p95: rank(95), p99: rank(99), max: rank(100) }
    }
}

/// What there was at a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, in milliseconds since the trace begins.
    pub at: u64,
    /// The jobs that waited.
    pub waiting: u64,
    /// The jobs in hand.
    pub in_flight: u64,
    /// The servers that were wanted.
    pub desired: u32,
    /// The servers that were up.
    pub running: u32,
}

/// What is written down while a forecast runs.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) samples: Vec<Sample>,
    wanted: Option<u32>,
    rises: Option<bool>,
    /// When the number turned.
    turns: Vec<u64>,
}

impl Recording {
    /// Keeps a sample; of those that are close to each other the most of each number.
    pub(super) fn sample(&mut self, sample: Sample, trace: &Trace) {
        let gap = trace.length() / SAMPLES;
        match self.samples.last_mut() {
            Some(last) if sample.at < last.at + gap => {
                last.waiting = last.waiting.max(sample.waiting);
                last.in_flight = last.in_flight.max(sample.in_flight);
                last.desired = last.desired.max(sample.desired);
                last.running = last.running.max(sample.running);
            }
            _ => self.samples.push(sample),
        }
    }

    /// Notes what is wanted now.
    pub(super) fn desire(&mut self, now: u64, count: u32) {
        let Some(before) = self.wanted.replace(count).filter(|before| *before != count) else { return };
        let rises = count > before;
        if self.rises.replace(rises).is_some_and(|earlier| earlier != rises) {
            self.turns.push(now);
        }
    }
}

/// So many samples of a trace are more than a plot can show.
const SAMPLES: u64 = 2_000;

const HOUR: u64 = 3_600_000;

impl Report {
    pub(super) fn of(
        setup: &Setup,
        trace: &Trace,
        end: u64,
        recording: Recording,
        waits: &[u64],
        (jobs_done, jobs_killed): (u64, u64),
        cloud: &Cloud,
    ) -> Self {
        let unit = millis(setup.billing_unit()).max(1);
        let paid = paid(&cloud.lives, unit, end);
        let paid_millis = paid.last().map_or(0, |(_, sum)| *sum);
        let turns = recording.turns.iter().filter(|at| **at < trace.length());
        let cost = |price: u64| {
            u64::try_from(u128::from(price) * u128::from(paid_millis) / u128::from(HOUR)).unwrap_or(u64::MAX)
        };
        Self {
            name: setup.name.clone(),
            jobs_done,
            jobs_left: trace.jobs().len() as u64 - jobs_done,
            jobs_killed,
            wait: Waits::of(waits),
            server_millis: cloud.lives.iter().map(|life| life.end.unwrap_or(end) - life.begin).sum(),
            paid_millis,
            unit_millis: unit,
            cost_millionths: setup.price.map(cost),
            turns: turns.clone().count() as u64,
            late_turns: turns.filter(|at| **at >= HOUR).count() as u64,
            most_servers: cloud.most,
            trace_millis: trace.length(),
            length_millis: end,
            samples: recording.samples,
            paid,
        }
    }

    /// Gives how often the wanted number turned an hour while jobs came, in thousandths.
    #[must_use]
    pub fn flaps_per_hour_thousandths(&self) -> u64 {
        self.turns * 1_000 * HOUR / self.trace_millis.max(1)
    }
}

/// Gives when how much has to be paid for in all: a unit whenever one begins.
fn paid(lives: &[Life], unit: u64, end: u64) -> Vec<(u64, u64)> {
    let mut begins: Vec<u64> = Vec::new();
    for life in lives {
        let units = (life.end.unwrap_or(end) - life.begin).div_ceil(unit).max(1);
        begins.extend((0..units).map(|index| life.begin + index * unit));
    }
    begins.sort_unstable();
    let mut sum = 0;
    let mut paid: Vec<(u64, u64)> = Vec::new();
    for at in begins {
        sum += unit;
        match paid.last_mut() {
            Some(last) if last.0 == at => last.1 = sum,
            _ => paid.push((at, sum)),
        }
    }
    paid
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begun_units_are_paid_whole() {
        let lives = [
            Life { begin: 0, end: Some(61) },
            Life { begin: 60, end: None },
            Life { begin: 70, end: Some(70) },
        ];
        assert_eq!(paid(&lives, 60, 100), [(0, 60), (60, 180), (70, 240)]);
        assert_eq!(paid(&lives, 1, 100).last(), Some(&(99, 102)));
    }

    #[test]
    fn ranks_are_those_of_the_nearest() {
        let waits: Vec<u64> = (1..=200).collect();
        assert_eq!(Waits::of(&waits), Waits { p50: 100, p95: 190, p99: 198, max: 200 });
        assert_eq!(Waits::of(&[7]), Waits { p50: 7, p95: 7, p99: 7, max: 7 });
        assert_eq!(Waits::of(&[]), Waits::default());
    }

    #[test]
    fn a_number_turns_when_its_direction_does() {
        let mut recording = Recording::default();
        for (at, count) in [3, 3, 5, 9, 9, 4, 4, 6, 6, 1].into_iter().enumerate() {
            recording.desire(at as u64, count);
        }
        assert_eq!(recording.turns, [5, 7, 9]);
    }
}
