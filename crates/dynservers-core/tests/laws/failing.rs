//! Failing: hanging, in error, stopped by hand, stuck; each with a deadline and an exit, and few replacements.

use std::time::Duration;

use dynservers_core::{Action, Config, EventKind, FailedPolicy, ProviderState, Status, StopMode};

use crate::cloud::CloudServer;
use crate::world::{World, config, type_name};

const HOUR: Duration = Duration::from_secs(3_600);

fn keeping() -> Config {
    let mut config = config();
    config.server_types.get_mut(&type_name()).unwrap().on_failed = FailedPolicy::Keep;
    config
}

fn meddle_first(world: &mut World, act: impl FnOnce(&mut CloudServer)) -> u64 {
    let key = world.cloud.oldest();
    world.cloud.meddle(key, act);
    key
}

#[test]
fn one_slow_clone_costs_one_extra_create_once() {
    let mut world = World::new();
    world.cloud.habits.boot = 45 * 60 * 1_000;
    world.run_seconds(5);
    world.ensure(1);
    world.run_for(3 * HOUR);
    assert_eq!((world.sent("create"), world.count(Status::Running)), (2, 1));
    assert_eq!(world.events_named("hanging"), 2);
    world.converge(1);
    world.ensure(2);
    world.converge(2);
    assert_eq!(world.sent("create"), 3, "it is learned");
    assert_eq!(world.events_named("hanging"), 2);
}

#[test]
fn whoever_stood_in_for_a_slow_clone_goes_even_if_nobody_said_how_many() {
    let mut config = config();
    config.server_types.get_mut(&type_name()).unwrap().min = 1;
    let mut world = World::with(config, crate::world::Disk::new(1));
    world.cloud.habits.boot = 45 * 60 * 1_000;
    world.run_seconds(11 * 60);
    assert_eq!(world.events_named("hanging"), 1);
    world.cloud.habits.boot = 23_000;
    world.run_for(2 * HOUR);
    assert_eq!((world.sent("create"), world.count(Status::Running)), (2, 1));
    world.check_agreement(1);
}

#[test]
fn slow_clones_that_come_up_one_after_the_other_cost_little_too() {
    let mut world = World::new();
    world.run_seconds(5);
    for minutes in [45, 46, 48] {
        world.cloud.habits.boot = minutes * 60 * 1_000;
        let before = world.sent("create");
        world.ensure(before + 1);
        world.run_seconds(30);
    }
    world.cloud.habits.boot = 45 * 60 * 1_000;
    world.run_for(5 * HOUR);
    assert!(world.sent("create") <= 4, "{}", world.sent("create"));
    world.converge(3);
}

#[test]
fn stopped_by_hand_is_told_deleted_and_replaced() {
    let mut world = World::running(config(), 3);
    meddle_first(&mut world, |server| server.state = ProviderState::Stopped);
    world.run_seconds(400);
    assert_eq!((world.sent("stop"), world.sent("delete"), world.sent("create")), (0, 1, 4));
    world.converge(3);
}

#[test]
fn in_error_is_replaced_kept_for_its_retention_and_removed() {
    let mut world = World::running(config(), 3);
    let key = meddle_first(&mut world, |server| server.state = ProviderState::Error);
    world.run_seconds(600);
    assert_eq!((world.count(Status::Errored), world.sent("stop"), world.sent("create")), (1, 0, 4));
    world.run_for(2 * HOUR);
    assert_eq!(world.cloud.stops, [StopMode::Hard]);
    assert!(world.cloud.servers[&key].is_gone);
    world.converge(3);
}

#[test]
fn an_error_that_a_stop_does_not_end_is_deleted_all_the_same() {
    let mut world = World::running(config(), 2);
    meddle_first(&mut world, |server| server.state = ProviderState::Error);
    world.cloud.deletes_in_error = true;
    world.cloud.habits.stop = 100_000_000_000;
    world.run_for(3 * HOUR);
    world.converge(2);
}

#[test]
fn failed_ones_are_kept_where_that_is_wanted_and_taken_back() {
    let mut world = World::running(keeping(), 3);
    let key = meddle_first(&mut world, |server| server.state = ProviderState::Error);
    world.run_for(48 * HOUR);
    assert_eq!((world.sent("stop"), world.count(Status::Errored), world.count(Status::Running)), (0, 1, 3));
    world.cloud.meddle(key, |server| server.state = ProviderState::Running);
    world.run_for(HOUR);
    assert_eq!(world.count(Status::Running), 3, "the replacement went");
    assert!(!world.cloud.servers[&key].is_gone);
    let superseded = |kind: &EventKind| matches!(kind, EventKind::Stopping(told) if told.why == Some(dynservers_core::Why::Superseded));
    assert!(world.told(superseded));
    world.converge(3);
}

