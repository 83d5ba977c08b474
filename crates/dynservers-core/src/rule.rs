//! Rules: how many servers so much work asks for.

use core::time::Duration;

use crate::demand::{Demand, DemandRecord, Measured, Signal, Told};
use crate::policy::{Combine, PolicyConfig, Rule, ScaleRate};
use crate::time::Time;

/// What a rule knows of the fleet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Crew {
    /// How many servers run.
    pub(crate) running: u32,
    /// How many are on their way to run.
    pub(crate) starting: u32,
    /// When the latest of them was ordered.
    pub(crate) ordered_at: Option<Time>,
}

/// Takes for unknown what does not tell what the rule goes by.
pub(crate) fn doubt(policy: &PolicyConfig, demand: &mut Demand) {
    if !matches!(policy.rule, Rule::WaitPerServer(_)) {
        return;
    }
    for reading in &mut demand.readings {
        if matches!(reading.told, Told::Known(signal) if signal.wait().is_none()) {
            let reason = "it does not tell how long the oldest job has waited, which wait_per_server goes by";
            reading.told = Told::Unknown { reason: reason.into(), since: Time::ZERO };
        }
    }
}

/// Gives how many servers the work asks for by what was told, whatever came before.
pub(crate) fn level(policy: &PolicyConfig, demand: &Demand, job_time: Option<Duration>) -> u32 {
    match policy.combine {
        Combine::Sum => servers_for(policy, &demand.signal(Combine::Sum), job_time),
        Combine::Max => {
            demand.signals().map(|signal| servers_for(policy, signal, job_time)).max().unwrap_or_default()
        }
    }
}

/// Gives how many servers so much work asks for.
pub(crate) fn servers_for(policy: &PolicyConfig, signal: &Signal, job_time: Option<Duration>) -> u32 {
    match &policy.rule {
        Rule::JobsPerServer(jobs) => narrow(u128::from(signal.work()).div_ceil(u128::from((*jobs).max(1)))),
        Rule::WaitPerServer(per) => {
            let wait = signal.wait().unwrap_or_default();
            narrow(wait.as_millis().div_ceil(per.as_millis().max(1))).max(in_hand(policy, signal))
        }
        Rule::TargetWait { within, job_time: assumed } => {
            let each = job_time.unwrap_or(*assumed).as_millis();
            let backlog = u128::from(signal.waiting).saturating_mul(each);
            narrow(backlog.div_ceil(within.as_millis().max(1))).max(in_hand(policy, signal))
        }
        Rule::Steps(steps) => {
            let reached = steps.iter().filter(|step| step.jobs <= signal.work());
            reached.max_by_key(|step| step.jobs).map_or(0, |step| step.servers)
        }
    }
}

/// Gives the number that the rule asks for, damped by what came of the numbers before.
pub(crate) fn damped(
    policy: &PolicyConfig,
    level: u32,
    signal: &Signal,
    memory: &DemandRecord,
    crew: &Crew,
    now: Time,
) -> u32 {
    let (Rule::WaitPerServer(_), Some(wait)) = (&policy.rule, signal.wait()) else { return level };
    let busy = busy(policy, signal, crew.running);
    let level = level.max(busy);
    let Some((last, before)) = memory.last.and_then(|last| Some((last, last.signal.wait()?))) else {
        return level;
    };
    let passed = now.since(last.at);
    if wait.is_zero() || passed.is_zero() {
        return level;
    }
    match wait.checked_sub(before) {
        // Whoever comes to wait in this time is served in more: as many more servers are needed.
        Some(rise) if wait >= passed => level.max(keeping_up(&last, passed, rise)),
        Some(_) => level,
        // It falls by itself, and whoever is added now would have to go again.
        None if (before - wait).saturating_mul(CLEARLY) >= passed => {
            level.min(memory.wanted().unwrap_or(level).max(busy))
        }
        None => level,
    }
}

