//! Small models of how others decide for a number of servers. They are models: each is the documented rule and nothing else.

use std::fmt;
use std::time::Duration;

use dynservers_core::{Signal, Time};

/// Somebody who decides for a number by code of their own.
pub trait Model: fmt::Debug {
    /// Gives how many servers there should be.
    fn desired(&mut self, signal: &Signal, running: u32, now: Time) -> u32;

    /// Gives from one decision to the next.
    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// Gives the fewest servers that it can want.
    fn least(&self) -> u32 {
        0
    }
}

/// The rule in the README of laravel-dynamic-servers, each minute: `ensure(round($waitTimeInMinutes / 10))`, with the wait as
/// Laravel Horizon's calculator estimates it: the jobs that wait times what one takes, shared among the processes there are.
#[derive(Clone, Debug)]
pub struct ReadmeRule {
    /// How long a job takes, as Horizon's snapshots tell.
    pub job_time: Duration,
}

impl Model for ReadmeRule {
    fn desired(&mut self, signal: &Signal, running: u32, _now: Time) -> u32 {
        let backlog = u128::from(signal.waiting) * self.job_time.as_millis();
        let wait = backlog / u128::from(running.max(1));
        narrow((wait + 300_000) / 600_000)
    }
}

/// The Horizontal Pod Autoscaler of Kubernetes as it is by default, on a metric of jobs with an average of one a pod: a
/// tolerance of 10 %, the highest of the last 300 s when it falls, four more or as many again a period when it rises, and
/// at least one.
#[derive(Clone, Debug)]
pub struct PodAutoscaler {
    /// From one look to the next.
    sync: Duration,
    /// How long the number may rise by one step.
    period: Duration,
    current: u32,
    /// What was recommended, and when.
    recommended: Vec<(Time, u32)>,
    /// What the number was, and since when.
    path: Vec<(Time, u32)>,
}

const STABILIZATION: Duration = Duration::from_secs(300);

impl PodAutoscaler {
    /// As it is by default: it looks each 15 s, and rises by a step in each.
    #[must_use]
    pub const fn default_behavior() -> Self {
        Self::with(Duration::from_secs(15), Duration::from_secs(15))
    }

    /// As it is by default but for its step, which it takes a minute for, as ours does.
    #[must_use]
    pub const fn a_minute() -> Self {
        Self::with(Duration::from_secs(15), Duration::from_secs(60))
    }

    const fn with(sync: Duration, period: Duration) -> Self {
        Self { sync, period, current: 1, recommended: Vec::new(), path: Vec::new() }
    }
}

impl Model for PodAutoscaler {
    fn desired(&mut self, signal: &Signal, running: u32, now: Time) -> u32 {
        let current = self.current;
        let work = signal.work();
        // A ratio is of the pods that are ready; within a tenth of one nothing is done.
        let ready = u64::from(running.max(1));
        let is_close = work.abs_diff(ready) * 10 <= ready;
        let wanted = if is_close { current } else { narrow(u128::from(work)) };
        self.recommended.retain(|(at, _)| *at + STABILIZATION > now);
        self.recommended.push((now, wanted));
        let highest = self.recommended.iter().map(|(_, count)| *count).max().unwrap_or(wanted);
        let stable = if wanted >= current { wanted } else { highest.min(current) };
        if self.path.is_empty() {
            self.path.push((now, current));
        }
        // What it was when the period began: the last before it, or the first within it.
        let later = self.path.iter().rposition(|(at, _)| *at + self.period <= now).unwrap_or(0);
        self.path.drain(..later);
        let base = self.path.iter().map(|(_, count)| *count).min().unwrap_or(current).min(current);
        let most = base.saturating_mul(2).max(base.saturating_add(4)).max(current);
        self.current = stable.min(most).max(1);
        self.path.push((now, self.current));
        self.current
    }

    fn interval(&self) -> Duration {
        self.sync
    }

    fn least(&self) -> u32 {
        1
    }
}

/// A plain step rule as clouds offer it: an alarm adds servers and another takes one away, and for a while after that nothing
/// is done.
#[derive(Clone, Debug, Default)]
pub struct StepRule {
    current: u32,
    changed: Option<Time>,
}

const COOLDOWN: Duration = Duration::from_secs(300);

impl Model for StepRule {
    /// More than two jobs a server: two more; more than one: one more; less than a half: one fewer.
    fn desired(&mut self, signal: &Signal, _running: u32, now: Time) -> u32 {
        if self.changed.is_some_and(|changed| now < changed + COOLDOWN) {
            return self.current;
        }
        let (work, servers) = (signal.work(), u64::from(self.current));
        let next = if work > servers * 2 {
            self.current + 2
        } else if work > servers {
            self.current + 1
        } else if work * 2 < servers {
            self.current - 1
        } else {
            self.current
        };
        if next != self.current {
            (self.current, self.changed) = (next, Some(now));
        }
        self.current
    }
}

fn narrow(count: u128) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(waiting: u64) -> Signal {
        Signal { waiting, ..Signal::default() }
    }

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1_000)
    }

    #[test]
    fn the_readme_rounds_tens_of_minutes() {
        let mut rule = ReadmeRule { job_time: Duration::from_secs(60) };
        for (jobs, running, servers) in
            [(0, 0, 0), (4, 0, 0), (5, 0, 1), (100, 1, 10), (100, 10, 1), (40, 10, 0)]
        {
            assert_eq!(rule.desired(&waiting(jobs), running, at(0)), servers, "{jobs} {running}");
        }
    }

    #[test]
    fn the_pod_autoscaler_doubles_waits_and_tolerates() {
        let mut pods = PodAutoscaler::default_behavior();
        let rises = [0, 15, 30, 45].map(|second| pods.desired(&waiting(100), 1, at(second)));
        assert_eq!(rises, [5, 10, 20, 40]);
        assert_eq!(pods.desired(&waiting(42), 40, at(60)), 40, "a twentieth is too little");
        assert_eq!(pods.desired(&waiting(0), 40, at(75)), 40, "it falls when five minutes are over");
        assert_eq!(pods.desired(&waiting(0), 40, at(400)), 1);
        let mut pods = PodAutoscaler::a_minute();
        let rises = [0, 15, 30, 45, 60].map(|second| pods.desired(&waiting(100), 1, at(second)));
        assert_eq!(rises, [5, 5, 5, 5, 10]);
    }

    #[test]
    fn steps_cool_down() {
        let mut rule = StepRule::default();
        let steps = [(9, 0), (9, 60), (9, 300), (4, 600), (1, 900), (0, 1_200), (2, 1_500)];
        let told = steps.map(|(jobs, second)| rule.desired(&waiting(jobs), 0, at(second)));
        assert_eq!(told, [2, 2, 4, 4, 3, 2, 2]);
    }
}
