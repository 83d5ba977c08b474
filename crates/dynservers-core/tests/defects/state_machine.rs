//! The state machine: rows 10 to 15.

use std::collections::BTreeSet;
use std::time::Duration;

use dynservers_core::{
    Action, Batch, Effect, EventKind, Input, Op, Output, Phase, ProviderState, Reason, Status, Time, Why,
};

use crate::cloud::{Fate, Habits};
use crate::workers::draining;
use crate::world::{Disk, World, config, provider_name, type_name};

const HOUR: u64 = 3_600;

/// Whether the disk holds the intent of a request that changes something.
fn is_intended(disk: &Disk, effect: &Effect) -> bool {
    let record = disk.stored.servers.iter().find(|record| Some(record.id) == effect.server);
    effect.op.is_read()
        || record.is_some_and(|record| match &effect.op {
            Op::CreateFromSnapshot(create) => record.attempt.as_ref().is_some_and(|attempt| {
                attempt.token == create.labels.token && attempt.phase == Phase::Issued
            }),
            Op::Stop { .. } => record.removal.as_ref().is_some_and(|removal| removal.stop.is_some()),
            Op::Delete { .. } => record.removal.as_ref().is_some_and(|removal| removal.delete.is_some()),
            Op::Reboot { .. } => record.reboot.is_some(),
            _ => false,
        })
}

/// Does what the machine wants with a store that writes as late as it can, and a cloud that answers before anything else
/// happens. Gives the requests that were checked.
fn drain_with_a_slow_store(world: &mut World) -> Vec<&'static str> {
    let mut checked = Vec::new();
    let mut unwritten: Option<Batch> = None;
    loop {
        match world.machine.poll_output() {
            None => {
                let Some(batch) = unwritten.take() else { return checked };
                world.disk.append(&batch);
                world.tell(Input::Persisted(batch.seq));
            }
            Some(Output::Persist(batch)) => {
                assert_eq!(unwritten, None, "one write at a time");
                unwritten = Some(batch);
            }
            Some(Output::Execute(effect)) => {
                assert!(is_intended(&world.disk, &effect), "{effect:?} leaves before its intent is durable");
                checked.push(effect.op.name());
                let completion = world.cloud.execute(&effect, Fate::Answer, world.now);
                world.tell(Input::Completed { effect: effect.id, completion });
            }
            Some(output) => {
                let tells = matches!(output, Output::Notify(_) | Output::Reply { .. });
                assert!(!tells || unwritten.is_none(), "{output:?} is told before it is durable");
                if let Some(input) = world.take_effect(output) {
                    world.tell(input);
                }
            }
        }
    }
}

#[test]
fn defect_10_nothing_leaves_before_its_intent_is_durable_and_no_fast_answer_is_overwritten() {
    let mut world = World::new();
    world.cloud.habits = Habits { boot: 0, stop: 0, ..world.cloud.habits };
    let mut checked = BTreeSet::new();
    let story = [
        Action::Ensure { server_type: type_name(), count: 4 },
        Action::Reboot { server_type: type_name(), at_a_time: None },
        Action::Ensure { server_type: type_name(), count: 1 },
    ];
    for (number, action) in (0..).zip(story) {
        let id = dynservers_core::CommandId::new(format!("slow {number}")).unwrap();
        world.tell(Input::Command(dynservers_core::Command { id, action }));
        for _ in 0..200 {
            checked.extend(drain_with_a_slow_store(&mut world));
            world.now = world.machine.poll_timeout().unwrap().at.max(world.now);
            world.cloud.advance(world.now);
            world.machine.handle_timeout(world.now);
        }
    }
    for name in ["create", "reboot", "stop", "delete"] {
        assert!(checked.contains(name), "never reached: {name}");
    }
    world.check_agreement(1);
    assert_eq!((world.count(Status::Running), world.count(Status::Deleted)), (1, 3));
}