/// A wait falls clearly if it does by the time that passes over this.
const CLEARLY: u32 = 10;

/// Gives how many servers would have kept the wait from rising as it did. Never much more than there were: one slow job
/// looks like many.
fn keeping_up(last: &Measured, passed: Duration, rise: Duration) -> u32 {
    let served = passed.saturating_sub(rise).as_millis();
    if served == 0 || last.running == 0 {
        return 0;
    }
    let most = last.running.saturating_add(ScaleRate::UP.step(last.running));
    narrow((u128::from(last.running) * passed.as_millis()).div_ceil(served)).min(most)
}

/// Gives how many servers have something in hand. Where nobody can tell and jobs wait, all have.
fn busy(policy: &PolicyConfig, signal: &Signal, running: u32) -> u32 {
    match (in_hand(policy, signal), signal.waiting) {
        (0, 1..) => running,
        (busy, _) => busy,
    }
}

fn in_hand(policy: &PolicyConfig, signal: &Signal) -> u32 {
    narrow(u128::from(signal.in_flight).div_ceil(u128::from(policy.jobs_at_once.max(1))))
}

/// Gives the number that the work would ask for if nobody had come since the servers on their way were ordered.
pub(crate) fn before_boot(
    policy: &PolicyConfig,
    demand: &Demand,
    job_time: Option<Duration>,
    crew: &Crew,
    now: Time,
) -> Option<u32> {
    let ordered_at = crew.ordered_at.filter(|_| crew.starting > 0)?;
    let signal = demand.signal(policy.combine);
    let wait = signal.wait()?;
    let since = now.since(ordered_at);
    let old = wait.saturating_sub(since);
    let share = |jobs: u64| {
        let jobs = u128::from(jobs).saturating_mul(old.as_millis()).div_ceil(wait.as_millis().max(1));
        u64::try_from(jobs).unwrap_or(u64::MAX)
    };
    match policy.rule {
        Rule::WaitPerServer(_) | Rule::TargetWait { .. } => {
            let then = Signal { waiting: share(signal.waiting), oldest_wait: Some(old), ..signal };
            Some(servers_for(policy, &then, job_time))
        }
        Rule::JobsPerServer(_) | Rule::Steps(_) => None,
    }
}

/// Learns how long a server takes for a job, from how far the queue moved on since it was measured last.
///
/// The jobs that wait came within the time that the oldest has waited, so that their rate is known; as the oldest is a later
/// one by now, so many were begun.
pub(crate) fn learn(policy: &PolicyConfig, memory: &mut DemandRecord, signal: &Signal, now: Time) {
    let Some(last) = memory.last else { return };
    let (Some(wait), Some(before)) = (signal.wait(), last.signal.wait()) else { return };
    let passed = now.since(last.at);
    let workers = busy(policy, &last.signal, last.running).min(last.running);
    // Of a queue that was empty on the way nobody knows how long it was, nor whether all were at work.
    let stood = wait >= passed && !before.is_zero() && !passed.is_zero();
    if !stood || workers == 0 {
        return;
    }
    let moved = before.saturating_add(passed).saturating_sub(wait).as_millis();
    let jobs = u128::from(signal.waiting).saturating_add(u128::from(last.signal.waiting));
    let jobs = jobs.saturating_mul(moved);
    let span = wait.as_millis() + before.as_millis();
    let Some(begun) = jobs.checked_div(span).filter(|begun| *begun > 0) else { return };
    let each = u128::from(workers) * passed.as_millis() / begun;
    let each = Duration::from_millis(u64::try_from(each).unwrap_or(u64::MAX).max(1));
    memory.job_time = Some(memory.job_time.map_or(each, |known| {
        // One measurement is worth a quarter, and none is believed that is far off.
        known.saturating_mul(3).saturating_add(each.clamp(known / 4, known.saturating_mul(4))) / 4
    }));
}

fn narrow(count: u128) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
