//! The missing: what looks lack, when that is believed, and when it is an alarm.

use dynservers_core::{Action, Done, OwnerId, ProviderState, Status};

use crate::cloud::{CloudServer, Fate};
use crate::world::{World, config};

fn running(count: u32) -> World {
    World::running(config(), count)
}

pub(crate) fn vanish(world: &mut World, count: usize) {
    let keys: Vec<u64> = world.cloud.living().map(|(key, _)| *key).take(count).collect();
    for key in keys {
        world.cloud.meddle(key, |server| server.is_gone = true);
    }
}

pub(crate) fn meddle_all(world: &mut World, act: impl Fn(&mut CloudServer)) {
    world.cloud.living_mut().for_each(|(_, server)| act(server));
}

#[test]
fn lag_within_the_estimate_never_doubles_and_suspects_nobody() {
    let mut world = World::new();
    world.cloud.habits.list_lag = 29_000;
    world.run_seconds(5);
    world.ensure(6);
    world.run_seconds(120);
    assert_eq!((world.cloud.peak, world.sent("inspect")), (6, 0));
    world.fate(Fate::LoseReply, |effect| effect.op.name() == "create");
    world.ensure(9);
    world.run_seconds(300);
    assert_eq!(world.cloud.peak, 9);
    world.converge(9);
    assert_eq!(world.cloud.peak, 9);
}

#[test]
fn lag_beyond_the_estimate_doubles_for_a_while_and_is_mended() {
    let mut world = World::new();
    world.is_lag_honest = false;
    world.cloud.habits.list_lag = 200_000;
    world.run_seconds(5);
    world.fate(Fate::LoseReply, |effect| effect.op.name() == "create");
    world.ensure(2);
    world.run_seconds(130);
    assert!(world.cloud.peak > 2, "the rare path is reached");
    world.fates = Box::new(|_| Fate::Answer);
    world.run_seconds(30);
    world.cloud.habits.list_lag = 0;
    world.converge(2);
    assert!(world.told(|kind| matches!(kind, dynservers_core::EventKind::Adopted(told)
        if told.why == Some(dynservers_core::Why::Duplicate))));
}

#[test]
fn lag_beyond_the_estimate_of_answered_creates_raises_no_alarm() {
    let mut world = World::new();
    world.cloud.habits.list_lag = 100_000;
    world.run_seconds(5);
    world.ensure(5);
    world.run_seconds(300);
    assert_eq!((world.events_named("held"), world.cloud.peak), (0, 5));
    world.converge(5);
}

#[test]
fn sixty_on_pages_of_ten_come_and_go_and_nobody_is_convicted_wrongly() {
    let mut world = World::new();
    world.cloud.habits.page_size = 10;
    world.run_seconds(5);
    world.ensure(60);
    world.run_seconds(100);
    for round in 0..30 {
        // Ours by label, gone again later: the listing shifts under the machine's eyes.
        let labels = world.cloud.servers.values().next().unwrap().labels.clone();
        let labels =
            dynservers_core::FoundLabels { owner: OwnerId::new("other").ok(), token: None, ..labels };
        let key = world.cloud.add(labels, ProviderState::Running, false, world.now);
        world.ensure(60 - round % 5);
        world.run_seconds(13);
        world.cloud.meddle(key, |server| server.is_gone = true);
        world.run_seconds(7);
    }
    world.ensure(60);
    world.command(Action::Resume { provider: None }).unwrap();
    world.converge(60);
    assert!(world.cloud.peak <= 60 + 5 * 4, "{}", world.cloud.peak);
    assert_eq!(world.events_named("returned"), 0);
}

#[test]
fn one_that_vanished_is_asked_for_and_replaced() {
    let mut world = running(4);
    vanish(&mut world, 1);
    world.run_seconds(700);
    assert_eq!(world.sent("inspect"), 1);
    assert_eq!((world.count(Status::Running), world.count(Status::Deleted)), (4, 1));
    world.converge(4);
}

#[test]
fn no_answer_is_no_word() {
    let mut world = running(4);
    vanish(&mut world, 1);
    world.fate(Fate::LoseReply, |effect| effect.op.name() == "inspect");
    world.run_seconds(7_200);
    assert_eq!(world.count(Status::Running), 4, "a lost answer convicts nobody");
    assert!(world.sent("inspect") > 5);
    world.ensure(2);
    world.run_seconds(600);
    assert_eq!(world.sent("stop"), 0, "no victim while a suspicion is open");
    world.converge(2);
}

