//! Clamps: what stands between the number that a rule asks for and the number that is wanted, in one order.

use alloc::string::String;
use alloc::vec::Vec;

use crate::decision::{Clamp, ClampKind, Judgement};
use crate::demand::{Demand, DemandRecord, Jump, Measured, Told, Window};
use crate::policy::PolicyConfig;
use crate::rule::{self, Crew};
use crate::time::Time;

/// What a decision depends on besides the work and the policy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) now: Time,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) crew: Crew,
    pub(crate) paid: Option<Paid>,
}

/// Who of the servers that are paid for by the unit may go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paid {
    /// How many there are.
    pub(crate) present: u32,
    /// How many of them are near the end of their unit, or cost nothing yet.
    pub(crate) spare: u32,
    /// When the next one comes near it.
    pub(crate) next: Option<Time>,
}

/// A number on its way, and what changed it.
struct Path {
    value: u32,
    clamps: Vec<Clamp>,
}

impl Path {
    /// Notes a stage, if it changes anything.
    fn pass(&mut self, kind: ClampKind, after: u32, until: Option<Time>, window: Option<&Window>) {
        if after != self.value {
            let window: Option<String> = window.map(|window| window.name.clone());
            self.clamps.push(Clamp { kind, before: self.value, after, until, window });
            self.value = after;
        }
    }
}

/// Decides for a number of servers by what was measured, and remembers what the next decision needs.
pub(crate) fn judge(
    memory: &mut DemandRecord,
    mut demand: Demand,
    policy: &PolicyConfig,
    facts: &Facts,
) -> Judgement {
    let now = facts.now;
    rule::doubt(policy, &mut demand);
    note_silence(memory, &mut demand, now);
    let signal = demand.signal(policy.combine);
    let is_known = memory.silent.is_empty();
    if is_known {
        rule::learn(policy, memory, &signal, facts.crew.running, now);
    }
    let current = memory.wanted().unwrap_or_default();
    let level = rule::level(policy, &demand, memory.job_time);
    let raw = if is_known { rule::damped(policy, level, &signal, memory, &facts.crew, now) } else { level };
    let mut path = Path { value: raw, clamps: Vec::new() };
    memory.unknown = demand.reason();
    disbelieve(&mut path, memory, policy, (current, is_known), facts);
    if is_known {
        memory.unknown_since = None;
        memory.last = Some(Measured { at: now, signal, running: facts.crew.running });
    } else {
        (memory.last, memory.learning_from, memory.behind) = (None, None, false);
        in_the_dark(&mut path, memory, policy, now);
    }
    let (lowest, highest) = bound(&mut path, &demand.windows, facts);
    let asked = dampen(&mut path, memory, policy, facts.min, (lowest, highest), now);
    if is_known {
        await_boots(&mut path, memory, policy, &demand, facts, lowest);
    }
    keep_paid(&mut path, memory, facts, highest);
    // What was asked for holds its time, and not what it was held at.
    memory.want(asked.min(path.value), now);
    memory.work = signal.work();
    memory.at = now;
    memory.decide(path.value, policy, now);
    let (readings, job_time) = (demand.readings, memory.job_time);
    Judgement { readings, signal, job_time, raw, clamps: path.clamps, decided: path.value }
}

/// Remembers since when each source does not know, and says so.
fn note_silence(memory: &mut DemandRecord, demand: &mut Demand, now: Time) {
    let before = core::mem::take(&mut memory.silent);
    for reading in &mut demand.readings {
        if let Told::Unknown { since, .. } = &mut reading.told {
            *since = before.get(&reading.source).copied().unwrap_or(now);
            memory.silent.insert(reading.source.clone(), *since);
        }
    }
}

/// Unknown is never zero: what was wanted is wanted still, and after the hold the fallback is. What is known of it is enough
/// to grow.
fn in_the_dark(path: &mut Path, memory: &mut DemandRecord, policy: &PolicyConfig, now: Time) {
    let least = path.value;
    let since = *memory.unknown_since.get_or_insert(now);
    let held = least.max(memory.wanted().unwrap_or(least));
    let end = since + policy.hold;
    match policy.fallback {
        Some(fallback) if now >= end => {
            // What was held goes; what was known to be wanted since then stays as long as the policy says.
            memory.peaks.retain(|peak| peak.at >= end);
            path.pass(ClampKind::Fallback, least.max(fallback), None, None);
        }
        fallback => path.pass(ClampKind::Unknown, held, fallback.map(|_| end), None),
    }
}

