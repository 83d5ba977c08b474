//! Draining: nobody who has work in hand is stopped before the end of the time it was given, whatever happens.

use dynservers_core::{Action, Drain, OrphanPolicy, ProviderState, ServerId, Status, StopMode};

use crate::cloud::Fate;
use crate::workers::{AskFate, DEADLINE, INTERVAL, draining};
use crate::world::{Disk, World, provider_name, type_name};

/// Three servers at work, of which one is told to go.
fn shrinking(busy_for: u64) -> (World, ServerId) {
    let mut world = World::running(draining(), 3);
    world.occupy_all(busy_for);
    world.ensure(2);
    world.run_seconds(1);
    let id = world.ids(Status::Draining)[0];
    (world, id)
}

fn drain_of(world: &World, id: ServerId) -> Drain {
    world.machine.ledger().server(id).unwrap().removal.as_ref().unwrap().drain.unwrap()
}

#[test]
fn a_worker_is_asked_until_it_is_done_and_stopped_once() {
    let (mut world, id) = shrinking(100);
    assert!(!world.is_settled(), "something drains");
    world.run_seconds(98);
    assert_eq!(world.sent("stop"), 0);
    assert_eq!(world.workers.count("drain"), 1 + 98 / 15, "at once, and each interval");
    world.run_seconds(INTERVAL.as_secs() + 5);
    assert_eq!(world.sent("stop"), 1);
    world.converge(2);
    assert_eq!((world.sent("stop"), world.events_named("draining")), (1, 1));
    assert_eq!(world.machine.ledger().server(id).unwrap().status, Status::Deleted);
}

#[test]
fn a_worker_that_is_gone_is_not_waited_for() {
    let (mut world, id) = shrinking(100_000);
    world.worker(id).is_gone = true;
    world.run_seconds(INTERVAL.as_secs() + 1);
    assert_eq!(world.sent("stop"), 1);
    world.converge(2);
}

#[test]
fn silence_lasts_until_the_deadline_and_no_longer() {
    for fate in
        [AskFate::LoseQuestion, AskFate::LoseAnswer, AskFate::Never, AskFate::Late(400), AskFate::Twice]
    {
        let mut world = World::running(draining(), 1);
        world.occupy_all(100_000);
        world.workers.fates = Box::new(move |_| fate);
        world.ensure(0);
        world.run_seconds(DEADLINE.as_secs() - 1);
        assert_eq!(world.sent("stop"), 0, "{fate:?}");
        world.run_seconds(2);
        assert_eq!(world.sent("stop"), 1, "{fate:?}");
        world.converge(0);
    }
}

#[test]
fn a_restart_begins_no_deadline_anew() {
    let (mut world, id) = shrinking(100_000);
    let before = drain_of(&world, id);
    for _ in 0..8 {
        world.run_seconds(100);
        world.crash();
        assert_eq!(drain_of(&world, id), before);
    }
    world.run_seconds(DEADLINE.as_secs() - 810);
    assert_eq!(world.sent("stop"), 0);
    world.run_seconds(20);
    assert_eq!(world.sent("stop"), 1);
    world.converge(2);
}

#[test]
fn a_crash_at_any_output_stops_nobody_at_work() {
    let life = |world: &mut World| {
        world.run_seconds(5);
        world.ensure(3);
        world.run_seconds(60);
        world.occupy_all(200);
        world.ensure(1);
        world.run_seconds(60);
        world.ensure(2);
        world.run_seconds(30);
        world.ensure(1);
        world.run_seconds(400);
    };
    let mut whole = World::with(draining(), Disk::new(1));
    life(&mut whole);
    for at in 1..=whole.outputs {
        for is_done in [false, true] {
            let mut world = World::with(draining(), Disk::new(1));
            world.death = Some((at, is_done));
            life(&mut world);
            world.death = None;
            world.converge(1);
            assert!(world.cloud.peak <= 3, "output {at}, done: {is_done}");
            assert_eq!(world.idlers(), [], "output {at}, done: {is_done}");
        }
    }
}

#[test]
fn what_the_provider_shows_meanwhile_cuts_nothing_short() {
    let states = [
        ProviderState::InProgress,
        ProviderState::Error,
        ProviderState::Unknown,
        ProviderState::Deleting,
        ProviderState::Running,
    ];
    for state in states {
        let (mut world, _) = shrinking(100_000);
        let key = world.cloud.oldest();
        world.cloud.meddle(key, |server| server.state = state);
        world.run_seconds(DEADLINE.as_secs() - 3);
        assert_eq!(world.sent("stop") + world.sent("delete"), 0, "{state:?}");
        world.cloud.meddle(key, |server| server.state = ProviderState::Running);
        world.converge(2);
    }
}

#[test]
fn a_server_in_maintenance_is_drained_before_it_goes_however_old_it_is() {
    for state in [ProviderState::InProgress, ProviderState::Unknown] {
        let mut world = World::running(draining(), 1);
        world.occupy_all(100_000);
        let key = world.cloud.oldest();
        world.cloud.meddle(key, |server| server.state = state);
        world.run_seconds(320);
        world.ensure(0);
        world.run_seconds(DEADLINE.as_secs() - 1);
        assert_eq!((world.workers.count("drain") > 10, world.sent("stop")), (true, 0), "{state:?}");
        world.cloud.meddle(key, |server| server.state = ProviderState::Running);
        world.converge(0);
    }
}

