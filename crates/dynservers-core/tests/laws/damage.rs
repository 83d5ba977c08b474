//! Damage: what a hand or a disk made of a ledger is lived with.

use std::time::Duration;

use dynservers_core::{ServerId, Status};

use crate::world::{Disk, World, config, type_name};

#[test]
fn a_next_number_that_nobody_counted_to_is_not_counted_on_from() {
    for next_server in [u64::MAX, u64::MAX - 1] {
        let mut disk = Disk::new(1);
        disk.stored.fleet.next_server = next_server;
        let mut world = World::with(config(), disk);
        world.run_seconds(5);
        world.ensure(3);
        world.converge(3);
        let numbers: Vec<ServerId> = world.machine.ledger().servers().map(|server| server.id).collect();
        assert_eq!(numbers, [1, 2, 3].map(ServerId), "{next_server}");
    }
}

#[test]
fn times_that_have_no_end_overflow_nothing() {
    let mut disk = Disk::new(1);
    let record = disk.stored.fleet.types.entry(type_name()).or_default();
    record.learned = Status::ALL.into_iter().map(|status| (status, Duration::MAX)).collect();
    let mut world = World::with(config(), disk);
    world.run_seconds(5);
    world.ensure(2);
    world.converge(2);
    world.ensure(0);
    world.converge(0);
}

#[test]
fn a_pause_that_has_no_end_overflows_nothing() {
    let mut config = config();
    config.timing.poll_interval = Duration::MAX;
    let mut world = World::with(config, Disk::new(1));
    world.run_seconds(5);
    world.ensure(2);
    world.run_seconds(60);
    // It never looks again; whoever asks what it knows is told.
    assert_eq!(world.machine.view(world.now).types[&type_name()].existing, 2);
    world.crash();
    world.run_seconds(60);
    assert_eq!(world.count(Status::Running), 2, "the first look shows them");
}
