//! Room: the account's limit and the type's maximum are kept exactly, told of once, and never drift.

use dynservers_core::{Config, FoundLabels, ProviderState, Status};

use crate::world::{Disk, World, config, provider_name, type_name};

fn limited(limit: u32) -> Config {
    let mut config = config();
    config.providers.get_mut(&provider_name()).unwrap().max_servers_in_account = Some(limit);
    config
}

#[test]
fn foreign_servers_that_come_and_go_take_and_give_room() {
    let mut world = World::with(limited(8), Disk::new(1));
    world.cloud.habits.quota = Some(8);
    let mut strangers = Vec::new();
    let come =
        |world: &mut World| world.cloud.add(FoundLabels::default(), ProviderState::Running, false, world.now);
    for _ in 0..5 {
        strangers.push(come(&mut world));
    }
    world.run_seconds(5);
    world.ensure(6);
    world.run_seconds(300);
    assert_eq!((world.cloud.count(), world.events_named("limit_hit")), (3, 1));
    for _ in 0..3 {
        let key = strangers.pop().unwrap();
        world.cloud.meddle(key, |server| server.is_gone = true);
        world.run_seconds(700);
    }
    assert_eq!((world.count(Status::Running), world.events_named("limit_hit")), (6, 1));
    strangers.push(come(&mut world));
    world.ensure(5);
    world.run_seconds(200);
    world.ensure(8);
    world.run_seconds(700);
    assert_eq!((world.count(Status::Running), world.events_named("limit_hit")), (5, 2), "a new episode");
    assert_eq!(world.cloud.over_quota, 0);
}

#[test]
fn a_slow_pace_raises_no_false_alarm() {
    let mut world = World::with(limited(10), Disk::new(1));
    world.cloud.habits.quota = Some(10);
    world.latency = 3_000;
    let mut count = 0_u32;
    world.fate(crate::cloud::Fate::Throttle, move |effect| {
        count += u32::from(effect.op.name() == "create");
        effect.op.name() == "create" && !count.is_multiple_of(4)
    });
    world.run_seconds(30);
    world.ensure(10);
    world.run_seconds(900);
    assert_eq!((world.events_named("limit_hit"), world.cloud.over_quota), (0, 0));
    world.converge(10);
}

#[test]
fn the_maximum_of_a_type_counts_what_hangs() {
    let mut config = config();
    config.server_types.get_mut(&type_name()).unwrap().max = 3;
    let mut world = World::with(config, Disk::new(1));
    world.cloud.habits.boot = 100_000_000;
    world.run_seconds(5);
    world.ensure(3);
    world.run_seconds(3_600);
    assert_eq!((world.sent("create"), world.count(Status::Hanging)), (3, 3));
    assert_eq!(world.events_named("limit_hit"), 1);
}
