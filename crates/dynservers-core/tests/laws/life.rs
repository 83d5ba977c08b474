//! A fleet's ordinary life: up, down, to zero, rebooted, limited.

use dynservers_core::{Action, Done, Status};

use crate::world::{World, type_name};

#[test]
fn a_fleet_goes_up_down_and_to_zero() {
    let mut world = World::new();
    world.run_seconds(5);
    assert!(matches!(world.ensure(3), Done::Desired { before: None, requested: 3, desired: 3, .. }));
    world.run_seconds(60);
    world.check_agreement(3);
    assert_eq!((world.events_named("creating"), world.events_named("running")), (3, 3));
    world.ensure(1);
    world.run_seconds(180);
    world.check_agreement(1);
    world.converge(1);
    world.ensure(0);
    world.converge(0);
    assert_eq!(world.events_named("deleted"), 3);
    assert_eq!(world.cloud.peak, 3);
}

#[test]
fn from_ensure_to_running_it_takes_the_boot_and_one_poll() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(200);
    world.run_seconds(23 + 20 + 5);
    assert_eq!(world.count(Status::Running), 200);
    assert_eq!(world.cloud.calls["create"], 200);
    assert!(world.cloud.calls() <= 240, "{:?}", world.cloud.calls);
    let before = world.cloud.calls();
    world.ensure(0);
    world.run_seconds(300);
    assert_eq!(world.cloud.count(), 0);
    assert!(world.is_settled());
    assert_eq!((world.cloud.calls["stop"], world.cloud.calls["delete"]), (200, 200));
    assert!(world.cloud.calls() - before <= 2 * 200 + 40, "{:?}", world.cloud.calls);
}

#[test]
fn servers_that_wait_for_their_turn_are_dropped_before_any_other() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(100);
    assert!(world.count(Status::New) > 0, "more are wanted than are asked for at once");
    world.ensure(20);
    world.run_seconds(60);
    world.check_agreement(20);
    assert_eq!((world.cloud.calls["create"], world.cloud.peak), (20, 20));
    world.converge(20);
}

#[test]
fn a_reboot_flags_those_that_start_and_honours_its_budget() {
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(3);
    world.run_seconds(60);
    world.ensure(4);
    world.run_seconds(2);
    let reply = world.command(Action::Reboot { server_type: type_name(), at_a_time: Some(1) });
    assert!(matches!(reply, Ok(Done::Rebooting { servers: 4, .. })), "{reply:?}");
    assert_eq!(world.count(Status::Rebooting), 1);
    for _ in 0..60 {
        world.run_seconds(10);
        assert!(world.count(Status::Rebooting) <= 1);
    }
    assert_eq!(world.cloud.calls["reboot"], 4);
    assert_eq!(world.events_named("rebooting"), 4);
    world.converge(4);
}

#[test]
fn one_slow_request_at_a_time_still_gets_there() {
    for latency in [200, 15_000, 25_000] {
        let mut config = crate::world::config();
        config.providers.get_mut(&crate::world::provider_name()).unwrap().concurrency = 1;
        let mut world = World::with(config, crate::world::Disk::new(1));
        world.latency = latency;
        world.run_seconds(60);
        world.ensure(3);
        world.run_seconds(1_800);
        assert_eq!(world.count(Status::Running), 3, "latency {latency}");
        world.ensure(1);
        world.converge(1);
    }
}

#[test]
fn slow_looks_that_never_rest_leave_room_for_creates() {
    let mut config = crate::world::config();
    config.providers.get_mut(&crate::world::provider_name()).unwrap().concurrency = 1;
    let mut world = World::with(config, crate::world::Disk::new(1));
    world.latency = 25_000;
    world.cloud.habits.boot = 10_000_000;
    world.run_seconds(60);
    world.ensure(3);
    world.run_seconds(500);
    assert_eq!(world.sent("create"), 3);
}
