//! Undoing: demand returns while workers drain, and operators protect; who comes back, and who is told.

use dynservers_core::{Action, Answer, Input, Question, Refusal, ServerId, Status};

use crate::workers::{AskFate, draining};
use crate::world::{Disk, World, type_name};

/// Three busy workers, all of which drain.
fn emptying() -> World {
    let mut world = World::running(draining(), 3);
    world.occupy_all(100_000);
    world.ensure(0);
    world.run_seconds(20);
    assert_eq!(world.count(Status::Draining), 3);
    world
}

fn protect(world: &mut World, id: ServerId, protected: bool) -> dynservers_core::Reply {
    world.command(Action::Protect { server: id, protected })
}

#[test]
fn those_that_drain_come_back_before_any_is_made() {
    let mut world = emptying();
    world.ensure(2);
    world.run_seconds(10);
    assert_eq!((world.count(Status::Running), world.count(Status::Draining)), (2, 1));
    assert_eq!((world.idlers(), world.workers.count("undrain")), (vec![], 2));
    world.ensure(5);
    world.run_seconds(60);
    assert_eq!((world.sent("create"), world.count(Status::Running)), (5, 5));
    world.converge(5);
    assert_eq!((world.events_named("undrained"), world.sent("stop")), (3, 0));
}

#[test]
fn one_that_was_told_nothing_yet_comes_back_first() {
    let mut world = World::running(draining(), 1);
    world.occupy_all(100_000);
    world.ensure(2);
    world.run_seconds(5);
    world.ensure(0);
    world.run_seconds(1);
    assert_eq!((world.count(Status::Draining), world.count(Status::Starting)), (1, 1));
    world.ensure(1);
    world.run_seconds(1);
    assert_eq!((world.count(Status::Draining), world.events_named("undrained")), (1, 0));
    world.converge(1);
    assert_eq!(world.ids(Status::Running), [ServerId(2)]);
}

#[test]
fn a_worker_is_told_to_go_on_until_it_answers() {
    for fate in [AskFate::LoseQuestion, AskFate::LoseAnswer, AskFate::Never] {
        let mut world = emptying();
        world.workers.fates = Box::new(move |_| fate);
        world.ensure(3);
        for _ in 0..3 {
            world.run_seconds(700);
            world.crash();
        }
        world.workers.fates = Box::new(|_| AskFate::Answer);
        world.run_seconds(400);
        assert_eq!(world.idlers(), [], "{fate:?}");
        let asked = world.workers.asked.len();
        world.converge(3);
        assert_eq!((world.workers.asked.len(), world.sent("stop")), (asked, 0), "{fate:?}");
        let failures = world.machine.ledger().servers().filter(|record| record.failure.is_some());
        assert_eq!(failures.count(), 0, "{fate:?}");
    }
}

#[test]
fn one_that_goes_and_stays_again_is_still_told_to_go_on() {
    let mut world = emptying();
    world.workers.fates = Box::new(|_| AskFate::LoseQuestion);
    world.ensure(3);
    world.run_seconds(20);
    // It is to go again while its provider shows that it cannot be told: nothing begins, and it stays.
    for (_, server) in world.cloud.living_mut() {
        server.state = dynservers_core::ProviderState::InProgress;
    }
    world.run_seconds(320);
    world.ensure(0);
    world.ensure(3);
    for (_, server) in world.cloud.living_mut() {
        server.state = dynservers_core::ProviderState::Running;
    }
    world.workers.fates = Box::new(|_| AskFate::Answer);
    world.run_seconds(400);
    assert_eq!(world.idlers(), []);
    world.converge(3);
}

#[test]
fn a_worker_that_is_gone_by_then_is_replaced() {
    let mut world = emptying();
    let id = world.ids(Status::Draining)[0];
    world.worker(id).is_gone = true;
    world.workers.fates = Box::new(|ask| match ask.question {
        Question::Drain { .. } => AskFate::LoseQuestion,
        Question::Undrain | Question::Score => AskFate::Answer,
    });
    world.run_seconds(20);
    world.ensure(3);
    world.converge(3);
    assert_eq!((world.sent("stop"), world.sent("create")), (1, 4));
    assert_eq!(world.machine.ledger().server(id).unwrap().status, Status::Deleted);
}

#[test]
fn a_drain_that_is_done_is_not_undone() {
    let mut world = emptying();
    let id = world.ids(Status::Draining)[0];
    world.worker(id).busy_until = world.now;
    // Done, and its server cannot be stopped yet.
    world.fate(crate::cloud::Fate::Throttle, |effect| effect.op.name() == "stop");
    world.run_seconds(20);
    let is_done = |world: &World| {
        world.machine.ledger().server(id).unwrap().removal.as_ref().unwrap().drain.unwrap().done
    };
    assert!(is_done(&world));
    world.ensure(3);
    world.run_seconds(5);
    assert_eq!((is_done(&world), world.count(Status::Running)), (true, 2));
    world.converge(3);
    assert_eq!(world.sent("create"), 4);
}

#[test]
fn an_answer_that_comes_after_the_undo_does_no_harm() {
    let mut world = World::running(draining(), 1);
    world.workers.fates = Box::new(|_| AskFate::Late(100));
    world.ensure(0);
    world.run_seconds(5);
    world.ensure(1);
    world.run_seconds(300);
    assert_eq!((world.count(Status::Running), world.sent("stop"), world.idlers()), (1, 0, vec![]));
    // Nor does one to a question that nobody asked, or that is answered already.
    let (server, deadline) = (world.ids(Status::Running)[0], world.now);
    for question in [Question::Drain { deadline }, Question::Undrain, Question::Score] {
        for answer in [Answer::Gone, Answer::Done, Answer::Busy { score: None }] {
            world.tell(Input::Answered { server, question, answer });
        }
        world.tell(Input::Answered { server: ServerId(99), question, answer: Answer::Gone });
    }
    world.converge(1);
    assert_eq!(world.sent("create"), 1);
}

