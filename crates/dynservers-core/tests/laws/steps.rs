//! Steps: creates of several requests are made whole, whatever befalls the later ones.

use dynservers_core::{Effect, Reason, Status};

use crate::cloud::Fate;
use crate::world::World;

fn world() -> World {
    let mut world = World::new();
    world.cloud.habits.create_steps = 3;
    world.run_seconds(5);
    world
}

fn is_later_step(effect: &Effect) -> bool {
    effect.op.name() == "create" && effect.step.is_some()
}

fn check_whole(world: &World) {
    for (key, server) in world.cloud.living() {
        assert_eq!(server.created_to, 3, "server {key} is not whole");
    }
}

#[test]
fn a_create_of_several_requests_is_made_whole() {
    let mut world = world();
    world.ensure(5);
    world.run_seconds(60);
    assert_eq!((world.sent("create"), world.count(Status::Running)), (15, 5));
    check_whole(&world);
    world.converge(5);
}

#[test]
fn a_server_that_is_up_before_it_is_whole_is_made_whole() {
    for fate in [
        Fate::LoseRequest,
        Fate::LoseReply,
        Fate::Throttle,
        Fate::Unsent,
        Fate::Deny,
        Fate::Refuse(Reason::Busy),
        Fate::Refuse(Reason::Capacity),
    ] {
        let mut world = world();
        world.cloud.habits.boot = 1_000;
        world.fate(fate, is_later_step);
        world.ensure(3);
        world.run_seconds(100);
        assert_eq!(world.count(Status::Running), 0, "{fate:?}: up, and not whole");
        assert!(world.sent("create") < 3 + 60, "{fate:?}: {} requests", world.sent("create"));
        world.converge(3);
        check_whole(&world);
        assert_eq!(world.cloud.peak, 3, "{fate:?}");
    }
}

#[test]
fn a_crash_between_two_requests_of_a_create_leaves_nothing_half_made() {
    let life = |world: &mut World| {
        world.cloud.habits.boot = 100;
        world.ensure(2);
        world.run_seconds(100);
    };
    let mut whole = world();
    life(&mut whole);
    for at in 1..=whole.outputs {
        let mut world = world();
        world.death = Some((at, false));
        life(&mut world);
        world.death = None;
        world.converge(2);
        assert_eq!(world.cloud.peak, 2, "output {at}");
    }
}

#[test]
fn an_answer_that_asks_for_more_may_come_after_the_listing() {
    let mut world = world();
    world.cloud.habits.boot = 1_000;
    world.answer_delay = 25_000;
    world.ensure(2);
    world.run_seconds(24);
    assert_eq!(world.count(Status::Running), 2, "the look was faster");
    world.converge(2);
    check_whole(&world);
}