#[test]
fn stuck_for_ever_is_bounded_in_cost_and_kept_in_sight() {
    let mut world = World::running(config(), 2);
    world.cloud.habits.boot = 100_000_000_000;
    world.ensure(3);
    world.run_seconds(10);
    world.cloud.habits.boot = 23_000;
    world.run_for(24 * HOUR);
    let stuck = world.machine.ledger().servers().find(|record| record.removal.is_some()).unwrap();
    assert_eq!(stuck.status, Status::Hanging, "it was asked to go, and does not");
    assert_eq!(world.sent("create"), 4, "replaced once");
    assert!(world.sent("stop") + world.sent("delete") <= 24 * 13, "{:?}", world.sent);
    assert!(world.events.len() < 50, "{}", world.events.len());
    assert_eq!(world.machine.view(world.now).providers.values().next().unwrap().alarms.len(), 1);
    let key = *world.cloud.living().nth(2).unwrap().0;
    world.cloud.meddle(key, |server| (server.state, server.next) = (ProviderState::Running, None));
    world.converge(3);
}

#[test]
fn an_ignored_soft_stop_becomes_a_hard_one() {
    let mut world = World::running(config(), 2);
    world.cloud.habits.ignores_soft_stop = true;
    world.ensure(1);
    world.run_seconds(60 + 600 - 10);
    assert_eq!(world.cloud.stops.len(), 1);
    world.run_seconds(120);
    assert_eq!(world.cloud.stops.len(), 2);
    assert_eq!(world.cloud.stops[1], StopMode::Hard);
    world.converge(1);
}

#[test]
fn orders_that_are_accepted_and_never_done_are_given_again_seldom() {
    let mut world = World::running(config(), 3);
    world.cloud.habits.forgets_orders = true;
    world.command(Action::Reboot { server_type: type_name(), at_a_time: None }).unwrap();
    world.run_for(HOUR);
    assert_eq!((world.sent("reboot"), world.count(Status::Running)), (3, 3));
    world.ensure(1);
    world.run_for(12 * HOUR);
    assert!(world.sent("stop") <= 2 * 12 * 7, "{:?}", world.sent);
    assert!(
        world.events_named("stopping") <= 2 && world.events_named("hanging") <= 2,
        "{}",
        world.events.len()
    );
    world.cloud.habits.forgets_orders = false;
    world.converge(1);

    let mut world = World::running(config(), 3);
    world.ensure(1);
    world.run_seconds(12);
    world.cloud.habits.forgets_orders = true;
    world.run_for(12 * HOUR);
    assert!(world.sent("delete") <= 2 * 12 * 7, "{:?}", world.sent);
    assert!(
        world.events_named("deleting") <= 2 && world.events_named("hanging") <= 2,
        "{}",
        world.events.len()
    );
    world.cloud.habits.forgets_orders = false;
    world.converge(1);
}

#[test]
fn a_reboot_that_is_always_refused_ends() {
    let mut world = World::running(config(), 2);
    world.fate(crate::cloud::Fate::Refuse(dynservers_core::Reason::Invalid), |effect| {
        effect.op.name() == "reboot"
    });
    world.command(Action::Reboot { server_type: type_name(), at_a_time: None }).unwrap();
    world.run_for(2 * HOUR);
    assert_eq!((world.count(Status::Running), world.count(Status::Rebooting)), (2, 0));
    assert!(world.sent("create") <= 3);
    world.converge(2);
}

#[test]
fn the_doomed_are_reprieved_while_nothing_was_asked_of_them() {
    let mut world = World::running(config(), 1);
    world.ensure(4);
    world.run_seconds(3);
    world.ensure(1);
    world.run_seconds(3);
    world.ensure(4);
    world.converge(4);
    assert_eq!((world.sent("create"), world.sent("stop"), world.cloud.peak), (4, 0, 4));
}

#[test]
fn pauses_hold_both_ways() {
    let mut world = World::running(config(), 3);
    world.command(Action::Pause { out: None, inward: Some(true) }).unwrap();
    world.ensure(1);
    world.run_for(HOUR);
    assert_eq!((world.sent("stop"), world.count(Status::Running)), (0, 3));
    world.crash();
    world.run_for(HOUR);
    assert_eq!(world.sent("stop"), 0, "a pause is durable");
    world.command(Action::Pause { out: Some(true), inward: Some(false) }).unwrap();
    world.converge(1);
    world.ensure(2);
    world.run_for(HOUR);
    assert_eq!(world.sent("create"), 3);
    world.command(Action::Pause { out: Some(false), inward: None }).unwrap();
    world.converge(2);
}
