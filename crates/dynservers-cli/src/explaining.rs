//! Explaining: a decision about a number of servers in sentences, for somebody who wants to know why.

use dynservers_core::{
    Clamp, ClampKind, Decision, Judgement, Orders, Override, Reading, Signal, Time, Told, Trigger, Victim,
};

use crate::duration;
use crate::terminal::shown;
use crate::time::{span, timestamp};

/// Tells of a decision: the first line says what, the others how it came.
pub(crate) fn sentences(decision: &Decision) -> Vec<String> {
    let mut lines = vec![headline(decision)];
    if let Some(judgement) = &decision.judgement {
        judged(judgement, decision.at, &mut lines);
    }
    if let Some(overriding) = decision.overriding {
        lines.push(overridden(overriding, decision));
    }
    lines.push(fleet(decision));
    lines.extend(victims(&decision.orders, decision.shadow));
    lines
}

fn headline(decision: &Decision) -> String {
    let name = &decision.server_type;
    let number = |count: u32| format!("{count} server{}", plural(count));
    let what = match (decision.before, decision.desired) {
        (_, None) => "as many servers as are found".to_owned(),
        (Some(before), Some(desired)) if before == desired => format!("{} as before", number(desired)),
        (Some(before), Some(desired)) => format!("{before} -> {}", number(desired)),
        (None, Some(desired)) => number(desired),
    };
    let because = match decision.trigger {
        Trigger::Measured => "",
        Trigger::Overridden if decision.overriding.is_none() => ", since an operator's number ended",
        Trigger::Overridden => ", by an operator's word",
        Trigger::Fleet => ", carried out as the fleet changed",
    };
    let shadow = if decision.shadow { " (only watching: nothing is changed)" } else { "" };
    format!("{}  {name}: {what}{because}{shadow}", timestamp(decision.at).strftime("%Y-%m-%dT%H:%M:%SZ"))
}

fn judged(judgement: &Judgement, now: Time, lines: &mut Vec<String>) {
    match judgement.readings.as_slice() {
        [reading] => lines.push(format!("Measured: {}.", read(reading, now))),
        readings => {
            lines.push(format!("Measured, together: {}.", work(&judgement.signal)));
            lines.extend(readings.iter().map(|reading| format!("- {}.", read(reading, now))));
        }
    }
    if let Some(time) = judgement.job_time {
        lines.push(format!("A server takes {} for a job, as learned.", duration::show(time)));
    }
    let raw = judgement.raw;
    let verb = if judgement.readings.iter().any(|reading| matches!(reading.told, Told::Unknown { .. })) {
        "By what is known the rule asks"
    } else {
        "The rule asks"
    };
    lines.push(format!("{verb} for {raw} server{}.", plural(raw)));
    for clamp in &judgement.clamps {
        lines.push(format!("Then {}.", clamped(clamp)));
    }
    let decided = judgement.decided;
    lines.push(match judgement.bound() {
        Some(clamp) => {
            format!("So {decided} {} wanted; the last word had {}.", are(decided), name(clamp.kind))
        }
        None => format!("So {decided} {} wanted.", are(decided)),
    });
}

fn read(reading: &Reading, now: Time) -> String {
    let source = shown(&reading.source);
    match &reading.told {
        Told::Known(signal) => format!("{source}: {}", work(signal)),
        Told::Unknown { reason, since } => {
            let (reason, since) = (shown(reason), ago(*since, now));
            format!("{source}: unknown{since}, which is not taken for no work: {reason}")
        }
    }
}

fn work(signal: &Signal) -> String {
    let (waiting, in_hand) = (signal.waiting, signal.in_flight);
    let oldest = signal.oldest_wait.map(|wait| format!(", the oldest for {}", span(wait.as_secs())));
    let jobs = if waiting == 1 { "job waits" } else { "jobs wait" };
    format!("{waiting} {jobs}{}, {in_hand} in hand", oldest.unwrap_or_default())
}

/// Says since when, for what has lasted.
fn ago(since: Time, now: Time) -> String {
    match now.since(since).as_secs() {
        0 => String::new(),
        seconds => format!(" for {}", span(seconds)),
    }
}

