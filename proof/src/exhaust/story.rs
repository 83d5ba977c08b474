//! Stories: runs and states as a person reads them.

use std::fmt::Write as _;

use dynservers_core::{Op, ProviderId, Reconciler, ServerRecord};

use super::step::Step;
use super::world::{BEGINNING, Flight, Rules, World};

/// Tells a run, step by step, from the beginning.
#[must_use]
pub fn tell(rules: &Rules, steps: &[Step]) -> String {
    let mut world = World::new(rules);
    let mut story = String::new();
    let _ = writeln!(story, "        begin                                        {}", scene(&world));
    for (number, step) in steps.iter().enumerate() {
        let what = describe(&world, step);
        world = world.after(rules, step);
        let _ = writeln!(story, "  {:>4}  {what:<44} {}", number + 1, scene(&world));
    }
    story
}

/// Says what happens in a step.
fn describe(world: &World, step: &Step) -> String {
    let request = |at: &usize| name(&world.flights[*at]);
    let ids = |ids: &[ProviderId]| ids.iter().map(ProviderId::as_str).collect::<Vec<_>>().join(", ");
    match step {
        Step::Write => "the write is durable".to_owned(),
        Step::Answer(at, hidden) if hidden.is_empty() => format!("{} is done and answered", request(at)),
        Step::Answer(at, hidden) => format!("{} is answered, still without {}", request(at), ids(hidden)),
        Step::Hear(at) => format!("the slow answer to {} comes", request(at)),
        Step::Wait => "time passes".to_owned(),
        Step::Start => "another process starts".to_owned(),
        Step::Say => "the client says it again".to_owned(),
        Step::Change => "the client wants another number".to_owned(),
        Step::Forget(at) => format!("{} never left", request(at)),
        Step::Crash { written: true } => "CRASH just after the write".to_owned(),
        Step::Crash { written: false } if world.writing.is_some() => "CRASH before the write".to_owned(),
        Step::Crash { written: false } => "CRASH".to_owned(),
        Step::LoseRequest(at) => format!("LOST: {} never arrives", request(at)),
        Step::LoseReply(at) => format!("LOST: {} is done, its answer is not heard", request(at)),
        Step::Delay(at) => format!("SLOW: {} is done, its answer is late", request(at)),
        Step::Gap(at, lacking) => format!("GAP: {} lacks {}", request(at), lacking.as_str()),
    }
}

/// Shows a state in one line: the moment, the machine's records, what lives, and what is on its way.
pub(crate) fn scene(world: &World) -> String {
    let seconds = world.now.since(BEGINNING).as_secs();
    let records = |records: Vec<&ServerRecord>| {
        let texts = records.iter().map(|record| format!("{} {}", record.id, record.status));
        texts.collect::<Vec<_>>().join(", ")
    };
    let machine = world.machine.as_ref().map(Reconciler::ledger);
    let machine =
        machine.map_or("dead".to_owned(), |ledger| format!("[{}]", records(ledger.servers().collect())));
    let lives = world.cloud.living().map(|server| format!("{} {}", server.id, server.state.as_str()));
    let lives = lives.collect::<Vec<_>>().join(", ");
    let flights: Vec<String> = world.flights.iter().map(name).collect();
    let writing = if world.writing.is_some() { ", writing" } else { "" };
    format!(
        "{seconds:>4} s  machine {machine}, disk [{}], cloud [{lives}], on the way [{}]{writing}",
        records(world.disk.servers.iter().collect()),
        flights.join(", ")
    )
}

fn name(flight: &Flight) -> String {
    let whose = if flight.is_awaited { "" } else { "dead process's " };
    match &flight.effect.op {
        Op::CreateFromSnapshot(create) => format!("{whose}create {}", create.server),
        Op::Stop { provider_id, .. } | Op::Delete { provider_id, .. } | Op::Inspect(provider_id) => {
            format!("{whose}{} {provider_id}", flight.effect.op.name())
        }
        other => format!("{whose}{}", other.name()),
    }
}
