//! Faults: whatever becomes of a request, nothing is doubled, nothing is lost, and it settles.

use std::cell::Cell;
use std::time::Duration;

use dynservers_core::{Reason, Status};

use crate::cloud::Fate;
use crate::world::World;

const BAD: [Fate; 7] = [
    Fate::LoseRequest,
    Fate::LoseReply,
    Fate::Throttle,
    Fate::ThrottleFor(45),
    Fate::Unsent,
    Fate::Deny,
    Fate::Refuse(Reason::Busy),
];

fn started() -> World {
    let mut world = World::new();
    world.run_seconds(5);
    world
}

/// Chooses every n-th request of a kind.
fn every(nth: u32, name: &'static str) -> impl FnMut(&dynservers_core::Effect) -> bool {
    let count = Cell::new(0_u32);
    move |effect| {
        if effect.op.name() != name {
            return false;
        }
        count.set(count.get() + 1);
        count.get().is_multiple_of(nth)
    }
}

#[test]
fn every_kth_create_may_meet_anything() {
    for fate in BAD {
        for nth in 1..=5 {
            let mut world = started();
            world.fate(fate, every(nth, "create"));
            world.ensure(7);
            world.run_seconds(300);
            assert!(world.cloud.peak <= 7, "{fate:?} {nth}: {}", world.cloud.peak);
            world.converge(7);
            assert_eq!(world.cloud.peak, 7, "{fate:?} {nth}");
        }
    }
}

#[test]
fn every_kth_step_of_the_end_may_meet_anything() {
    for fate in BAD {
        for name in ["stop", "delete", "reboot", "inspect", "look", "find", "account", "check"] {
            for nth in [1, 2, 3] {
                let mut world = started();
                world.ensure(5);
                world.run_seconds(60);
                world.fate(fate, every(nth, name));
                world.command(reboot()).unwrap();
                world.run_seconds(100);
                world.ensure(1);
                world.run_seconds(400);
                world.ensure(3);
                world.run_seconds(50);
                world.converge(3);
            }
        }
    }
}

fn reboot() -> dynservers_core::Action {
    dynservers_core::Action::Reboot { server_type: crate::world::type_name(), at_a_time: None }
}

#[test]
fn a_lost_reboot_is_not_sent_again() {
    let mut world = started();
    world.ensure(2);
    world.run_seconds(60);
    world.fate(Fate::LoseReply, every(1, "reboot"));
    world.command(reboot()).unwrap();
    world.run_seconds(300);
    assert_eq!((world.sent("reboot"), world.count(Status::Running)), (2, 2));
    world.fate(Fate::LoseRequest, every(1, "reboot"));
    world.command(reboot()).unwrap();
    world.run_seconds(10);
    assert_eq!(world.count(Status::Rebooting), 2);
    world.run_seconds(120);
    assert_eq!((world.sent("reboot"), world.count(Status::Running)), (4, 2), "its time has passed");
    world.converge(2);
}

#[test]
fn a_throttled_create_is_sent_again_after_one_search() {
    let mut world = started();
    let left = Cell::new(3_u32);
    world.fate(Fate::Throttle, move |effect| {
        let is_chosen = effect.op.name() == "create" && left.get() > 0;
        left.set(left.get() - u32::from(is_chosen));
        is_chosen
    });
    world.ensure(3);
    world.run_seconds(60);
    assert_eq!((world.sent("create"), world.sent("find")), (6, 3));
    world.converge(3);
    assert_eq!(world.cloud.peak, 3);
}

#[test]
fn a_lost_create_waits_for_two_searches_after_the_last_moment_of_its_arrival() {
    let mut world = started();
    world.fate(Fate::LoseRequest, every(1, "create"));
    world.ensure(1);
    world.run_seconds(55);
    assert_eq!((world.sent("create"), world.sent("find")), (1, 0));
    world.run_seconds(30);
    assert_eq!(world.sent("find"), 2);
    world.converge(1);
    assert_eq!(world.cloud.peak, 1);
}

#[test]
fn a_create_that_exists_or_vanishes_is_settled() {
    for fate in [Fate::Exist, Fate::Vanish] {
        let mut world = started();
        world.fate(fate, every(2, "create"));
        world.ensure(4);
        world.run_seconds(600);
        assert!(world.cloud.peak <= 4);
        world.converge(4);
    }
}

#[test]
fn what_exists_is_searched_for_at_once_and_not_given_up_for_that() {
    let mut world = started();
    world.fate(Fate::Exist, every(1, "create"));
    world.ensure(1);
    world.run_seconds(2);
    assert_eq!(world.sent("find"), 1);
    world.run_seconds(50);
    assert_eq!((world.sent("create"), world.sent("find")), (1, 1), "one that finds nothing proves nothing");
    world.run_seconds(35);
    assert_eq!((world.sent("create"), world.sent("find")), (2, 4), "two that find nothing do");
    world.converge(1);
}

#[test]
fn denied_credentials_change_nothing_are_told_once_and_heal_by_themselves() {
    let mut world = started();
    world.ensure(3);
    world.run_seconds(60);
    let sent = world.sent.clone();
    world.fate(Fate::Deny, |_| true);
    world.ensure(5);
    world.run_for(Duration::from_secs(6 * 3_600));
    let changes = |sent: &std::collections::BTreeMap<&str, u32>| {
        ["create", "stop", "delete"].iter().map(|name| sent.get(name).copied().unwrap_or(0)).sum::<u32>()
    };
    assert!(changes(&world.sent) - changes(&sent) <= 2, "the first of them found out");
    assert_eq!(world.events_named("credentials_rejected"), 1);
    assert_eq!(world.cloud.count(), 3);
    world.fates = Box::new(|_| Fate::Answer);
    world.run_seconds(1_000);
    assert_eq!(world.events_named("provider_reachable"), 1);
    world.converge(5);
}