fn clamped(clamp: &Clamp) -> String {
    let (before, after) = (clamp.before, clamp.after);
    let at = clamp.until.map(|until| timestamp(until).strftime("%H:%M:%SZ").to_string());
    let when = |words: &str| at.as_ref().map(|at| format!("{words} {at}")).unwrap_or_default();
    let window = clamp.window.as_deref().map(shown).unwrap_or_default();
    match clamp.kind {
        ClampKind::Unknown if clamp.until.is_some() => {
            format!(
                "{after} are kept, since not all of the work is known{}",
                when("; the fallback stands in from")
            )
        }
        ClampKind::Unknown => format!("{after} are kept, since not all of the work is known"),
        ClampKind::Fallback => {
            format!("it is {after} by fallback: the work has not been known for longer than hold")
        }
        ClampKind::MaxStep => format!(
            "{after} are kept: to {before} is further than max_step, and is believed{}",
            when(" if it lasts until")
        ),
        ClampKind::Floor => {
            format!("it is raised to {after} by the schedule {window:?}{}", when(", which lasts until"))
        }
        ClampKind::Ceiling => {
            format!("it is lowered to {after} by the schedule {window:?}{}", when(", which lasts until"))
        }
        ClampKind::Minimum => format!("it is raised to {after}, the type's min"),
        ClampKind::Maximum => format!("it is lowered to {after}, the type's max"),
        ClampKind::RateUp => {
            format!("it rises to {after} only: rate_up allows no more at once{}", when("; further from"))
        }
        ClampKind::Tolerance => format!("{after} are kept: the change is within the tolerance"),
        ClampKind::Stabilization => {
            format!("{after} are kept: so many were wanted within scale_in_after{}", when(", at most until"))
        }
        ClampKind::RateDown => {
            format!("it falls to {after} only: rate_down allows no more at once{}", when("; further from"))
        }
        ClampKind::Booting => {
            format!("it is {after} only: what is still starting was ordered for the same work")
        }
        ClampKind::PaidUnit => {
            format!(
                "{after} are kept: what is paid for stays to the end of its unit{}",
                when("; the next one ends soon at")
            )
        }
        _ => format!("it is {after}"),
    }
}

/// Names a clamp as the configuration does.
fn name(kind: ClampKind) -> &'static str {
    match kind {
        ClampKind::Unknown => "hold",
        ClampKind::Fallback => "fallback",
        ClampKind::MaxStep => "max_step",
        ClampKind::Floor | ClampKind::Ceiling => "the schedule",
        ClampKind::Minimum => "min",
        ClampKind::Maximum => "max",
        ClampKind::RateUp => "rate_up",
        ClampKind::Tolerance => "tolerance",
        ClampKind::Stabilization => "scale_in_after",
        ClampKind::RateDown => "rate_down",
        ClampKind::Booting => "what is still starting",
        ClampKind::PaidUnit => "billing",
        _ => "a bound that this version does not know",
    }
}

fn overridden(overriding: Override, decision: &Decision) -> String {
    let until = overriding.until.map_or_else(
        || "until it is taken back".to_owned(),
        |until| format!("until {}", timestamp(until).strftime("%Y-%m-%dT%H:%M:%SZ")),
    );
    let place = if decision.judgement.is_some() { ", in place of that" } else { "" };
    format!("An operator's {} counts{place}, within min and max, {until}.", overriding.count)
}

fn fleet(decision: &Decision) -> String {
    let Orders { made, kept, gone, .. } = decision.orders;
    let would = |done: &'static str, planned: &'static str| if decision.shadow { planned } else { done };
    let mut done = Vec::new();
    if made > 0 {
        done.push(format!("{made} {}", would("more made", "more would be made")));
    }
    if kept > 0 {
        done.push(format!("{kept} that {} to go {}", was(kept), would("kept", "would be kept")));
    }
    if gone > 0 {
        done.push(format!("{gone} {}", would("to go", "would have to go")));
    }
    let (running, starting) = (decision.running, decision.starting);
    let starts = if starting > 0 { format!(" and {starting} on the way") } else { String::new() };
    let what = match decision.desired {
        // Who goes is asked first, or something stands in the way: a pause, a hold, a limit.
        Some(desired) if done.is_empty() && desired != running + starting => {
            "nothing is done at once".to_owned()
        }
        _ if done.is_empty() => "nothing to do".to_owned(),
        _ => done.join(", "),
    };
    format!("There {} {running} running{starts}: {what}.", are(running))
}

fn victims(orders: &Orders, shadow: bool) -> Option<String> {
    let told = |victim: &Victim| {
        let busy = victim.score.map(|score| format!(", with {score} in hand")).unwrap_or_default();
        format!("server {} ({}{busy})", victim.server, victim.why)
    };
    let named: Vec<String> = orders.victims.iter().map(told).collect();
    let others = orders.gone.saturating_sub(u32::try_from(named.len()).unwrap_or(u32::MAX));
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let goes = if shadow { "Would go" } else { "To go" };
    (!named.is_empty()).then(|| format!("{goes}: {}{others}.", named.join("; ")))
}

const fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}

const fn are(count: u32) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

const fn was(count: u32) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

#[cfg(test)]
mod tests;
