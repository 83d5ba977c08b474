//! Sameness: equal inputs give equal outputs, and a machine restored from its records behaves as the live one.

use std::time::Duration;

use dynservers_core::{Action, Ledger, Reconciler};

use crate::cloud::Fate;
use crate::world::{World, type_name};

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
