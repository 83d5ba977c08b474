//! Short lives: servers that end by themselves soon after they were made do not turn the fleet into a mill.

use dynservers_core::{ProviderState, Status};

use crate::workers::draining;
use crate::world::{Disk, World};

/// Runs for a day in which every server that comes up meets this a minute later, and gives the creates.
fn mill(end: impl Fn(&mut crate::cloud::CloudServer)) -> u32 {
    let mut world = World::with(draining(), Disk::new(1));
    world.run_seconds(5);
    world.ensure(1);
    let before = world.sent("create");
    for _ in 0..24 * 60 {
        world.run_seconds(60);
        for (_, server) in world.cloud.living_mut() {
            if server.state == ProviderState::Running {
                end(server);
            }
        }
    }
    world.sent("create") - before
}

#[test]
fn a_worker_that_ends_at_once_costs_few_servers_a_day() {
    let stopped = mill(|server| server.state = ProviderState::Stopped);
    assert!((30..80).contains(&stopped), "{stopped} creates when they stop themselves");
    let gone = mill(|server| server.is_gone = true);
    assert!((30..80).contains(&gone), "{gone} creates when they delete themselves");
    let failed = mill(|server| server.state = ProviderState::Error);
    assert!(failed < 120, "{failed} creates when they break");
}

#[test]
fn one_that_is_stopped_by_hand_after_a_long_life_is_replaced_at_once() {
    let mut world = World::running(draining(), 2);
    let key = world.cloud.oldest();
    world.cloud.meddle(key, |server| server.state = ProviderState::Stopped);
    while world.sent("create") == 2 {
        world.run_seconds(1);
        assert!(
            world.count(Status::Stopped) + world.count(Status::Deleting) == 0 || world.sent("create") == 3
        );
    }
    world.converge(2);
}

#[test]
fn many_that_stop_together_count_once() {
    let mut world = World::with(draining(), Disk::new(1));
    world.run_seconds(5);
    world.ensure(20);
    world.run_seconds(100);
    for (_, server) in world.cloud.living_mut() {
        server.state = ProviderState::Stopped;
    }
    world.run_seconds(400);
    assert_eq!(world.count(Status::Running), 20);
    let lives = &world.machine.ledger().fleet().types[&crate::world::type_name()].short_lives;
    assert_eq!(lives.map(|retry| retry.tries), Some(1));
    world.converge(20);
}

#[test]
fn the_wait_survives_a_restart() {
    let mut world = World::with(draining(), Disk::new(1));
    world.run_seconds(5);
    world.ensure(1);
    for _ in 0..60 {
        world.run_seconds(120);
        for (_, server) in world.cloud.living_mut() {
            if server.state == ProviderState::Running {
                server.state = ProviderState::Stopped;
            }
        }
        world.crash();
    }
    assert!(world.sent("create") < 20, "{}", world.sent("create"));
    world.converge(1);
}
