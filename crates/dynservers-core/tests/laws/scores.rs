//! Scores: those with least to do go first, nobody goes while answers are awaited, and that has an end.

use dynservers_core::{Action, Question, ServerId, Status};

use crate::workers::{AskFate, scoring};
use crate::world::{World, type_name};

/// So many running servers, each with less to do than the one before it.
fn ranked(count: u32) -> World {
    let mut world = World::running(scoring(), count);
    for id in world.ids(Status::Running) {
        world.occupy(id, 100_000);
        world.worker(id).score = Some(1_000 - id.0);
    }
    world
}

fn leaving(world: &World) -> Vec<u64> {
    world.ids(Status::Draining).into_iter().map(|id| id.0).collect()
}

#[test]
fn those_with_least_to_do_go_first_and_the_idle_before_them() {
    let mut world = ranked(6);
    world.worker(ServerId(2)).busy_until = dynservers_core::Time::ZERO;
    world.ensure(4);
    world.run_seconds(2);
    let gone = world.machine.ledger().servers().filter(|record| record.removal.is_some());
    assert_eq!(gone.map(|record| record.id.0).collect::<Vec<_>>(), [2, 6]);
    world.converge(4);
}

#[test]
fn the_unanswered_go_last_and_protected_ones_never() {
    let mut world = ranked(5);
    world.command(Action::Protect { server: ServerId(5), protected: true }).unwrap();
    world.workers.fates = Box::new(|ask| match ask.question {
        Question::Score if ask.server == ServerId(4) => AskFate::LoseQuestion,
        _ => AskFate::Answer,
    });
    world.ensure(3);
    world.run_seconds(30);
    assert_eq!(leaving(&world), [2, 3]);
    world.ensure(2);
    world.run_seconds(30);
    assert_eq!(leaving(&world), [1, 2, 3]);
    world.ensure(1);
    world.run_seconds(30);
    assert_eq!(leaving(&world), [1, 2, 3, 4], "nobody else is left");
    world.ensure(0);
    world.run_seconds(30);
    assert_eq!(world.ids(Status::Running), [ServerId(5)]);
    assert!(world.workers.asked.iter().all(|(_, id, question)| *question != "busy" || *id != ServerId(5)));
}

#[test]
fn nobody_goes_while_answers_are_awaited_and_nobody_at_all_if_demand_returns() {
    let mut world = ranked(4);
    world.workers.fates = Box::new(|_| AskFate::Late(60));
    world.ensure(2);
    world.run_seconds(50);
    assert_eq!((leaving(&world), world.workers.count("busy")), (vec![], 4));
    world.ensure(4);
    world.run_seconds(200);
    assert_eq!((leaving(&world), world.events_named("draining")), (vec![], 0));
    world.converge(4);
    assert_eq!(world.workers.count("drain"), 0);
}

#[test]
fn silence_ends_within_a_bound() {
    for fate in [AskFate::Never, AskFate::LoseQuestion, AskFate::LoseAnswer] {
        let mut world = ranked(4);
        world.workers.fates = Box::new(move |_| fate);
        world.ensure(2);
        world.run_seconds(330);
        assert_eq!(leaving(&world), [1, 2], "{fate:?}: the oldest, since nobody said anything");
        world.converge(2);
    }
}

#[test]
fn answers_that_take_longer_than_they_count_end_it_nevertheless() {
    let mut world = ranked(30);
    // A host with few hands: each has to wait for those before it.
    world.workers.fates = Box::new(|ask| match ask.question {
        Question::Score => AskFate::Late(ask.server.0 * 9),
        _ => AskFate::Answer,
    });
    world.ensure(28);
    world.run_seconds(300);
    assert_eq!((leaving(&world), world.workers.count("busy")), (vec![29, 30], 30));
    world.converge(28);
}

#[test]
fn scores_are_asked_of_a_bounded_number() {
    let mut world = ranked(200);
    world.ensure(199);
    world.run_seconds(5);
    assert_eq!((world.workers.count("busy"), leaving(&world)), (64, vec![64]));
    world.ensure(180);
    world.run_seconds(5);
    assert_eq!(world.count(Status::Draining), 20);
    assert!(world.workers.count("busy") <= 64 + 19 * 8 + 64, "{}", world.workers.count("busy"));
    world.converge(180);
}

#[test]
fn a_crash_while_scores_are_awaited_asks_again() {
    let mut world = ranked(4);
    world.workers.fates = Box::new(|_| AskFate::Never);
    world.ensure(3);
    world.run_seconds(100);
    world.crash();
    world.workers.fates = Box::new(|_| AskFate::Answer);
    world.run_seconds(30);
    assert_eq!(leaving(&world), [4]);
    world.converge(3);
}

#[test]
fn a_process_that_ends_chooses_nobody_unheard() {
    let mut world = ranked(4);
    world.workers.fates = Box::new(|_| AskFate::Never);
    world.ensure(3);
    world.run_seconds(10);
    world.tell(dynservers_core::Input::Shutdown);
    world.run_seconds(200);
    assert!(world.machine.ledger().servers().all(|record| record.removal.is_none()));
    world.crash();
    world.workers.fates = Box::new(|_| AskFate::Answer);
    world.run_seconds(30);
    assert_eq!(leaving(&world), [4]);
    assert_eq!(world.machine.view(world.now).types[&type_name()].desired, Some(3));
}
