//! Accounts: whose servers a look shows, and what is believed of the word of an account that is not ours.

use dynservers_core::{ProviderState, Reason};

use crate::cloud::Fate;
use crate::missing::{meddle_all, vanish};
use crate::world::{World, config};

fn running(count: u32) -> World {
    World::running(config(), count)
}

#[test]
fn the_word_of_another_account_convicts_nobody() {
    let mut world = running(4);
    // The credentials change between two looks, and nobody is told.
    let far = dynservers_core::Time::from_millis(u64::MAX);
    world.cloud.habits.identity = "elsewhere".to_owned();
    meddle_all(&mut world, |server| server.listed_at = far);
    world.cloud.denies_all = true;
    world.ensure(2);
    world.run_seconds(3_600);
    assert_eq!((world.events_named("deleted"), world.events_named("held")), (0, 1));
    world.cloud.habits.identity = "acme".to_owned();
    world.cloud.denies_all = false;
    meddle_all(&mut world, |server| server.listed_at = dynservers_core::Time::ZERO);
    world.converge(2);
    assert_eq!(world.sent("create"), 4);
}

#[test]
fn looks_at_another_account_end_no_deletion() {
    for is_accepted_by_ours in [false, true] {
        let mut world = running(1);
        world.cloud.habits.forgets_orders = is_accepted_by_ours;
        world.fate(Fate::Refuse(Reason::Busy), move |effect| {
            effect.op.name() == "delete" && !is_accepted_by_ours
        });
        if is_accepted_by_ours {
            // Stopped by hand, since nothing that is asked for happens.
            meddle_all(&mut world, |server| server.state = ProviderState::Stopped);
        }
        world.ensure(0);
        while world.sent("delete") == 0 {
            world.run_seconds(1);
        }
        world.run_seconds(1);
        world.fates = Box::new(|_| Fate::Answer);
        world.cloud.habits.identity = "elsewhere".to_owned();
        world.cloud.denies_all = true;
        let far = dynservers_core::Time::from_millis(u64::MAX);
        meddle_all(&mut world, |server| server.listed_at = far);
        world.run_seconds(1_800);
        let told = (world.events_named("deleted"), world.events_named("held"));
        assert_eq!(told, (0, 1), "accepted by ours: {is_accepted_by_ours}");
        world.cloud.habits.identity = "acme".to_owned();
        world.cloud.habits.forgets_orders = false;
        world.cloud.denies_all = false;
        meddle_all(&mut world, |server| server.listed_at = dynservers_core::Time::ZERO);
        world.run_seconds(14_400);
        assert_eq!((world.events_named("deleted"), world.cloud.count()), (1, 0));
    }
}

#[test]
fn searches_in_another_account_give_no_attempt_up() {
    let mut world = running(1);
    world.fate(Fate::LoseReply, |effect| effect.op.name() == "create");
    world.ensure(2);
    while world.sent("create") < 2 {
        world.run_seconds(1);
    }
    world.cloud.habits.identity = "elsewhere".to_owned();
    let far = dynservers_core::Time::from_millis(u64::MAX);
    meddle_all(&mut world, |server| server.listed_at = far);
    world.run_seconds(3_600);
    assert!(world.sent("find") >= 2 && world.sent("create") == 2, "it was looked for in the wrong place");
    world.cloud.habits.identity = "acme".to_owned();
    meddle_all(&mut world, |server| server.listed_at = dynservers_core::Time::ZERO);
    world.fates = Box::new(|_| Fate::Answer);
    world.run_seconds(600);
    assert_eq!((world.events_named("resumed"), world.cloud.peak), (1, 2));
    world.converge(2);
    assert_eq!(world.sent("create"), 2);
}

#[test]
fn a_search_that_ends_while_a_check_is_under_way_is_followed_by_another_check() {
    let mut world = running(1);
    world.fate(Fate::LoseRequest, |effect| effect.op.name() == "create");
    world.ensure(2);
    world.run_seconds(40);
    // So slow that searches and checks are under way at the same time.
    world.answer_delay = 15_000;
    world.run_seconds(600);
    world.fates = Box::new(|_| Fate::Answer);
    world.answer_delay = 0;
    world.converge(2);
}

#[test]
fn nothing_is_made_in_another_account_that_its_total_tells_of() {
    let mut world = running(1);
    world.cloud.habits.identity = "elsewhere".to_owned();
    // Within the pause between two looks.
    world.ensure(3);
    world.run_seconds(1);
    assert_eq!((world.events_named("held"), world.sent("create")), (1, 1));
    world.cloud.habits.identity = "acme".to_owned();
    world.converge(3);
}

#[test]
fn a_first_look_that_says_that_it_lacks_something_is_no_ground_to_make_anything() {
    let mut world = World::new();
    world.cloud.habits.overstates = 1;
    world.run_seconds(3_600);
    assert_eq!((world.sent("create"), world.events_named("provider_unreachable")), (0, 1));
    assert!(world.sent("look") < 30, "{}", world.sent("look"));
    world.cloud.habits.overstates = 0;
    world.run_seconds(600);
    world.ensure(2);
    world.converge(2);
}

#[test]
fn a_check_that_is_refused_for_now_is_asked_again() {
    for reason in [Reason::Busy, Reason::Quota, Reason::Credit, Reason::Capacity] {
        let mut world = World::new();
        world.fate(Fate::Refuse(reason), |effect| effect.op.name() == "check");
        world.run_seconds(600);
        assert_eq!(world.sent("look"), 0, "{reason}: nobody knows whose servers they would be");
        world.fates = Box::new(|_| Fate::Answer);
        world.ensure(1);
        world.converge(1);
    }
}

#[test]
fn a_check_that_is_refused_confirms_no_account_that_was_known() {
    let mut world = running(1);
    vanish(&mut world, 1);
    world.fate(Fate::Refuse(Reason::Credit), |effect| effect.op.name() == "check");
    world.run_seconds(3_600);
    assert_eq!((world.events_named("deleted"), world.events_named("provider_unreachable")), (0, 1));
    world.converge(1);
    assert_eq!(world.sent("create"), 2);
}

#[test]
fn another_account_is_held_until_it_is_the_known_one_again() {
    let mut world = running(2);
    world.cloud.habits.identity = "elsewhere".to_owned();
    vanish(&mut world, 0);
    let far = dynservers_core::Time::from_millis(u64::MAX);
    meddle_all(&mut world, |server| server.listed_at = far);
    world.run_seconds(3_600);
    assert_eq!((world.events_named("held"), world.sent("create")), (1, 2));
    world.ensure(5);
    world.crash();
    world.run_seconds(3_600);
    assert_eq!((world.events_named("held"), world.sent("create")), (1, 2));
    world.cloud.habits.identity = "acme".to_owned();
    meddle_all(&mut world, |server| server.listed_at = dynservers_core::Time::ZERO);
    world.run_seconds(300);
    assert_eq!(world.events_named("resumed"), 1);
    world.converge(5);
}
