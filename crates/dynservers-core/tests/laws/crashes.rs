//! Crashes: at every single output of a life, with the write kept or lost, with requests still on their way.

use dynservers_core::{Action, Status};

use crate::cloud::Fate;
use crate::world::{World, config, type_name};

/// A life with everything in it.
fn live(world: &mut World) {
    world.run_seconds(5);
    world.ensure(3);
    world.run_seconds(60);
    world.command(Action::Reboot { server_type: type_name(), at_a_time: Some(2) }).unwrap();
    world.run_seconds(60);
    world.ensure(1);
    world.run_seconds(30);
    world.ensure(2);
    world.run_seconds(100);
    world.ensure(0);
    world.run_seconds(150);
    world.ensure(2);
    world.run_seconds(30);
}

fn outputs() -> u64 {
    let mut world = World::new();
    live(&mut world);
    world.outputs
}

#[test]
fn a_crash_at_any_output_neither_leaks_nor_doubles() {
    for at in 1..=outputs() {
        for is_done in [false, true] {
            let mut world = World::new();
            world.death = Some((at, is_done));
            live(&mut world);
            world.converge(2);
            assert!(world.cloud.peak <= 3, "output {at}, done: {is_done}: {}", world.cloud.peak);
        }
    }
}

#[test]
fn what_was_sent_may_arrive_as_late_as_it_may() {
    for seconds in [0, 1, 2, 21, 25] {
        let mut world = World::new();
        world.run_seconds(5);
        world.ensure(4);
        world.run_seconds(seconds);
        world.delay_pending();
        world.crash();
        world.converge(4);
        assert_eq!(world.cloud.peak, 4, "{seconds}");
        world.ensure(0);
        world.run_seconds(seconds);
        world.delay_pending();
        world.crash();
        world.converge(0);
    }
}

#[test]
fn a_fleet_that_crashes_all_the_time_settles_when_it_stops() {
    let mut world = World::new();
    world.run_seconds(5);
    for round in 0_u32..40 {
        world.ensure(round * 7 % 11);
        world.run_seconds(u64::from(round % 5) * 7);
        if round % 3 == 0 {
            world.delay_pending();
        }
        world.crash();
    }
    world.ensure(5);
    world.converge(5);
}

#[test]
fn deletes_that_were_answered_to_nobody_hold_nothing() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(5);
    world.converge(5);
    world.ensure(0);
    world.fate(Fate::LoseReply, |effect| effect.op.name() == "delete");
    while world.cloud.count() > 0 {
        world.run_seconds(1);
    }
    world.crash();
    world.run_seconds(300);
    assert_eq!(world.count(Status::Deleted), 5);
    assert_eq!(world.events_named("held"), 0);
    world.converge(0);
}

#[test]
fn time_that_nobody_watched_is_not_learned() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(1);
    world.run_seconds(1);
    world.now = world.now + std::time::Duration::from_secs(36_000);
    let now = world.now;
    world.cloud.advance(now);
    world.crash();
    world.run_seconds(60);
    assert_eq!(world.count(Status::Running), 1);
    assert_eq!(world.machine.view(world.now).types[&type_name()].boot_time, None);
}

#[test]
fn time_in_which_the_provider_could_not_be_seen_is_not_learned() {
    let mut world = World::running(config(), 1);
    let boot = |world: &World| world.machine.view(world.now).types[&type_name()].boot_time;
    let known = boot(&world).unwrap();
    world.ensure(2);
    world.run_seconds(1);
    assert_eq!(world.sent("create"), 2);
    world.fate(Fate::Deny, |_| true);
    world.run_seconds(36_000);
    world.fates = Box::new(|_| Fate::Answer);
    world.converge(2);
    assert_eq!(boot(&world), Some(known));
}
