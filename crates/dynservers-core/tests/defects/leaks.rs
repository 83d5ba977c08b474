//! Leaks: rows 16 to 19.

use std::time::Duration;

use dynservers_core::{Action, Config, FailedPolicy, ProviderState, Reason, Status, Time};

use crate::cloud::Fate;
use crate::world::{World, config, type_name};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Up, rebooted, down and up again.
fn live(world: &mut World) {
    world.run_seconds(5);
    world.ensure(3);
    world.run_seconds(60);
    world.command(Action::Reboot { server_type: type_name(), at_a_time: Some(2) }).unwrap();
    world.run_seconds(60);
    world.ensure(1);
    world.run_seconds(130);
    world.ensure(2);
    world.run_seconds(30);
}

/// Loses the reply to each k-th request that changes something.
fn lose_every(world: &mut World, nth: u32) {
    let mut count = 0_u32;
    world.fate(Fate::LoseReply, move |effect| {
        count += u32::from(!effect.op.is_read());
        !effect.op.is_read() && count.is_multiple_of(nth)
    });
}

#[test]
fn defect_16_whatever_replies_are_lost_and_wherever_it_is_killed_the_ledger_is_what_the_provider_has() {
    for nth in [1, 2, 3] {
        let mut whole = World::new();
        lose_every(&mut whole, nth);
        live(&mut whole);
        assert!(whole.outputs > 50, "it is killed at each of these");
        for at in 1..=whole.outputs {
            let mut world = World::new();
            lose_every(&mut world, nth);
            world.death = Some((at, at % 2 == 0));
            live(&mut world);
            assert!(world.cloud.peak <= 3, "reply {nth}, output {at}: {}", world.cloud.peak);
            world.death = None;
            world.converge(2);
            assert!(world.cloud.peak <= 3, "reply {nth}, output {at}: {}", world.cloud.peak);
        }
    }
}

/// What a failed reading may be: the reference took any of them for "deleted".
const FAILED: [Fate; 6] = [
    Fate::Deny,
    Fate::Throttle,
    Fate::LoseReply,
    Fate::Refuse(Reason::Invalid),
    Fate::Refuse(Reason::Busy),
    Fate::Unsent,
];

#[test]
fn defect_17_a_reading_that_failed_ends_nobody() {
    for fate in FAILED {
        for reading in ["inspect", "look"] {
            let mut world = World::running(config(), 4);
            // Listings show it no more, so that somebody has to ask.
            let key = world.cloud.oldest();
            world.cloud.meddle(key, |server| server.listed_at = Time::from_millis(u64::MAX));
            world.fate(fate, move |effect| effect.op.name() == reading);
            world.run_for(6 * HOUR);
            assert_eq!((world.count(Status::Running), world.events_named("deleted")), (4, 0), "{fate:?}");
            assert_eq!(world.sent("create"), 4, "{fate:?}");
            // Its own word, and it alone, convicts.
            world.cloud.meddle(key, |server| server.is_gone = true);
            world.run_for(HOUR);
            assert_eq!(world.events_named("deleted"), 0, "{fate:?}");
            world.fates = Box::new(|_| Fate::Answer);
            world.run_for(HOUR);
            assert_eq!((world.events_named("deleted"), world.sent("create")), (1, 5), "{fate:?}");
            world.converge(4);
        }
    }
}

#[test]
fn defect_17_a_deletion_is_over_when_the_server_is_seen_gone_and_not_when_nobody_can_see_it() {
    for fate in FAILED {
        let mut world = World::running(config(), 2);
        world.ensure(1);
        world.run_seconds(12);
        // It is accepted and never done, and then nothing can be read: it bills on.
        world.cloud.habits.forgets_orders = true;
        while world.sent("delete") == 0 {
            world.run_seconds(1);
        }
        world.fate(fate, |effect| effect.op.is_read());
        world.run_for(6 * HOUR);
        assert_eq!((world.cloud.count(), world.count(Status::Deleted)), (2, 0), "{fate:?}");
        world.cloud.habits.forgets_orders = false;
        world.converge(1);
    }
}

