//! Sameness: equal inputs give equal outputs, and a machine restored from its records behaves as the live one.

use std::time::Duration;

use dynservers_core::{Action, Ledger, Reconciler};

use crate::cloud::Fate;
use crate::workers::{AskFate, demanding, scoring};
use crate::world::{Disk, World, type_name};

fn story(world: &mut World) {
    let mut count = 0_u32;
    world.fate(Fate::LoseReply, move |_| {
        count += 1;
        count.is_multiple_of(5)
    });
    world.run_seconds(5);
    for desired in [4, 9, 2, 6] {
        world.ensure(desired);
        world.run_seconds(70);
    }
    world.command(Action::Reboot { server_type: type_name(), at_a_time: Some(1) }).unwrap();
    world.run_seconds(200);
}

#[test]
fn the_same_story_is_the_same_to_the_last_event() {
    let (mut one, mut two) = (World::new(), World::new());
    story(&mut one);
    story(&mut two);
    assert_eq!(one.machine, two.machine);
    assert_eq!(one.events, two.events);
    assert_eq!(one.disk.stored, two.disk.stored);
    assert_eq!(one.outputs, two.outputs);
    assert!(one.events.len() > 30);
}

#[test]
fn a_clone_goes_on_as_the_original_does() {
    let mut world = World::new();
    story(&mut world);
    let (mut one, mut two) = (world.machine.clone(), world.machine.clone());
    let later = world.now + Duration::from_secs(400);
    for machine in [&mut one, &mut two] {
        machine.handle_timeout(later);
        machine.handle_timeout(later);
    }
    let outputs = |machine: &mut Reconciler| std::iter::from_fn(|| machine.poll_output()).collect::<Vec<_>>();
    assert_eq!(outputs(&mut one), outputs(&mut two));
    assert_eq!(one, two);
}

#[test]
fn a_machine_restored_from_its_records_decides_as_the_live_one() {
    let (mut live, mut restored) = (World::new(), World::new());
    for world in [&mut live, &mut restored] {
        story(world);
        world.converge(6);
    }
    let before = restored.events.len();
    restored.crash();
    restored.run_seconds(600);
    live.run_seconds(600);
    assert_eq!(restored.events.len(), before, "a restart is no news");
    for world in [&mut live, &mut restored] {
        world.ensure(8);
        world.run_seconds(100);
        world.ensure(3);
        world.run_seconds(300);
    }
    let told =
        |world: &World| world.events[before..].iter().map(|event| event.kind.clone()).collect::<Vec<_>>();
    assert_eq!(told(&live), told(&restored));
}

#[test]
fn what_is_stored_is_what_is_known() {
    let mut world = World::new();
    story(&mut world);
    world.converge(6);
    let restored = Ledger::restore(world.disk.stored.clone());
    assert!(world.machine.ledger().servers().eq(restored.servers()));
    assert_eq!(world.machine.ledger().fleet().types, restored.fleet().types);
    assert_eq!(world.machine.ledger().fleet().next_server, restored.fleet().next_server);
}

#[test]
fn early_and_repeated_timeouts_are_harmless() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(3);
    let before = world.machine.clone();
    for _ in 0..100 {
        world.machine.handle_timeout(world.now);
        world.machine.handle_timeout(dynservers_core::Time::ZERO);
    }
    assert_eq!(world.machine, before);
}

/// A life in which workers are asked, answer or not, and are called back, and the number follows the work.
fn working_story(world: &mut World) {
    let mut count = 0_u32;
    world.workers.fates = Box::new(move |_| {
        count += 1;
        if count.is_multiple_of(4) { AskFate::LoseAnswer } else { AskFate::Answer }
    });
    world.run_seconds(5);
    for work in [60, 20, 0, 90, 10] {
        world.measure(work, None);
        world.run_seconds(70);
        world.occupy_all(200);
        world.say_override(Some(u32::try_from(work / 15).unwrap()), Some(150)).unwrap();
        world.run_seconds(200);
    }
}

fn working() -> World {
    let mut config = demanding();
    config.server_types.get_mut(&type_name()).unwrap().asks_scores = true;
    World::with(config, Disk::new(1))
}

#[test]
fn the_same_story_of_workers_is_the_same_to_the_last_question() {
    let (mut one, mut two) = (working(), working());
    working_story(&mut one);
    working_story(&mut two);
    assert_eq!(one.machine, two.machine);
    assert_eq!(one.events, two.events);
    assert_eq!(one.workers.asked, two.workers.asked);
    assert_eq!(one.disk.stored, two.disk.stored);
    for question in ["drain", "undrain", "busy"] {
        assert!(one.workers.count(question) > 2, "{question}");
    }
}

#[test]
fn a_machine_restored_while_workers_drain_decides_as_the_live_one() {
    let (mut live, mut restored) = (working(), working());
    for world in [&mut live, &mut restored] {
        working_story(world);
        world.workers.fates = Box::new(|_| AskFate::Answer);
        world.run_seconds(100);
        world.say_override(Some(6), None).unwrap();
        world.converge(6);
        world.occupy_all(400);
        world.say_override(Some(3), Some(500)).unwrap();
        world.run_seconds(100);
    }
    restored.crash();
    let before = restored.events.len();
    for world in [&mut live, &mut restored] {
        world.run_seconds(200);
        world.say_override(Some(5), Some(500)).unwrap();
        world.run_seconds(700);
        world.measure(10, None);
        world.run_seconds(400);
        world.measure(10, None);
        world.run_seconds(1_200);
    }
    let told =
        |world: &World| world.events[before..].iter().map(|event| event.kind.clone()).collect::<Vec<_>>();
    assert_eq!(told(&live), told(&restored));
    assert!(told(&live).len() > 10);
    assert_eq!(restored.idlers(), []);
}

#[test]
fn a_fleet_that_asks_everything_is_silent_at_rest() {
    let mut world = World::running(scoring(), 5);
    let (outputs, writes) = (world.outputs, world.writes);
    world.run_seconds(3_600);
    // The periodic look, and nothing else.
    assert!(world.outputs - outputs <= 13, "{}", world.outputs - outputs);
    assert_eq!((world.writes, world.workers.asked.len()), (writes, 0));
}