/// A world in which a server is in a status, on the way in or out of which everything is stuck from now on.
fn stuck_in(status: Status) -> World {
    let mut world = match status {
        Status::Draining => World::running(draining(), 1),
        _ => World::running(config(), 1),
    };
    match status {
        Status::New => {
            world.fate(Fate::Refuse(Reason::Capacity), |effect| effect.op.name() == "create");
            world.ensure(3);
            world.run_seconds(5);
        }
        Status::Starting | Status::Hanging => {
            world.cloud.habits.boot = 1_000_000_000;
            world.ensure(2);
        }
        Status::Rebooting => {
            world.cloud.habits.stop = 1_000_000_000;
            world.command(Action::Reboot { server_type: type_name(), at_a_time: None }).unwrap();
            world.run_seconds(1);
        }
        Status::Draining => {
            world.occupy_all(1_000_000_000);
            world.ensure(0);
        }
        Status::Stopping => {
            world.cloud.habits.stop = 1_000_000_000;
            world.ensure(0);
        }
        Status::Stopped => {
            // Its delete waits for its turn behind a request that takes its time.
            let mut config = world.config.clone();
            config.providers.get_mut(&provider_name()).unwrap().concurrency = 1;
            world = World::running(config, 2);
            world.ensure(0);
        }
        Status::Deleting => {
            world.ensure(0);
            world.run_seconds(12);
            world.cloud.habits.forgets_orders = true;
        }
        Status::Running | Status::Errored => {
            let key = world.cloud.oldest();
            world.cloud.meddle(key, |server| server.state = ProviderState::Error);
        }
        Status::Deleted | Status::Paused => unreachable!("nothing is on its way from there"),
    }
    let mut steps = 0;
    while world.count(status) == 0 {
        world.step(world.now + Duration::from_secs(1));
        steps += 1;
        assert!(steps < 10_000, "{status} is never reached");
    }
    world.cloud.habits.forgets_orders = true;
    world
}

/// Each status that passes, what it is left to at the latest when the provider does nothing any more, and within how many
/// seconds. `deleted` is the end, and nothing here makes a server `paused`.
const LIMITS: [(Status, &[Status], u64); 10] = [
    (Status::New, &[Status::Starting, Status::Errored], 2 * HOUR),
    (Status::Starting, &[Status::Hanging], 660),
    (Status::Running, &[Status::Errored], 330),
    (Status::Rebooting, &[Status::Hanging], 660),
    (Status::Draining, &[Status::Stopping], 960),
    (Status::Stopping, &[Status::Hanging], 720),
    (Status::Stopped, &[Status::Deleting], 60),
    (Status::Deleting, &[Status::Hanging, Status::Stopped], 720),
    (Status::Errored, &[Status::Stopping, Status::Deleting], HOUR + 60),
    (Status::Hanging, &[Status::Errored], 2 * HOUR + 60),
];

#[test]
fn defect_11_every_status_that_passes_has_a_deadline_and_an_exit() {
    let named: BTreeSet<Status> = LIMITS.iter().map(|(status, ..)| *status).collect();
    let ends = BTreeSet::from([Status::Deleted, Status::Paused]);
    assert_eq!(named.union(&ends).count(), Status::ALL.len(), "every status is in the table");
    for (status, exits, seconds) in LIMITS {
        let mut world = stuck_in(status);
        let id = world.ids(status)[0];
        // Whoever watched it is dead, and nobody says another word to the one who comes after.
        world.crash();
        let wakeup = world.machine.poll_timeout().expect("somebody looks again").at;
        assert!(wakeup <= world.now + Duration::from_secs(300), "{status}: the next look");
        let deadline = world.now + Duration::from_secs(seconds);
        let left_to = loop {
            let now = world.machine.ledger().server(id).map(|record| record.status);
            if now != Some(status) || world.now >= deadline {
                break now;
            }
            world.run_seconds(1);
        };
        assert!(left_to.is_some_and(|next| exits.contains(&next)), "{status} is left to {left_to:?}");
        // And the way out of there leads to rest, as soon as the provider does anything at all.
        world.cloud.habits = Habits::default();
        world.cloud.deletes_in_error = true;
        for (_, server) in world.cloud.living_mut() {
            if server.state == ProviderState::InProgress {
                (server.state, server.next) = (ProviderState::Running, None);
            }
        }
        world.ensure(2);
        world.converge(2);
    }
}

