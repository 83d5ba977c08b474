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
    match before.checked_sub(wait) {
        // It falls by itself, and whoever is added now would have to go again.
        Some(fall) if fall.saturating_mul(CLEARLY) >= passed => {
            level.min(memory.wanted().unwrap_or(level).max(busy))
        }
        _ if memory.behind => level.max(keeping_up(signal, wait, memory.job_time, crew.running)),
        _ => level,
    }
}

/// A wait falls clearly if it does by the time that passes over this.
const CLEARLY: u32 = 10;

/// Gives how many servers begin the jobs as fast as they come, as far as that was learned. Never much more than there are:
/// a few jobs look like many.
fn keeping_up(signal: &Signal, wait: Duration, job_time: Option<Duration>, running: u32) -> u32 {
    let Some(job_time) = job_time.filter(|_| running > 0) else { return 0 };
    let most = running.saturating_add(ScaleRate::UP.step(running));
    // After the oldest so many came.
    let work = u128::from(signal.waiting.saturating_sub(1)).saturating_mul(job_time.as_millis());
    narrow(work.div_ceil(wait.as_millis().max(1))).min(most)
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
    match policy.rule {
        Rule::WaitPerServer(_) => {
            let then = Signal { oldest_wait: Some(old), ..signal };
            Some(servers_for(policy, &then, job_time))
        }
        // They count jobs, and what starts counts for some of those too.
        Rule::JobsPerServer(_) | Rule::Steps(_) | Rule::TargetWait { .. } => None,
    }
}

/// Learns how long a server takes for a job, and whether the servers that run fall behind, from how far the queue moved on
/// while as many ran.
///
/// The jobs that wait came within the time that the oldest has waited, so that their rate is known; as the oldest is a later
/// one by now, so many were begun. Only moments count at which the oldest is another one than a measurement before: a queue
/// whose jobs take longer than that stands still in between.
pub(crate) fn learn(
    policy: &PolicyConfig,
    memory: &mut DemandRecord,
    signal: &Signal,
    running: u32,
    now: Time,
) {
    let here = Measured { at: now, signal: *signal, running };
    // Until anything is known, a crew that changes is better than none.
    let is_fit = |last: &Measured| last.running == running || (memory.job_time.is_none() && last.running > 0);
    let (Some(last), Some(head)) = (memory.last.filter(is_fit), head(&here)) else {
        (memory.learning_from, memory.behind) = (None, false);
        return;
    };
    let workers = busy(policy, &last.signal, last.running).min(last.running);
    memory.spent = memory.spent.saturating_add(now.since(last.at).saturating_mul(workers));
    if self::head(&last).is_none_or(|before| head.since(before) < PRECISE) {
        return;
    }
    let Some(from) = memory.learning_from else {
        (memory.learning_from, memory.spent) = (Some(here), Duration::ZERO);
        return;
    };
    let Some(pace) = Pace::between(&from, &here) else { return };
    // The first is better than nothing.
    if memory.job_time.is_some() && pace.begun < u128::from(workers) * 2 {
        return;
    }
    memory.behind = pace.is_behind();
    let Some(each) = pace.each(memory.spent) else { return };
    memory.job_time = Some(memory.job_time.map_or(each, |known| {
        // One measurement is worth a quarter, and none is believed that is far off.
        known.saturating_mul(3).saturating_add(each.clamp(known / 4, known.saturating_mul(4))) / 4
    }));
    if now.since(from.at) >= LEARNED_WITHIN {
        (memory.learning_from, memory.spent) = (Some(here), Duration::ZERO);
    }
}

/// Some sources tell whole seconds.
const PRECISE: Duration = Duration::from_secs(1);

/// The longer, the more exact, and the later it is noticed that the jobs are others.
const LEARNED_WITHIN: Duration = Duration::from_secs(1_800);

/// Gives when the oldest of the waiting jobs came.
fn head(measured: &Measured) -> Option<Time> {
    let wait = measured.signal.wait().filter(|wait| !wait.is_zero() && measured.running > 0)?;
    Some(measured.at.saturating_sub(wait))
}

/// How far a queue moved on between two moments. Times in milliseconds.
struct Pace {
    passed: u128,
    /// By how much the oldest job is a later one.
    moved: u128,
    /// How many jobs were begun, by how many came in the time that is waited for.
    begun: u128,
    /// How many of them took the place of another one, and so how many ended.
    ended: u128,
}

impl Pace {
    fn between(from: &Measured, to: &Measured) -> Option<Self> {
        let moved = head(to)?.since(head(from)?).as_millis();
        let waits = to.signal.wait()?.as_millis() + from.signal.wait()?.as_millis();
        // The oldest itself came at the beginning of that time, and not within it.
        let came = |measured: &Measured| u128::from(measured.signal.waiting.saturating_sub(1));
        let jobs = came(from) + came(to);
        let begun = jobs.saturating_mul(moved).checked_div(waits).filter(|begun| *begun > 0)?;
        let more = u128::from(to.signal.in_flight.saturating_sub(from.signal.in_flight));
        let ended = begun.saturating_sub(more);
        Some(Self { passed: to.at.since(from.at).as_millis(), moved, begun, ended })
    }

    /// Gives how long a job took, of so much time that all servers spent together.
    fn each(&self, spent: Duration) -> Option<Duration> {
        let each = spent.as_millis().checked_div(self.ended)?;
        Some(Duration::from_millis(u64::try_from(each).unwrap_or(u64::MAX).max(1)))
    }

    /// Whether more jobs came than were begun: by two at least, and by a twentieth.
    fn is_behind(&self) -> bool {
        let short = self.passed.saturating_sub(self.moved);
        short * 20 > self.passed && self.begun.saturating_mul(short) >= self.moved.saturating_mul(2)
    }
}

fn narrow(count: u128) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
