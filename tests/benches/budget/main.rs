//! What the machine, its store and its loops cost, against the budget: figures of one run, and no test of any.
//!
//! `cargo xtask bench` builds and runs it. Fails where a budget is broken by more than a factor of two.

mod calls;
mod cloud;
mod core;
mod fleet;
mod recorder;
mod rounds;
mod runtimes;
mod server;
mod store;
mod upcloud;
mod whole;

use std::process::ExitCode;

use dynservers_tests::{Figure, Table, Verdict};

use rounds::Scale;

/// Something that is measured.
type Measure = fn(&Scale) -> Vec<Figure>;

/// What is measured, in order, by the names that may be asked for.
const PARTS: &[(&str, Measure)] = &[
    ("lives", core::lives),
    ("fleets", core::fleets),
    ("store", store::measure),
    ("loops", runtimes::measure),
    ("whole", whole::measure),
    ("calls", calls::measure),
];

fn main() -> ExitCode {
    // Cargo says of itself that this is a bench.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let names = || PARTS.iter().map(|(name, _)| *name);
    let is_known = |argument: &&String| *argument == "--quick" || names().any(|name| *argument == name);
    if let Some(unknown) = arguments.iter().find(|argument| !is_known(argument)) {
        let names: Vec<&str> = names().collect();
        eprintln!("there is no part {unknown:?}; there are {}, and --quick", names.join(", "));
        return ExitCode::from(2);
    }
    let scale =
        if arguments.iter().any(|argument| argument == "--quick") { Scale::QUICK } else { Scale::FULL };
    let chosen: Vec<&String> = arguments.iter().filter(|argument| *argument != "--quick").collect();
    let mut table = Table::default();
    for (name, measure) in PARTS {
        if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
            eprintln!("measuring {name} ...");
            table.extend(measure(&scale));
        }
    }
    print!("{table}");
    let (broken, over) = (table.count(Verdict::Broken), table.count(Verdict::Over));
    println!("\nbench: {} within the budget, {over} over it, {broken} broken", table.count(Verdict::Ok));
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