#[test]
fn who_is_missing_is_asked_about_though_changes_are_denied() {
    let mut world = running(4);
    world.fate(Fate::Deny, |effect| effect.op.name() == "stop");
    world.ensure(3);
    world.run_seconds(3_600);
    let denied = world.sent("stop");
    while world.sent("stop") == denied {
        world.run_seconds(1);
    }
    // The next one is minutes away.
    vanish(&mut world, 1);
    world.run_seconds(60);
    assert_eq!((world.sent("stop"), world.sent("inspect")), (denied + 1, 1), "a reading waits for no change");
    world.converge(3);
}

#[test]
fn one_that_a_listing_hides_is_not_convicted() {
    let mut world = running(4);
    let far = dynservers_core::Time::from_millis(u64::MAX);
    let key = world.cloud.oldest();
    world.cloud.meddle(key, |server| server.listed_at = far);
    world.run_seconds(3_600);
    assert_eq!((world.count(Status::Running), world.sent("create")), (4, 4));
    let listed_at = world.now;
    world.cloud.meddle(key, |server| server.listed_at = listed_at);
    world.converge(4);
}

#[test]
fn all_gone_is_an_alarm_until_an_operator_resumes() {
    let mut world = running(4);
    vanish(&mut world, 4);
    world.run_seconds(7_200);
    assert_eq!((world.events_named("held"), world.sent("create"), world.sent("inspect")), (1, 4, 0));
    world.crash();
    world.run_seconds(7_200);
    assert_eq!((world.events_named("held"), world.sent("create")), (1, 4), "the hold is durable");
    let reply = world.command(Action::Resume { provider: None });
    assert_eq!(reply, Ok(Done::Resumed { providers: 1 }));
    world.run_seconds(100);
    assert_eq!((world.count(Status::Deleted), world.sent("create")), (4, 8));
    world.converge(4);
}

#[test]
fn an_operators_word_outlives_the_process() {
    let mut world = running(4);
    vanish(&mut world, 4);
    world.run_seconds(1_000);
    world.command(Action::Resume { provider: None }).unwrap();
    world.crash();
    world.run_seconds(200);
    assert_eq!((world.events_named("held"), world.count(Status::Deleted), world.sent("create")), (1, 4, 8));
    world.converge(4);
    vanish(&mut world, 4);
    world.run_seconds(1_000);
    assert_eq!(world.events_named("held"), 2, "it was said of the first loss alone");
}

#[test]
fn all_seen_again_end_the_hold_by_themselves() {
    let mut world = running(4);
    let far = dynservers_core::Time::from_millis(u64::MAX);
    meddle_all(&mut world, |server| server.listed_at = far);
    world.run_seconds(1_000);
    assert_eq!(world.events_named("held"), 1);
    meddle_all(&mut world, |server| server.listed_at = dynservers_core::Time::ZERO);
    world.run_seconds(1_000);
    assert_eq!(world.events_named("resumed"), 1);
    world.converge(4);
    assert_eq!(world.sent("create"), 4);
}

#[test]
fn fewer_than_three_are_checked_first_and_looked_for_twice() {
    let mut world = running(2);
    let (checks, looks) = (world.sent("check"), world.sent("look"));
    vanish(&mut world, 2);
    while world.sent("inspect") == 0 {
        world.step(world.now + std::time::Duration::from_secs(1));
    }
    assert_eq!(world.sent("check") - checks, 1, "before anybody is asked about");
    world.run_seconds(1);
    assert_eq!(world.sent("check") - checks, 2, "before the answer is believed");
    assert!(world.sent("look") - looks >= 2);
    assert_eq!(world.events_named("held"), 0);
    world.converge(2);
}

#[test]
fn a_large_loss_convicts_nobody_before_all_were_asked_about() {
    let mut world = running(10);
    vanish(&mut world, 4);
    let mut inspected = 0;
    world.fate(Fate::LoseReply, move |effect| {
        inspected += u32::from(effect.op.name() == "inspect");
        effect.op.name() == "inspect" && inspected % 4 == 0
    });
    while world.sent("inspect") < 4 {
        world.run_seconds(1);
    }
    world.run_seconds(2);
    assert_eq!(world.count(Status::Deleted), 0, "one of them was not answered yet");
    world.converge(10);
    assert_eq!(world.count(Status::Deleted), 4);
}