/// A jump is believed once it has lasted as long as a source may be silent. The other way it is another one; and what is not
/// known falls nowhere.
fn disbelieve(
    path: &mut Path,
    memory: &mut DemandRecord,
    policy: &PolicyConfig,
    (current, is_known): (u32, bool),
    facts: &Facts,
) {
    let asked = path.value.clamp(facts.min, facts.max.max(facts.min));
    let is_rise = asked > current;
    if !is_known && !is_rise {
        return;
    }
    if policy.max_step.is_none_or(|most| asked.abs_diff(current) <= most) {
        memory.jump = None;
        return;
    }
    let jump = memory.jump.filter(|jump| jump.is_rise == is_rise);
    let jump = jump.unwrap_or(Jump { since: facts.now, is_rise });
    memory.jump = Some(jump);
    let end = jump.since + policy.hold;
    if facts.now < end {
        path.pass(ClampKind::MaxStep, current, Some(end), None);
    }
}

/// Keeps the number within the calendar's bounds and the type's, and gives what they leave.
fn bound(path: &mut Path, windows: &[Window], facts: &Facts) -> (u32, u32) {
    let floor = windows.iter().filter(|window| window.floor.is_some()).max_by_key(|window| window.floor);
    let ceiling =
        windows.iter().filter(|window| window.ceiling.is_some()).min_by_key(|window| window.ceiling);
    let least = floor.and_then(|window| window.floor).unwrap_or(0);
    let most = ceiling.and_then(|window| window.ceiling).unwrap_or(u32::MAX).max(least);
    let until = |window: Option<&Window>| window.map(|window| window.until);
    path.pass(ClampKind::Floor, path.value.max(least), until(floor), floor);
    path.pass(ClampKind::Ceiling, path.value.min(most), until(ceiling), ceiling);
    path.pass(ClampKind::Minimum, path.value.max(facts.min), None, None);
    path.pass(ClampKind::Maximum, path.value.min(facts.max), None, None);
    (least.clamp(facts.min, facts.max), most.clamp(facts.min, facts.max))
}

/// Lets the number rise and fall no faster than it may, and not for little. Gives what was asked for before earlier wishes
/// held it up.
fn dampen(
    path: &mut Path,
    memory: &mut DemandRecord,
    policy: &PolicyConfig,
    min: u32,
    (lowest, highest): (u32, u32),
    now: Time,
) -> u32 {
    let current = memory.wanted().unwrap_or(path.value);
    // Of the whole way: a slow rate would else never take a step that is worth its while.
    let change = u64::from(path.value.abs_diff(current)) * 100;
    if let Some(rate) = policy.rate_up.filter(|_| path.value > current) {
        // The type's minimum waits for nothing.
        let most = memory.may_rise_to(current, rate, now).max(min);
        let until = memory.next_change(rate, now);
        path.pass(ClampKind::RateUp, path.value.min(most), until, None);
    }
    let is_little = change <= u64::from(current) * u64::from(policy.tolerance);
    if is_little && (lowest..=highest).contains(&current) {
        path.pass(ClampKind::Tolerance, current, None, None);
    }
    let asked = path.value;
    let peak = memory.highest(policy.scale_in_after, now).min(highest).max(asked);
    let until = memory.peaks.first().map(|peak| peak.at + policy.scale_in_after);
    path.pass(ClampKind::Stabilization, peak, until, None);
    if let Some(rate) = policy.rate_down.filter(|_| path.value < current) {
        let least = memory.may_fall_to(current, rate, now).min(highest.max(path.value));
        let until = memory.next_change(rate, now);
        path.pass(ClampKind::RateDown, path.value.max(least), until, None);
    }
    asked
}

/// What is on its way was ordered for what waited then: only what waits for longer than that is a reason for more.
fn await_boots(
    path: &mut Path,
    memory: &DemandRecord,
    policy: &PolicyConfig,
    demand: &Demand,
    facts: &Facts,
    lowest: u32,
) {
    let current = memory.wanted().unwrap_or_default();
    let then = rule::before_boot(policy, demand, memory.job_time, &facts.crew, facts.now);
    let Some(then) = then.filter(|_| path.value > current) else { return };
    let least = path.value.min(lowest);
    path.pass(ClampKind::Booting, path.value.min(then.max(current)).max(least), None, None);
}

/// Whoever is paid for stays, but for those near the end of their unit.
fn keep_paid(path: &mut Path, memory: &DemandRecord, facts: &Facts, highest: u32) {
    let (Some(paid), Some(current)) = (facts.paid, memory.wanted()) else { return };
    let least = paid.present.saturating_sub(paid.spare).min(current).min(highest);
    path.pass(ClampKind::PaidUnit, path.value.max(least), paid.next, None);
}

#[cfg(test)]
mod tests;