#[test]
fn an_old_server_in_maintenance_is_not_stopped_hard_for_its_age() {
    let mut world = World::running(crate::world::config(), 1);
    let key = world.cloud.oldest();
    world.cloud.meddle(key, |server| server.state = ProviderState::InProgress);
    world.run_seconds(320);
    world.ensure(0);
    world.run_seconds(600);
    assert_eq!(world.sent("stop"), 0);
    world.cloud.meddle(key, |server| server.state = ProviderState::Running);
    world.run_seconds(40);
    assert!(matches!(world.cloud.stops[..], [StopMode::Soft { .. }]), "{:?}", world.cloud.stops);
    world.converge(0);
}

#[test]
fn whatever_befalls_requests_cuts_nothing_short() {
    for fate in [Fate::LoseRequest, Fate::LoseReply, Fate::Throttle, Fate::Deny, Fate::Unsent] {
        let (mut world, _) = shrinking(600);
        world.fate(fate, |_| true);
        world.run_seconds(590);
        assert_eq!(world.sent("stop"), 0, "{fate:?}");
        world.converge(2);
    }
}

#[test]
fn a_deadline_that_passes_while_all_is_held_stops_nobody_before_the_hold_ends() {
    let (mut world, _) = shrinking(100_000);
    world.cloud.habits.identity = "other".to_owned();
    world.crash();
    world.run_seconds(2 * DEADLINE.as_secs());
    assert_eq!((world.sent("stop"), world.events_named("held")), (0, 1));
    world.command(Action::Resume { provider: None }).unwrap();
    world.converge(2);
}

#[test]
fn a_step_of_the_clock_expires_nothing() {
    let (mut world, id) = shrinking(100_000);
    let before = drain_of(&world, id);
    // The wall clock went back while nothing ran: the ledger's own time counts.
    let now = world.now;
    world.now = dynservers_core::Time::from_millis(1);
    world.crash();
    world.now = now;
    assert_eq!(drain_of(&world, id), before);
    world.run_seconds(100);
    assert_eq!(world.sent("stop"), 0);
    world.converge(2);
}

#[test]
fn one_that_stopped_by_itself_is_deleted_without_a_stop() {
    let (mut world, _) = shrinking(100_000);
    let key = world.cloud.oldest();
    world.cloud.meddle(key, |server| server.state = ProviderState::Stopped);
    world.run_seconds(120);
    assert_eq!((world.sent("stop"), world.cloud.count()), (0, 2));
    world.converge(2);
}

#[test]
fn orphans_and_duplicates_are_drained_as_well_and_failed_ones_are_not() {
    let mut config = draining();
    config.providers.get_mut(&provider_name()).unwrap().orphans = OrphanPolicy::Delete;
    let mut world = World::running(config.clone(), 2);
    // The ledger is restored from before they were made.
    let owner = world.disk.stored.fleet.owner.clone();
    world.disk = Disk::new(1);
    assert_eq!(world.disk.stored.fleet.owner, owner);
    world.crash();
    for id in [1, 2] {
        world.occupy(ServerId(id), 200);
    }
    world.run_seconds(150);
    assert_eq!((world.count(Status::Draining), world.sent("stop")), (2, 0));
    world.run_seconds(120);
    assert_eq!(world.sent("stop"), 2);

    let mut world = World::running(draining(), 1);
    let key = world.cloud.oldest();
    world.cloud.deletes_in_error = true;
    world.cloud.meddle(key, |server| server.state = ProviderState::Error);
    world.run_seconds(2 * 3_600);
    assert_eq!((world.workers.asked.len(), world.cloud.servers[&key].is_gone), (0, true));
    world.converge(1);
}

#[test]
fn a_server_that_comes_up_while_it_is_to_go_is_drained() {
    let mut world = World::with(draining(), Disk::new(1));
    world.run_seconds(5);
    world.ensure(1);
    world.run_seconds(5);
    world.ensure(0);
    world.run_seconds(40);
    assert_eq!(world.workers.count("drain"), 1);
    world.converge(0);
}

#[test]
fn silence_is_written_once_and_asking_writes_nothing() {
    let (mut world, id) = shrinking(100_000);
    world.run_seconds(60);
    let before = world.writes;
    world.run_seconds(300);
    assert_eq!(world.writes, before, "a busy worker is no news");
    world.workers.fates = Box::new(|_| AskFate::LoseQuestion);
    world.run_seconds(300);
    assert_eq!(world.writes, before + 1);
    let record = world.machine.ledger().server(id).unwrap();
    assert_eq!(record.failure.as_ref().unwrap().to_string(), "no answer");
}

#[test]
fn nobody_is_asked_anything_while_nobody_goes() {
    let mut world = World::running(draining(), 3);
    let (writes, asked) = (world.writes, world.workers.asked.len());
    world.run_seconds(24 * 3_600);
    assert_eq!((world.writes, world.workers.asked.len()), (writes, asked));
    assert!(world.machine.view(world.now).types[&type_name()].settled);
}