#[test]
fn creates_denied_alone_are_tried_seldom_and_told_once() {
    let mut world = started();
    world.fate(Fate::Deny, every(1, "create"));
    world.ensure(3);
    world.run_for(Duration::from_secs(24 * 3_600));
    assert!(world.sent("create") <= 3 * 320, "{}", world.sent("create"));
    assert_eq!(world.events_named("credentials_rejected"), 1);
    assert_eq!(world.events_named("provider_reachable"), 0);
    let most = world.machine.ledger().servers().map(|record| record.abandoned.len()).max();
    assert!(most <= Some(32));
    world.converge(3);
    assert_eq!(world.events_named("provider_reachable"), 1);
}

#[test]
fn stops_denied_alone_are_tried_seldom_and_told_once() {
    let mut world = World::running(crate::world::config(), 3);
    world.fate(Fate::Deny, every(1, "stop"));
    world.ensure(1);
    world.run_for(Duration::from_secs(24 * 3_600));
    assert!(world.sent("stop") <= 2 * 320, "{}", world.sent("stop"));
    assert_eq!(
        (world.events_named("credentials_rejected"), world.events_named("provider_reachable")),
        (1, 0)
    );
    world.converge(1);
    assert_eq!(world.events_named("provider_reachable"), 1);
}

#[test]
fn half_open_means_one() {
    let mut world = started();
    world.fate(Fate::Refuse(Reason::Capacity), every(1, "create"));
    world.ensure(10);
    world.run_seconds(2);
    assert_eq!(world.sent("create"), 10);
    let before = world.sent("create");
    world.run_seconds(6);
    assert_eq!(world.sent("create") - before, 1);
}

#[test]
fn a_template_that_cannot_be_rendered_is_asked_for_seldom() {
    let mut world = started();
    world.broken_template = true;
    world.ensure(5);
    world.run_for(Duration::from_secs(24 * 3_600));
    assert!((20..100).contains(&world.prepares), "{}", world.prepares);
    assert_eq!((world.sent("create"), world.count(Status::New)), (0, 5));
    assert!(world.told(|kind| kind.name() == "create_refused"));
    world.broken_template = false;
    world.crash();
    world.converge(5);
}

#[test]
fn a_template_that_is_mended_is_used_without_a_restart() {
    let mut world = started();
    world.broken_template = true;
    world.ensure(5);
    world.run_seconds(600);
    world.broken_template = false;
    world.run_seconds(1_850);
    assert_eq!(world.count(Status::Running), 5);
    world.ensure(0);
    world.converge(0);
}

#[test]
fn late_success_after_the_answer_was_overdue_is_bound_and_not_doubled() {
    let mut world = started();
    world.latency = 29_900;
    world.ensure(2);
    world.run_seconds(300);
    assert_eq!(world.cloud.peak, 2);
    // Later than any answer is waited for, yet sent in time.
    world.latency = 200;
    world.answer_delay = 120_000;
    world.ensure(4);
    world.run_seconds(600);
    assert_eq!(world.cloud.peak, 4);
    world.answer_delay = 0;
    world.converge(4);
}

#[test]
fn three_failed_looks_pause_creates_and_deletes_until_one_succeeds() {
    let mut world = started();
    world.ensure(3);
    world.run_seconds(60);
    world.fate(Fate::LoseReply, |effect| effect.op.name() == "look");
    world.run_seconds(3_600);
    let sent = world.sent.clone();
    world.ensure(1);
    world.run_seconds(3_600);
    assert_eq!((sent.get("stop"), world.sent.get("stop")), (None, None));
    world.ensure(6);
    world.run_seconds(3_600);
    assert_eq!(world.sent("create"), 3);
    assert_eq!(world.events_named("provider_unreachable"), 1);
    world.fates = Box::new(|_| Fate::Answer);
    world.run_seconds(400);
    assert_eq!(world.events_named("provider_reachable"), 1);
    world.converge(6);
}

#[test]
fn a_provider_that_keeps_no_account_is_created_at() {
    let mut world = started();
    world.fate(Fate::Refuse(Reason::Invalid), |effect| matches!(effect.op.name(), "account" | "check"));
    world.ensure(3);
    world.run_seconds(60);
    assert_eq!(world.count(Status::Running), 3);
    world.converge(3);
}

#[test]
fn a_search_that_was_not_read_to_its_end_proves_nothing() {
    let mut world = started();
    world.cloud.habits.finds_in_pieces = true;
    // Later than anything that is waited for, so that only the search could tell.
    world.cloud.habits.list_lag = 3_600_000;
    world.fate(Fate::LoseReply, every(1, "create"));
    world.ensure(1);
    world.run_seconds(1_800);
    assert!(world.sent("find") > 2, "it is searched for");
    assert_eq!((world.sent("create"), world.cloud.peak), (1, 1), "and not made again");
}

#[test]
fn what_is_refused_in_the_millisecond_of_a_look_waits_for_the_next_one() {
    let mut world = World::new();
    world.latency = 0;
    world.run_seconds(5);
    world.ensure(1);
    world.run_seconds(60);
    world.ensure(0);
    world.fate(Fate::Refuse(Reason::Busy), |effect| effect.op.name() == "stop");
    world.run_seconds(100);
    let (stops, looks) = (world.sent("stop"), world.sent("look"));
    assert!((2..=looks).contains(&stops), "{stops} stops, {looks} looks");
    world.converge(0);
}