#[test]
fn one_that_drains_anew_has_all_its_time_anew() {
    let mut world = emptying();
    world.run_seconds(600);
    world.ensure(3);
    world.run_seconds(20);
    world.ensure(0);
    world.run_seconds(800);
    assert_eq!(world.sent("stop"), 0);
    world.run_seconds(120);
    assert_eq!(world.sent("stop"), 3);
    world.converge(0);
}

#[test]
fn undoing_survives_a_crash_at_any_output() {
    let life = |world: &mut World| {
        world.run_seconds(5);
        world.ensure(2);
        world.run_seconds(60);
        world.occupy_all(300);
        world.ensure(0);
        world.run_seconds(30);
        world.ensure(2);
        world.run_seconds(30);
    };
    let mut whole = World::with(draining(), Disk::new(1));
    life(&mut whole);
    for at in 1..=whole.outputs {
        for is_done in [false, true] {
            let mut world = World::with(draining(), Disk::new(1));
            world.death = Some((at, is_done));
            life(&mut world);
            world.death = None;
            world.converge(2);
            assert_eq!((world.idlers(), world.sent("create")), (vec![], 2), "output {at}, done: {is_done}");
            assert_eq!(world.sent("stop"), 0, "output {at}, done: {is_done}");
        }
    }
}

#[test]
fn a_stop_is_irrevocable_and_such_a_server_cannot_be_protected() {
    let mut world = World::running(draining(), 2);
    world.ensure(1);
    world.run_seconds(2);
    let id = world.ids(Status::Stopping)[0];
    assert_eq!(protect(&mut world, id, true), Err(Refusal::Ending { server: id }));
    world.ensure(2);
    world.run_seconds(5);
    assert_eq!(world.count(Status::Stopping), 1);
    world.converge(2);
    assert_eq!((world.sent("create"), world.sent("stop")), (3, 1));
}

#[test]
fn one_that_is_protected_while_it_drains_comes_back_and_another_goes() {
    let mut world = World::running(draining(), 3);
    world.occupy_all(200);
    world.ensure(2);
    world.run_seconds(5);
    let id = world.ids(Status::Draining)[0];
    protect(&mut world, id, true).unwrap();
    world.run_seconds(5);
    assert_eq!((world.count(Status::Draining), world.ids(Status::Running).contains(&id)), (1, true));
    world.crash();
    world.converge(2);
    assert!(world.ids(Status::Running).contains(&id));
    world.ensure(0);
    world.run_seconds(6 * 3_600);
    world.check_agreement(1);
    world.check_silence();
    assert_eq!(world.ids(Status::Running), [id], "below the protected ones nothing goes");
    protect(&mut world, id, false).unwrap();
    world.converge(0);
}

#[test]
fn a_protected_server_is_kept_whatever_befalls_it() {
    for state in [dynservers_core::ProviderState::Error, dynservers_core::ProviderState::Stopped] {
        let mut world = World::running(draining(), 1);
        let id = world.ids(Status::Running)[0];
        protect(&mut world, id, true).unwrap();
        let key = world.cloud.oldest();
        world.cloud.meddle(key, |server| server.state = state);
        world.run_seconds(12 * 3_600);
        assert_eq!(
            (world.count(Status::Errored), world.sent("stop"), world.sent("delete")),
            (1, 0, 0),
            "{state:?}"
        );
        assert_eq!(
            (world.count(Status::Running), world.sent("create")),
            (1, 2),
            "another one stands in for it"
        );
        world.cloud.meddle(key, |server| server.state = dynservers_core::ProviderState::Running);
        world.run_seconds(400);
        assert!(world.ids(Status::Running).contains(&id), "{state:?}");
        world.converge(1);
        assert_eq!(world.ids(Status::Running), [id], "{state:?}");
    }
    let mut world = World::running(draining(), 1);
    let id = world.ids(Status::Running)[0];
    protect(&mut world, id, true).unwrap();
    let key = world.cloud.oldest();
    world.cloud.deletes_in_error = true;
    world.cloud.meddle(key, |server| server.state = dynservers_core::ProviderState::Error);
    world.run_seconds(12 * 3_600);
    protect(&mut world, id, false).unwrap();
    world.converge(1);
    assert_eq!(world.machine.ledger().server(id).unwrap().status, Status::Deleted);
    assert_eq!(world.machine.view(world.now).types[&type_name()].existing, 1);
}

#[test]
fn whoever_comes_back_from_the_dead_is_told_to_go_on_working() {
    let mut world = World::running(draining(), 2);
    world.occupy_all(800);
    world.ensure(1);
    world.run_seconds(30);
    let victim = world.ids(Status::Draining)[0];
    let id = world.machine.ledger().server(victim).unwrap().provider_id.clone().unwrap();
    let key = id.as_str().parse().unwrap();
    world.cloud.meddle(key, |server| server.is_gone = true);
    world.run_seconds(120);
    assert_eq!(world.count(Status::Deleted), 1);
    // It comes on top of those that are made in its place.
    world.is_lag_honest = false;
    world.cloud.meddle(key, |server| server.is_gone = false);
    world.ensure(3);
    world.converge(3);
    assert_eq!((world.events_named("returned"), world.idlers()), (1, Vec::new()));
    assert!(world.workers.count("undrain") > 0);
}
