//! Hosts: those that never tell what became of a request, and those that end.

use dynservers_core::{Input, Status};

use crate::cloud::Fate;
use crate::world::{World, config, type_name};

fn reboot() -> dynservers_core::Action {
    dynservers_core::Action::Reboot { server_type: type_name(), at_a_time: None }
}

#[test]
fn an_answer_that_never_comes_stops_nothing_for_ever() {
    let unheard: [fn(&dynservers_core::Effect) -> bool; 8] = [
        |effect| effect.op.name() == "check",
        |effect| effect.op.name() == "look",
        |effect| effect.op.name() == "account",
        |effect| effect.op.name() == "create",
        |effect| effect.op.name() == "find",
        |effect| effect.op.name() == "stop",
        |effect| effect.op.name() == "delete",
        |effect| matches!(effect.op.name(), "inspect" | "reboot"),
    ];
    for (index, is_unheard) in unheard.into_iter().enumerate() {
        let mut world = World::running(config(), 3);
        world.is_unheard = is_unheard;
        // So that there is something to be found.
        world.fate(Fate::LoseRequest, move |effect| index == 4 && effect.op.name() == "create");
        world.command(reboot()).unwrap();
        world.ensure(4);
        world.run_seconds(300);
        world.ensure(2);
        world.run_seconds(300);
        world.is_unheard = |_| false;
        world.converge(2);
        assert!(world.cloud.peak <= 4, "{index}: {}", world.cloud.peak);
    }
}

#[test]
fn an_answer_that_comes_later_than_anybody_waited_still_binds_what_was_made() {
    let mut world = World::running(config(), 1);
    world.answer_delay = 120_000;
    // So that nothing else can tell of it.
    world.fate(Fate::LoseReply, |effect| matches!(effect.op.name(), "look" | "find"));
    world.ensure(2);
    let bound = |world: &World| {
        world.machine.ledger().servers().filter(|record| record.provider_id.is_some()).count()
    };
    world.run_seconds(119);
    assert_eq!((bound(&world), world.cloud.count()), (1, 2));
    world.run_seconds(3);
    assert_eq!(bound(&world), 2);
    world.answer_delay = 0;
    world.converge(2);
    assert_eq!(world.cloud.peak, 2);
}

#[test]
fn a_process_may_end_when_nothing_is_under_way() {
    let mut world = World::running(config(), 1);
    assert!(world.machine.is_idle());
    world.ensure(2);
    assert!(!world.machine.is_idle(), "its answer is worth waiting for");
    world.tell(Input::Shutdown);
    world.run_seconds(5);
    assert!(world.machine.is_idle());
    world.crash();
    world.converge(2);
}

#[test]
fn a_create_that_was_never_answered_keeps_no_process_from_its_end() {
    let mut world = World::running(config(), 1);
    world.is_unheard = |effect| effect.op.name() == "create";
    world.ensure(2);
    world.run_seconds(5);
    world.tell(Input::Shutdown);
    assert!(!world.machine.is_idle());
    world.run_seconds(60 + 60);
    assert!(world.machine.is_idle());
    world.crash();
    world.converge(2);
    assert_eq!((world.cloud.peak, world.count(Status::Running)), (2, 2));
}