#[test]
fn one_that_returns_is_taken_back_or_its_deletion_finished() {
    let mut world = running(3);
    let key = world.cloud.oldest();
    world.cloud.meddle(key, |server| server.is_gone = true);
    world.run_seconds(1_000);
    assert_eq!(world.count(Status::Deleted), 1);
    world.cloud.meddle(key, |server| server.is_gone = false);
    world.most_wanted = 4;
    world.run_seconds(400);
    assert_eq!(world.events_named("returned"), 1);
    world.converge(3);
    world.ensure(2);
    world.converge(2);
    let gone = *world.cloud.servers.iter().rfind(|(_, server)| server.is_gone).unwrap().0;
    world.cloud.meddle(gone, |server| {
        (server.is_gone, server.state) = (false, ProviderState::Stopped);
    });
    world.run_seconds(400);
    assert_eq!(world.events_named("returned"), 2);
    world.converge(2);
    assert!(world.cloud.servers[&gone].is_gone);
}

#[test]
fn a_label_removed_by_hand_means_hands_off() {
    let mut world = running(3);
    let key = world.cloud.oldest();
    let fleet = world.cloud.servers[&key].labels.fleet.clone();
    world.cloud.meddle(key, |server| (server.labels.fleet, server.is_ours) = (None, false));
    world.run_seconds(2_000);
    assert_eq!(world.events_named("disowned"), 1);
    assert_eq!(world.ids(Status::Running).len(), 4, "the row is kept, and another one was made");
    assert_eq!(world.count(Status::Running), 3, "what is no longer ours does not count");
    world.ensure(0);
    world.run_seconds(2_000);
    assert!(!world.cloud.servers[&key].is_gone);
    world.most_wanted = 4;
    world.ensure(1);
    world.cloud.meddle(key, |server| (server.labels.fleet, server.is_ours) = (fleet, true));
    world.run_seconds(600);
    world.converge(1);
}

#[test]
fn a_disowned_server_that_is_deleted_by_its_new_owner_is_forgotten() {
    let mut world = running(3);
    let key = world.cloud.oldest();
    world.cloud.meddle(key, |server| (server.labels.fleet, server.is_ours) = (None, false));
    world.run_seconds(2_000);
    world.cloud.meddle(key, |server| server.is_gone = true);
    world.run_seconds(2_000);
    assert_eq!(world.count(Status::Deleted), 1);
    world.converge(3);
}

#[test]
fn an_owner_changed_by_hand_means_hands_off_too() {
    let mut world = running(3);
    let key = world.cloud.oldest();
    let ours = world.cloud.servers[&key].labels.owner.clone();
    world.cloud.meddle(key, |server| (server.labels.owner, server.is_ours) = (OwnerId::new("x").ok(), false));
    world.run_seconds(1_000);
    assert_eq!(world.events_named("disowned"), 1);
    world.ensure(0);
    world.run_seconds(1_000);
    assert!(!world.cloud.servers[&key].is_gone);
    world.cloud.meddle(key, |server| (server.labels.owner, server.is_ours) = (ours, true));
    world.converge(0);
}

#[test]
fn a_loss_that_was_accepted_is_not_held_again() {
    let mut world = World::new();
    let mut count = 0_u32;
    world.fate(Fate::Throttle, move |_| {
        count += 1;
        count.is_multiple_of(3)
    });
    world.ensure(7);
    world.run_seconds(26);
    meddle_all(&mut world, |server| server.is_gone = true);
    world.fates = Box::new(|_| Fate::Answer);
    world.run_seconds(600);
    world.command(Action::Resume { provider: None }).unwrap();
    world.ensure(4);
    world.run_seconds(300);
    assert_eq!((world.events_named("held"), world.events_named("resumed")), (1, 1));
    world.converge(4);
}

#[test]
fn a_late_word_about_one_that_is_convicted_keeps_nobody_awake() {
    let mut world = running(3);
    world.command(Action::Reboot { server_type: crate::world::type_name(), at_a_time: None }).unwrap();
    world.fate(Fate::Deny, |_| true);
    meddle_all(&mut world, |server| server.is_gone = true);
    world.run_seconds(1);
    world.fates = Box::new(|_| Fate::Answer);
    world.run_seconds(600);
    world.command(Action::Resume { provider: None }).unwrap();
    world.converge(3);
}
