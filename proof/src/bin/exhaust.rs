//! Checks every run of small worlds, and prints what was found. In a build with a safeguard left out it demands that this is
//! found.

use std::process::ExitCode;
use std::time::Instant;

use dynservers_proof::exhaust::{
    ALL, Bounds, Exploration, Faults, KNOCKED_OUT, Rules, Safety, Step, check, explore, first_broken,
    knocked_out, tell,
};

fn main() -> ExitCode {
    let is_right = match knocked_out() {
        Some(safeguard) => must_be_missed(safeguard),
        // All of them, even if one fails.
        None => ALL.iter().map(holds).filter(|holds| !holds).count() == 0,
    };
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Checks one bound, and tells whether every law holds in it and everything settles.
fn holds(bounds: &Bounds) -> bool {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{}: {}", bounds.name, size(bounds));
    let begun = Instant::now();
    let safety = check(bounds, threads);
    let checked = begun.elapsed().as_secs();
    println!(
        "  safety:   {} states, {} steps, depth {}, {checked} s",
        safety.states, safety.ways, safety.depth
    );
    let begun = Instant::now();
    let found = explore(bounds);
    let explored = begun.elapsed().as_secs();
    println!(
        "  settling: {} states, {} of them settled, at most {} fair steps away, {explored} s",
        found.states, found.settled, found.longest
    );
    for (name, states) in found.rare.iter().filter(|(_, states)| *states > 0) {
        println!("  in {states:>7} states {name}");
    }
    let is_whole = safety.states == found.states;
    let faults = faults(&safety, &found);
    for (name, steps) in &faults {
        println!("\n  BROKEN: {name}\n{}", tell(&Rules::new(bounds), steps));
    }
    if !is_whole && faults.is_empty() {
        println!("\n  BROKEN: the two explorers found different graphs: the canonical form is wrong");
    }
    is_whole && faults.is_empty()
}

fn size(bounds: &Bounds) -> String {
    let Faults { crashes, lost_requests, lost_replies, slow_replies, gaps } = bounds.faults;
    let then = bounds.then.map(|then| format!(", then {then}")).unwrap_or_default();
    format!(
        "{} wanted{then}; crashes {crashes}, lost requests {lost_requests}, lost replies {lost_replies}, slow replies \
        {slow_replies}, gaps {gaps}",
        bounds.wanted
    )
}

/// Gives everything that is wrong, with a run that shows it.
fn faults(safety: &Safety, found: &Exploration) -> Vec<(&'static str, Vec<Step>)> {
    let mut faults = found.broken.clone();
    if faults.is_empty() {
        faults.clone_from(&safety.broken);
    }
    faults.extend(found.stuck.clone().map(|run| ("it can settle from everywhere", run)));
    faults.extend(found.restless.clone().map(|run| ("it settles in the end", run)));
    faults
}

/// Checks that a safeguard that was left out is missed, by `stateright` and by a shortest run of our own.
fn must_be_missed(safeguard: &str) -> bool {
    println!("without \"{safeguard}\": {}", size(&KNOCKED_OUT));
    let is_missed = !check(&KNOCKED_OUT, 1).broken.is_empty();
    let Some((name, steps)) = first_broken(&KNOCKED_OUT).filter(|_| is_missed) else {
        println!("without \"{safeguard}\": NOT FOUND");
        return false;
    };
    println!("  BROKEN in {} steps: {name}\n{}", steps.len(), tell(&Rules::new(&KNOCKED_OUT), &steps));
    true
}
