//! Commands: done once however often they are said, within bounds, and refused in words.

use std::time::Duration;

use dynservers_core::{Action, Done, OwnerId, Refusal, Status, TypeName};

use crate::world::{Disk, World, config, type_name};

fn ensure(count: u32) -> Action {
    Action::Ensure { server_type: type_name(), count }
}

fn increase(by: u32) -> Action {
    Action::Increase { server_type: type_name(), by }
}

fn decrease(by: u32) -> Action {
    Action::Decrease { server_type: type_name(), by }
}

fn desired(world: &mut World, action: Action) -> (Option<u32>, u32, u32) {
    match world.command(action) {
        Ok(Done::Desired { before, requested, desired, .. }) => (before, requested, desired),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_key_is_answered_and_not_done_again() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(2);
    let first = world.command_as("key", increase(3));
    assert_eq!(world.command_as("key", increase(3)), first);
    world.crash();
    world.run_seconds(5);
    assert_eq!(world.command_as("key", increase(3)), first, "the key outlives the process");
    assert_eq!(world.command_as("key", increase(4)), Some(Err(Refusal::KeyReused)));
    assert_eq!(world.command_as("key", ensure(3)), Some(Err(Refusal::KeyReused)));
    world.converge(5);
}

#[test]
fn counts_saturate_and_are_clamped_and_it_is_said() {
    let mut config = config();
    let bounds = config.server_types.get_mut(&type_name()).unwrap();
    (bounds.min, bounds.max) = (1, 4);
    let mut world = World::with(config, Disk::new(1));
    world.run_seconds(5);
    assert_eq!(desired(&mut world, ensure(2)), (None, 2, 2));
    assert_eq!(desired(&mut world, increase(0)), (Some(2), 2, 2));
    assert_eq!(desired(&mut world, increase(u32::MAX)), (Some(2), u32::MAX, 4));
    assert_eq!(desired(&mut world, increase(1)), (Some(4), 5, 4));
    assert_eq!(desired(&mut world, decrease(0)), (Some(4), 4, 4));
    assert_eq!(desired(&mut world, decrease(u32::MAX)), (Some(4), 0, 1));
    assert_eq!(desired(&mut world, ensure(0)), (Some(1), 0, 1));
    assert_eq!(desired(&mut world, ensure(u32::MAX)), (Some(1), u32::MAX, 4));
    world.converge(4);
    assert_eq!(world.cloud.peak, 4);
}

#[test]
fn unknown_desired_counts_from_the_number_found() {
    let mut world = World::new();
    assert_eq!(world.command(increase(1)), Err(Refusal::NotSeenYet));
    assert_eq!(world.command(decrease(1)), Err(Refusal::NotSeenYet));
    world.run_seconds(5);
    world.ensure(4);
    world.converge(4);
    // The same owner with an empty ledger: as after a restart without a store.
    world.disk = Disk::new(1);
    world.crash();
    world.run_seconds(400);
    assert_eq!(world.count(Status::Running), 4, "adopted");
    assert_eq!(desired(&mut world, decrease(1)), (None, 3, 3));
    world.converge(3);
    assert_eq!(world.cloud.peak, 4);
}

#[test]
fn a_minimum_raises_the_fleet_by_itself() {
    let mut config = config();
    config.server_types.get_mut(&type_name()).unwrap().min = 2;
    let mut world = World::with(config, Disk::new(1));
    world.converge(2);
    assert_eq!(world.cloud.peak, 2);
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let mut config = config();
    let old = TypeName::new("old").unwrap();
    config.retired_types.insert(old.clone());
    let mut world = World::with(config, Disk::new(1));
    world.run_seconds(5);
    let retired = world.command(Action::Ensure { server_type: old.clone(), count: 1 });
    assert_eq!(retired, Err(Refusal::RetiredType { server_type: old }));
    let other = TypeName::new("other").unwrap();
    let unknown = world.command(Action::Increase { server_type: other.clone(), by: 1 });
    assert_eq!(unknown, Err(Refusal::UnknownType { server_type: other, known: vec![type_name()] }));
}

#[test]
fn ensure_during_a_lost_ledger_makes_no_second_fleet() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(4);
    world.converge(4);
    world.disk = Disk::new(1);
    world.crash();
    world.ensure(4);
    world.converge(4);
    assert_eq!((world.cloud.peak, world.sent("create")), (4, 4));
    // Another owner: nothing is ours until an operator says so, and nothing is doubled meanwhile.
    world.disk = Disk::new(2);
    assert_ne!(world.disk.stored.fleet.owner, OwnerId::from_random(1));
    world.crash();
    world.ensure(4);
    world.run_for(Duration::from_secs(3_600));
    assert_eq!((world.cloud.count(), world.sent("create"), world.sent("stop")), (4, 4, 0));
    assert!(world.told(|kind| kind.name() == "other_owner_found"));
    assert!(matches!(world.command(Action::Takeover { provider: None }), Ok(Done::TakenOver { servers: 4 })));
    world.converge(4);
    assert_eq!(world.sent("create"), 4);
}

#[test]
fn a_retired_type_drains_to_zero() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(4);
    world.run_seconds(10);
    world.config.server_types.remove(&type_name());
    assert_ne!(world.machine.ledger().contradictions(&world.config), [], "refused before it is retired");
    world.config.retired_types.insert(type_name());
    world.crash();
    world.converge(0);
}

#[test]
fn servers_dropped_before_they_were_asked_for_leave_nothing_behind() {
    let mut world = World::new();
    world.run_seconds(5);
    world.command(Action::Pause { out: Some(true), inward: None }).unwrap();
    world.ensure(3);
    world.run_seconds(60);
    assert_eq!(world.sent("create"), 0, "creating is paused");
    world.command(Action::Pause { out: Some(false), inward: None }).unwrap();
    world.fate(crate::cloud::Fate::Refuse(dynservers_core::Reason::Capacity), |effect| {
        effect.op.name() == "create"
    });
    world.run_seconds(60);
    assert!(world.count(Status::New) > 0, "they wait for the backoff");
    world.ensure(0);
    assert_eq!(world.count(Status::New), 0);
    world.run_seconds(3_600);
    world.ensure(2);
    world.converge(2);
    assert_eq!(world.cloud.peak, 2);
}