#[test]
fn defect_18_finished_records_are_kept_for_their_retention_and_no_longer() {
    let mut world = World::running(config(), 3);
    world.cloud.habits.ignores_soft_stop = true;
    world.ensure(1);
    world.run_for(DAY);
    assert_eq!(world.machine.ledger().servers().count(), 3);
    world.run_for(5 * DAY);
    assert_eq!(world.machine.ledger().servers().count(), 3);
    world.run_for(2 * DAY);
    assert_eq!(world.machine.ledger().servers().count(), 1);
    assert_eq!(world.disk.stored.servers.len(), 1);
    world.converge(1);
}

fn keeping() -> Config {
    let mut config = config();
    config.server_types.get_mut(&type_name()).unwrap().on_failed = FailedPolicy::Keep;
    config
}

#[test]
fn defect_18_nothing_is_forgotten_before_it_was_seen_gone_however_old_it_is() {
    let mut world = World::running(keeping(), 3);
    // One is in error and kept, and one is stopped and cannot be deleted: both still bill.
    let key = world.cloud.oldest();
    world.cloud.meddle(key, |server| server.state = ProviderState::Error);
    world.run_seconds(600);
    world.fate(Fate::Refuse(Reason::Invalid), |effect| effect.op.name() == "delete");
    world.command(Action::Pause { out: Some(true), inward: None }).unwrap();
    let key = *world.cloud.living().last().unwrap().0;
    world.cloud.meddle(key, |server| server.state = ProviderState::Stopped);
    for _ in 0..3 {
        world.run_for(3 * DAY);
        world.crash();
        let ids = |id: &dynservers_core::ProviderId| id.as_str().parse::<u64>().unwrap();
        let stored = world.disk.stored.servers.iter().filter(|record| record.status != Status::Deleted);
        let known: std::collections::BTreeSet<u64> =
            stored.filter_map(|record| record.provider_id.as_ref().map(ids)).collect();
        let there: std::collections::BTreeSet<u64> = world.cloud.living().map(|(key, _)| *key).collect();
        assert_eq!((known, there.len()), (there.clone(), 4), "the ledger knows all that bills");
    }
    world.command(Action::Pause { out: Some(false), inward: None }).unwrap();
    world.fates = Box::new(|_| Fate::Answer);
    world.run_for(8 * DAY);
    assert_eq!(world.cloud.count(), 4, "the stopped one went and was replaced, the one in error is kept");
}

#[test]
fn defect_19_a_delete_is_repeated_until_it_is_done_and_finding_nothing_is_done() {
    for fate in
        [Fate::LoseReply, Fate::LoseRequest, Fate::Refuse(Reason::Invalid), Fate::Refuse(Reason::Busy)]
    {
        let mut world = World::running(config(), 2);
        let mut left = 3_u32;
        world.fate(fate, move |effect| {
            let is_chosen = effect.op.name() == "delete" && left > 0;
            left -= u32::from(is_chosen);
            is_chosen
        });
        world.ensure(0);
        world.run_for(HOUR);
        assert_eq!((world.cloud.count(), world.count(Status::Deleted)), (0, 2), "{fate:?}");
        assert_eq!(world.events_named("errored"), 0, "{fate:?}");
        world.converge(0);
    }
}

#[test]
fn defect_19_a_retry_after_is_honoured_to_the_second() {
    for (name, count) in [("create", 3), ("delete", 1)] {
        let mut world = World::running(config(), 2);
        let mut left = 1_u32;
        world.fate(Fate::ThrottleFor(250), move |effect| {
            let is_chosen = effect.op.name() == name && left > 0;
            left -= u32::from(is_chosen);
            is_chosen
        });
        world.ensure(count);
        let mut waited = 0;
        while world.sent(name) < if name == "create" { 3 } else { 1 } {
            world.run_for(Duration::from_millis(100));
        }
        let sent = world.sent.values().sum::<u32>();
        while world.sent.values().sum::<u32>() == sent {
            world.run_for(Duration::from_millis(100));
            waited += 100;
        }
        assert!((250_000..252_000).contains(&waited), "{name}: asked again after {waited} ms");
        world.converge(count as usize);
    }
}
