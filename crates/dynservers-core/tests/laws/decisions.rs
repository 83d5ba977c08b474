//! Decisions: each evaluation leaves what it was made of, durable with what it led to; and who only watches changes nothing.

use dynservers_core::{Action, ClampKind, Decision, Status, Trigger, Why};

use crate::workers::demanding;
use crate::world::{Disk, World, type_name};

fn world() -> World {
    let mut world = World::with(demanding(), Disk::new(1));
    world.run_seconds(5);
    world
}

fn last(world: &World) -> &Decision {
    world.disk.decisions.last().expect("something was decided")
}

#[test]
fn every_measurement_leaves_a_decision_even_if_it_changes_nothing() {
    let mut world = world();
    world.measure(41, None);
    let first = last(&world).clone();
    let judgement = first.judgement.as_ref().expect("it was measured");
    assert_eq!((first.trigger, first.before, first.desired), (Trigger::Measured, None, Some(5)));
    assert_eq!((judgement.raw, judgement.signal.work(), judgement.bound()), (5, 41, None));
    assert_eq!((first.orders.made, first.running, first.starting), (5, 0, 0));
    world.run_seconds(60);
    world.measure(41, None);
    let second = last(&world);
    assert_eq!(world.disk.decisions.len(), 2);
    assert_eq!((second.before, second.desired, second.running), (Some(5), Some(5), 5));
    assert!(second.orders.is_empty());
}

#[test]
fn a_decision_names_who_goes_and_why_and_what_held_it_before() {
    let mut world = world();
    world.measure(41, None);
    world.run_seconds(60);
    world.measure(21, None);
    let held = last(&world).judgement.clone().unwrap();
    assert_eq!((held.raw, held.decided, held.bound().unwrap().kind), (3, 5, ClampKind::Stabilization));
    world.run_seconds(301);
    world.measure(21, None);
    let decision = last(&world);
    assert_eq!((decision.desired, decision.orders.gone), (Some(3), 2));
    let victims: Vec<_> =
        decision.orders.victims.iter().map(|victim| (victim.server.0, victim.why)).collect();
    assert_eq!(victims, [(1, Why::Surplus), (2, Why::Surplus)]);
}

#[test]
fn an_operators_word_leaves_one_when_it_begins_and_when_it_ends() {
    let mut world = world();
    world.measure(41, None);
    world.run_seconds(60);
    world.say_override(Some(2), Some(100)).unwrap();
    let begun = last(&world).clone();
    assert_eq!((begun.trigger, begun.before, begun.desired), (Trigger::Overridden, Some(5), Some(2)));
    assert_eq!(begun.overriding.map(|over| over.count), Some(2));
    world.run_seconds(120);
    let ended =
        world.disk.decisions.iter().rfind(|decision| decision.trigger == Trigger::Overridden).unwrap();
    assert_eq!((ended.before, ended.desired, ended.overriding), (Some(2), Some(5), None));
}

#[test]
fn what_is_carried_out_later_leaves_one_too() {
    let mut world = world();
    world.measure(21, None);
    world.run_seconds(60);
    let oldest = world.cloud.oldest();
    world.cloud.meddle(oldest, |server| server.is_gone = true);
    world.run_seconds(900);
    assert_eq!(world.count(Status::Running), 3);
    let carried = world.disk.decisions.iter().rfind(|decision| decision.trigger == Trigger::Fleet);
    assert_eq!(carried.expect("another was made").orders.made, 1);
}

#[test]
fn a_type_without_a_policy_leaves_none() {
    let mut world = World::running(crate::workers::draining(), 2);
    world.ensure(3);
    world.run_seconds(60);
    assert!(world.disk.decisions.is_empty());
}

#[test]
fn who_only_watches_decides_and_changes_nothing() {
    let mut config = demanding();
    config.shadow = true;
    let mut world = World::with(config, Disk::new(1));
    world.run_seconds(5);
    world.measure(41, None);
    world.run_seconds(600);
    world.measure(0, None);
    world.run_seconds(600);
    let decision = &world.disk.decisions[0];
    assert_eq!((decision.desired, decision.orders.made, decision.shadow), (Some(5), 5, true));
    assert_eq!(world.disk.decisions.len(), 2, "nothing else moved");
    let changes = ["create", "stop", "delete", "reboot"].map(|op| world.sent(op));
    assert_eq!((changes, world.machine.ledger().servers().count()), ([0; 4], 0));
    assert!(world.machine.view(world.now).shadow);
}

#[test]
fn who_only_watches_leaves_no_intent_that_another_process_would_carry_out() {
    let mut world = World::running(crate::workers::draining(), 2);
    world.config = demanding();
    world.config.shadow = true;
    world.crash();
    world.run_seconds(5);
    world.measure(20, None);
    let oldest = world.cloud.oldest();
    world.cloud.meddle(oldest, |server| server.state = dynservers_core::ProviderState::Stopped);
    world.run_seconds(900);
    world.cloud.meddle(oldest, |server| server.state = dynservers_core::ProviderState::Running);
    world.run_seconds(7_200);
    assert!(world.machine.ledger().servers().all(|record| record.removal.is_none()));
    world.config.shadow = false;
    world.crash();
    world.run_seconds(5);
    world.measure(20, None);
    world.run_seconds(900);
    assert_eq!((world.count(Status::Running), world.sent("stop"), world.sent("create")), (2, 0, 2));
}

#[test]
fn a_fleet_that_ran_is_left_alone_by_whoever_only_watches_and_goes_on_afterwards() {
    let mut world = World::running(crate::workers::draining(), 3);
    world.config = demanding();
    world.config.shadow = true;
    world.crash();
    world.run_seconds(5);
    world.measure(0, None);
    let before = ["create", "stop", "delete", "reboot"].map(|op| world.sent(op));
    world.command(Action::Reboot { server_type: type_name(), at_a_time: None }).unwrap();
    for _ in 0..20 {
        world.measure(0, None);
        world.run_seconds(60);
    }
    let decision = last(&world);
    assert_eq!((decision.desired, decision.orders.gone, decision.running), (Some(0), 3, 3));
    assert_eq!(["create", "stop", "delete", "reboot"].map(|op| world.sent(op)), before);
    assert_eq!((world.count(Status::Running), world.workers.asked.len()), (3, 0));
    world.config.shadow = false;
    world.crash();
    world.run_seconds(5);
    world.converge(0);
}
