//! The laws, as what must hold in every state.

use std::collections::BTreeSet;
use std::time::Duration;

use dynservers_core::{Op, ProviderId, ServerRecord, Status, Why};

use super::bounds::type_name;
use super::disk;
use super::world::{Flight, Rules, World};

/// One law: a name for people, and whether it holds in a state.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    /// What holds.
    pub name: &'static str,
    pub(crate) holds: fn(&Rules, &World) -> bool,
}

/// What must hold in every state.
pub const LAWS: &[Law] = &[
    Law { name: "no stranger is touched", holds: |_, world| !world.cloud.harmed },
    Law { name: "no token is borne by two living servers", holds: |_, world| no_token_twice(world) },
    Law { name: "never more live than are wanted, going or failed", holds: no_excess },
    Law { name: "no effect leaves before its intent is durable", holds: |_, world| !world.hasty },
    Law { name: "the disk knows every living server", holds: |_, world| no_leak(world) },
    Law { name: "nothing that lives is taken for gone", holds: |_, world| no_murder(world) },
    Law {
        name: "what the canonical form leaves out cannot matter",
        holds: |rules, world| is_sound(rules, world),
    },
];

/// What a check must come across to be worth its name.
pub const RARE: &[Law] = &[
    Law {
        name: "a dead process's create is still on its way",
        holds: |_, world| world.flights.iter().any(|flight| !flight.is_awaited && is_create(flight)),
    },
    Law {
        name: "a lost create is searched for",
        holds: |_, world| world.flights.iter().any(|flight| matches!(flight.effect.op, Op::Find(_))),
    },
    Law {
        name: "an attempt was given up",
        holds: |_, world| world.records().iter().any(|record| !record.abandoned.is_empty()),
    },
    Law {
        name: "a server lives whose create nobody heard of",
        holds: |_, world| world.cloud.living().any(|server| !is_bound(world, &server.id)),
    },
    Law {
        name: "a server is told to go",
        holds: |_, world| world.records().iter().any(|record| record.removal.is_some()),
    },
    Law {
        name: "a server that lives is missed, and asked about",
        holds: |_, world| world.flights.iter().any(|flight| matches!(flight.effect.op, Op::Inspect(_))),
    },
];

fn is_create(flight: &Flight) -> bool {
    matches!(flight.effect.op, Op::CreateFromSnapshot(_))
}

fn is_bound(world: &World, id: &ProviderId) -> bool {
    world.records().iter().any(|record| record.provider_id.as_ref() == Some(id))
}

fn no_token_twice(world: &World) -> bool {
    let mut tokens = BTreeSet::new();
    world.cloud.living().filter_map(|server| server.labels.token).all(|token| tokens.insert(token))
}

/// Ours that live are at most as many as were wanted at the most, and those that are known to be going or to have failed.
fn no_excess(rules: &Rules, world: &World) -> bool {
    let most = rules.bounds.wanted.max(rules.bounds.then.filter(|_| world.client.has_changed).unwrap_or(0));
    let is_extra = |record: &&&ServerRecord| {
        record.provider_id.is_some()
            && record.status != Status::Deleted
            && (record.removal.is_some() || matches!(record.status, Status::Hanging | Status::Errored))
    };
    world.cloud.living().count() <= most as usize + world.records().iter().filter(is_extra).count()
}

/// The disk knows each by its id, or by the token of an attempt, given up or not.
fn no_leak(world: &World) -> bool {
    world.cloud.living().all(|server| {
        world.disk.servers.iter().any(|record| {
            record.provider_id.as_ref() == Some(&server.id)
                || disk::tokens(record).any(|token| server.labels.token == Some(token))
        })
    })
}

/// No record that says `deleted`, on the disk or in the machine, is of a server that lives.
fn no_murder(world: &World) -> bool {
    let is_wrong = |record: &ServerRecord| {
        record.status == Status::Deleted
            && world.cloud.living().any(|server| {
                record.provider_id.as_ref() == Some(&server.id)
                    || disk::tokens(record).any(|token| server.labels.token == Some(token))
            })
    };
    let in_memory = world.machine.iter().flat_map(|machine| machine.ledger().servers());
    !in_memory.chain(&world.disk.servers).any(is_wrong)
}

/// What the canonical form takes for granted: nothing hangs, fails or ends by itself, nothing lasts so long that it nearly
/// did, and learned durations are too short to matter.
fn is_sound(rules: &Rules, world: &World) -> bool {
    let fleet = world.machine.as_ref().map_or(&world.disk.fleet, |machine| machine.ledger().fleet());
    let is_short = |learned: &Duration| *learned * 3 <= rules.config.timing.hanging_after;
    let in_memory = world.machine.iter().flat_map(|machine| machine.ledger().servers());
    fleet
        .types
        .get(&type_name())
        .is_none_or(|known| known.short_lives.is_none() && known.learned.values().all(is_short))
        && in_memory.chain(&world.disk.servers).all(|record| is_ordinary(world, record))
}

/// No passing status may last so long: far less than makes a difference.
pub(crate) const LASTS: Duration = Duration::from_secs(300);

fn is_ordinary(world: &World, record: &ServerRecord) -> bool {
    let lasts = world.now.since(record.status_since);
    let why = record.removal.as_ref().map(|removal| removal.why);
    match record.status {
        Status::Hanging | Status::Errored | Status::Rebooting | Status::Draining | Status::Paused => false,
        Status::New | Status::Starting | Status::Stopping | Status::Stopped | Status::Deleting => {
            lasts < LASTS && why.is_none_or(|why| why != Why::FoundStopped)
        }
        // Only what was to go is gone, or what never was.
        Status::Deleted => why.is_some() || record.provider_id.is_none(),
        Status::Running => true,
    }
}

/// Whether everything is as it should be: as many run as are wanted, provider and ledger say the same, and nothing is on
/// its way.
pub(crate) fn is_settled(rules: &Rules, world: &World) -> bool {
    let Some(machine) = &world.machine else { return false };
    if !world.client.answered || world.writing.is_some() || !world.flights.is_empty() || !machine.is_idle() {
        return false;
    }
    let view = machine.view(world.now);
    let Some(view) = view.types.get(&type_name()) else { return false };
    let wanted = world.wanted(rules);
    let running: Vec<_> =
        machine.ledger().servers().filter(|record| record.status == Status::Running).collect();
    let is_known = |id| running.iter().any(|record| record.provider_id.as_ref() == Some(id));
    view.settled
        && view.desired == Some(wanted)
        && running.len() == wanted as usize
        && world.cloud.living().count() == running.len()
        && world.cloud.living().all(|server| is_known(&server.id))
}