#[test]
fn defect_12_a_create_that_succeeds_late_is_adopted_or_removed_and_never_ignored() {
    let mut removed = 0;
    for (lag, delay) in [(0, 31_000), (0, 600_000), (200_000, 0), (200_000, 600_000), (3_000_000, 0)] {
        for wanted in [0, 2, 3] {
            let mut world = World::new();
            world.is_lag_honest = false;
            (world.cloud.habits.list_lag, world.answer_delay) = (lag, delay);
            world.run_seconds(5);
            if delay == 0 {
                world.fate(Fate::LoseReply, |effect| effect.op.name() == "create");
            }
            world.ensure(2);
            world.run_seconds(if lag == 0 { 20 } else { 200 });
            world.fates = Box::new(|_| Fate::Answer);
            world.ensure(wanted);
            world.run_seconds(10);
            (world.cloud.habits.list_lag, world.answer_delay) = (0, 0);
            // It ends with as many at the provider as the ledger knows to run.
            world.converge(wanted as usize);
            removed += world
                .events
                .iter()
                .filter(|event| matches!(&event.kind, EventKind::Adopted(told) if told.why == Some(Why::Duplicate)))
                .count();
        }
    }
    assert!(removed > 0, "never reached: a server whose record had made another one meanwhile");
}

#[test]
fn defect_13_three_clones_of_45_minutes_succeed_and_cost_one_extra_create_the_first_time_only() {
    let mut world = World::new();
    world.cloud.habits.boot = 45 * 60 * 1_000;
    world.run_seconds(5);
    world.ensure(3);
    world.run_seconds(4 * HOUR);
    assert_eq!((world.sent("create"), world.count(Status::Running)), (4, 3));
    assert_eq!(world.events_named("errored"), 0, "none of them is given up");
    world.converge(3);
    for count in [6, 9] {
        world.ensure(count);
        world.converge(count as usize);
        assert_eq!(world.sent("create"), count + 1, "it is learned");
    }
}

#[test]
fn defect_14_a_state_nobody_knows_is_waited_for_within_bounds_and_an_error_is_replaced() {
    for (state, status) in
        [(ProviderState::Unknown, Status::Hanging), (ProviderState::Error, Status::Errored)]
    {
        let mut world = World::running(config(), 2);
        world.cloud.habits.boot = 1_000_000_000;
        world.ensure(3);
        world.run_seconds(30);
        let key = *world.cloud.living().last().unwrap().0;
        world.cloud.meddle(key, |server| server.state = state);
        world.cloud.habits.boot = 23_000;
        world.run_seconds(660);
        assert_eq!(world.count(status), 1, "{state:?}");
        world.run_seconds(300);
        assert_eq!((world.count(Status::Running), world.sent("create")), (3, 4), "{state:?}: it is replaced");
        // The row does not stay for ever: it is given up, and goes as soon as the provider lets it.
        world.run_seconds(4 * HOUR);
        let record = world.machine.ledger().servers().find(|record| record.status != Status::Running);
        assert!(record.unwrap().removal.is_some(), "{state:?}: it is to go");
        world.cloud.deletes_in_error = true;
        world.cloud.meddle(key, |server| server.state = ProviderState::Error);
        world.converge(3);
    }
}

fn rebooting(habits: impl FnOnce(&mut Habits)) -> (World, Time) {
    let mut world = World::running(config(), 1);
    habits(&mut world.cloud.habits);
    world.command(Action::Reboot { server_type: type_name(), at_a_time: None }).unwrap();
    let began = world.now;
    while world.sent("reboot") == 0 {
        world.run_seconds(1);
    }
    (world, began)
}

#[test]
fn defect_15_a_reboot_that_shows_no_edge_is_done_when_its_time_is_over_and_not_before() {
    // It is accepted and the state stays started: nothing tells whether it begins, is over, or never comes.
    let (mut world, began) = rebooting(|habits| habits.forgets_orders = true);
    let restart_time = world.config.providers[&provider_name()].restart_time;
    while world.now < began + restart_time {
        assert_eq!(world.count(Status::Rebooting), 1, "at {}", world.now.since(began).as_secs());
        world.run_seconds(1);
    }
    assert!(world.cloud.calls["look"] > 2, "it was seen started meanwhile");
    world.run_seconds(30);
    assert_eq!(world.count(Status::Running), 1);
    world.converge(1);
}

#[test]
fn defect_15_a_reboot_that_shows_its_edge_is_done_when_the_server_is_back() {
    let (mut world, began) = rebooting(|habits| habits.stop = 100_000);
    world.run_seconds(95);
    assert_eq!(world.count(Status::Rebooting), 1, "it was seen down, and not yet back");
    world.run_seconds(30);
    assert_eq!(world.count(Status::Running), 1, "after {}", world.now.since(began).as_secs());
    assert_eq!(world.sent("reboot"), 1);
    world.converge(1);
}
