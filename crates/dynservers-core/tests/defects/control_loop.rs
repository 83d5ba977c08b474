//! The control loop: rows 1 to 9.

use std::time::Duration;

use dynservers_core::{
    Action, Command, CommandId, Config, Done, Input, ProviderState, Reason, ServerId, Status, TypeName,
};
use proptest::prelude::*;

use crate::cloud::{Fate, Habits};
use crate::workers::{draining, scoring};
use crate::world::{Disk, World, config, provider_name, type_name};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn counts() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 1_u32..10, any::<u32>(), Just(u32::MAX)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is below zero cannot be written: counts have no sign.
    #[test]
    fn defect_02_a_count_is_what_it_says_and_zero_is_nothing(
        steps in prop::collection::vec((0_u8..3, counts()), 1..8),
    ) {
        let mut config = config();
        config.server_types.get_mut(&type_name()).unwrap().max = 7;
        let mut world = World::running(config, 2);
        let mut wanted = 2_u32;
        for (which, count) in steps {
            let server_type = type_name();
            let (action, requested) = match which {
                0 => (Action::Ensure { server_type, count }, count),
                1 => (Action::Increase { server_type, by: count }, wanted.saturating_add(count)),
                _ => (Action::Decrease { server_type, by: count }, wanted.saturating_sub(count)),
            };
            let before = (wanted, world.sent("create"), world.sent("stop"));
            wanted = requested.min(7);
            let server_type = type_name();
            let expected = Done::Desired { server_type, before: Some(before.0), requested, desired: wanted };
            prop_assert_eq!(world.command(action), Ok(expected));
            world.run_seconds(120);
            prop_assert_eq!(world.count(Status::Running), wanted);
            let moved = (world.sent("create") - before.1, world.sent("stop") - before.2);
            prop_assert_eq!(moved, (wanted.saturating_sub(before.0), before.0.saturating_sub(wanted)));
        }
    }
}

#[test]
fn defect_03_many_ensures_at_once_give_one_fleet() {
    let say = |world: &mut World, key: String| {
        let id = CommandId::new(key).unwrap();
        let action = Action::Ensure { server_type: type_name(), count: 5 };
        world.tell(Input::Command(Command { id, action }));
    };
    let mut world = World::new();
    world.run_seconds(5);
    // All in one batch, before anything of the first is written; then while servers are new, and while they start.
    (0..50).for_each(|number| say(&mut world, format!("at once {number}")));
    world.drain();
    let is_five = |reply: &dynservers_core::Reply| matches!(reply, Ok(Done::Desired { desired: 5, .. }));
    assert_eq!(world.replies.iter().filter(|(_, reply)| is_five(reply)).count(), 50);
    for second in 0..40 {
        say(&mut world, format!("second {second}"));
        world.run_for(Duration::from_millis(100 * second));
    }
    world.converge(5);
    assert_eq!((world.cloud.peak, world.sent("create")), (5, 5));
}

fn limited(limit: u32) -> Config {
    let mut config = config();
    config.providers.get_mut(&provider_name()).unwrap().max_servers_in_account = Some(limit);
    config
}

#[test]
fn defect_04_a_limit_of_n_gives_exactly_n() {
    for limit in [1_u32, 3, 10, 20] {
        let mut world = World::with(limited(limit), Disk::new(1));
        world.cloud.habits.quota = Some(limit as usize);
        world.run_seconds(5);
        world.ensure(22);
        world.run_seconds(600);
        assert_eq!((world.cloud.count(), world.cloud.over_quota), (limit as usize, 0));
        assert_eq!(world.events_named("limit_hit"), 1);
        world.ensure(limit);
        world.converge(limit as usize);
        assert_eq!(world.events_named("limit_hit"), 1);
    }
}

#[test]
fn defect_04_the_limit_is_the_same_after_ten_thousand_servers_came_and_went() {
    let mut config = limited(20);
    config.timing.retention = Duration::from_secs(60);
    let mut world = World::with(config, Disk::new(1));
    world.cloud.habits = Habits { boot: 1_000, stop: 1_000, quota: Some(20), ..world.cloud.habits };
    world.run_seconds(5);
    while world.sent("create") < 10_000 {
        world.ensure(20);
        world.run_seconds(25);
        assert_eq!(world.count(Status::Running), 20, "after {} servers", world.sent("create"));
        world.ensure(0);
        while world.cloud.count() > 0 {
            world.run_seconds(10);
        }
        world.cloud.servers.clear();
        world.run_seconds(45);
    }
    world.ensure(30);
    world.run_seconds(60);
    assert_eq!((world.count(Status::Running), world.cloud.over_quota), (20, 0));
    world.ensure(20);
    world.converge(20);
}

/// The readings of ten minutes in which one more server takes its time to start, and of as many in which nothing happens.
fn readings(servers: u32) -> [u32; 2] {
    let mut world = World::running(config(), servers);
    let changes =
        |world: &World| ["create", "stop", "delete"].iter().map(|name| world.sent(name)).sum::<u32>();
    let read = |world: &mut World| {
        let before = world.cloud.calls() - changes(world);
        world.run_seconds(580);
        world.cloud.calls() - changes(world) - before
    };
    let at_rest = read(&mut world);
    world.cloud.habits.boot = 1_000_000;
    world.ensure(servers + 1);
    let waiting = read(&mut world);
    assert!(world.count(Status::Starting) == 1 && waiting > 20, "it is looked at each 20 s: {waiting}");
    [at_rest, waiting]
}

#[test]
fn defect_05_readings_per_poll_do_not_depend_on_the_number_of_servers() {
    let expected = readings(1);
    for servers in [2, 20, 90] {
        assert_eq!(readings(servers), expected, "{servers}");
    }
}

/// The bounds of a day with a snapshot that is broken, where ten servers are wanted: creates, and calls of any kind.
const MOST_REFUSED_CREATES: u32 = 70;
const MOST_CALLS: u32 = 1_000;

#[test]
fn defect_06_a_day_of_a_snapshot_that_is_refused_costs_few_creates_and_few_calls() {
    for reason in [Reason::Invalid, Reason::Quota, Reason::Credit, Reason::Capacity] {
        let mut world = World::new();
        world.run_seconds(5);
        world.fate(Fate::Refuse(reason), |effect| effect.op.name() == "create");
        world.ensure(10);
        world.run_for(DAY);
        assert!(world.sent("create") <= MOST_REFUSED_CREATES, "{reason}: {}", world.sent("create"));
        assert!(world.sent("create") >= 40, "{reason}: it is tried again");
        assert!(world.sent.values().sum::<u32>() <= MOST_CALLS, "{reason}: {:?}", world.sent);
        assert!(world.machine.ledger().servers().count() <= 100);
        world.fates = Box::new(|_| Fate::Answer);
        world.run_seconds(1_850);
        assert_eq!(world.count(Status::Running), 10, "one opens the door for the others");
        world.converge(10);
        assert_eq!(world.cloud.peak, 10);
    }
}

/// The same day where the snapshot can be cloned and what comes of it is broken: each of the ten is made anew when it was
/// kept for its hour, and one more an hour stands in. Creates, and hours of servers that bill.
const MOST_BROKEN_CREATES: u32 = 24 * (10 + 2);
const MOST_BILLED_HOURS: u64 = 24 * 12;

#[test]
fn defect_06_a_day_of_servers_that_never_come_up_costs_few_creates_and_few_hours() {
    let mut world = World::new();
    world.cloud.deletes_in_error = true;
    world.cloud.habits.boot = 1_000_000_000;
    world.run_seconds(5);
    world.ensure(10);
    let mut billed_minutes = 0;
    for _ in 0..24 * 60 {
        for (_, server) in
            world.cloud.living_mut().filter(|(_, server)| server.state == ProviderState::InProgress)
        {
            (server.state, server.next) = (ProviderState::Error, None);
        }
        world.run_seconds(60);
        billed_minutes += world.cloud.count() as u64;
    }
    assert_eq!(world.count(Status::Running), 0);
    assert!((20..=MOST_BROKEN_CREATES).contains(&world.sent("create")), "{}", world.sent("create"));
    assert!(billed_minutes / 60 <= MOST_BILLED_HOURS, "{}", billed_minutes / 60);
    world.cloud.habits.boot = 23_000;
    world.cloud.living_mut().for_each(|(_, server)| server.state = ProviderState::Error);
    world.converge(10);
}

/// Nothing of it runs in the queue that is scaled, and time alone convicts nobody: neither a host that slept, nor a process
/// that was not there, nor looks that failed make a server hang that came up meanwhile.
#[test]
fn defect_07_nobody_hangs_for_the_time_that_nobody_looked() {
    let hour = Duration::from_secs(3_600);
    for way in ["the host slept", "the process was not there", "the looks failed"] {
        let mut world = World::new();
        world.run_seconds(5);
        world.ensure(3);
        world.run_seconds(3);
        assert_eq!(world.count(Status::Starting), 3);
        if way == "the looks failed" {
            world.fate(Fate::LoseReply, |effect| effect.op.name() == "look");
            world.run_for(hour);
            world.fates = Box::new(|_| Fate::Answer);
        } else {
            world.now = world.now + hour;
            world.cloud.advance(world.now);
        }
        if way == "the process was not there" {
            world.crash();
        }
        world.run_seconds(600);
        assert_eq!((world.count(Status::Running), world.events_named("hanging")), (3, 0), "{way}");
        world.converge(3);
        assert_eq!(world.sent("create"), 3, "{way}");
    }
}

#[test]
fn defect_08_a_reboot_is_of_its_type_once_each_and_few_at_a_time() {
    let other = TypeName::new("other").unwrap();
    let mut config = config();
    config.server_types.insert(other.clone(), config.server_types[&type_name()].clone());
    let mut world = World::with(config, Disk::new(1));
    world.run_seconds(5);
    world.most_wanted = 9;
    world.ensure(5);
    world.command(Action::Ensure { server_type: other.clone(), count: 4 }).unwrap();
    world.run_seconds(60);
    let reply = world.command(Action::Reboot { server_type: type_name(), at_a_time: Some(2) });
    assert_eq!(reply, Ok(Done::Rebooting { server_type: type_name(), servers: 5 }));
    let mut most = 0;
    for _ in 0..600 {
        world.run_seconds(1);
        most = most.max(world.count(Status::Rebooting));
        assert_eq!(world.machine.ledger().count(&other, Status::Running), 4, "the other type goes on");
    }
    assert_eq!((most, world.sent("reboot"), world.count(Status::Running)), (2, 5, 5));
    let mut rebooted: Vec<ServerId> = Vec::new();
    for event in &world.events {
        if let dynservers_core::EventKind::Rebooting(told) = &event.kind {
            assert!(told.server_type == type_name() && !rebooted.contains(&told.server), "once each");
            rebooted.push(told.server);
        }
    }
}

#[test]
fn defect_09_the_new_go_first_then_those_that_start_the_idle_and_the_oldest() {
    let mut config = scoring();
    config.providers.get_mut(&provider_name()).unwrap().concurrency = 1;
    let mut world = World::running(config, 4);
    for id in world.ids(Status::Running) {
        world.occupy(id, 100_000);
    }
    let running = world.ids(Status::Running);
    world.worker(running[2]).busy_until = dynservers_core::Time::ZERO;
    // The answer to one create takes long, and the other waits for it.
    world.answer_delay = 20_000;
    world.ensure(6);
    world.run_seconds(1);
    assert_eq!((world.ids(Status::Starting).len(), world.ids(Status::New).len()), (1, 1));
    let (starting, new) = (world.ids(Status::Starting)[0], world.ids(Status::New)[0]);
    let leaving = |world: &World| -> Vec<ServerId> {
        let leaves = world.machine.ledger().servers().filter(|record| record.removal.is_some());
        leaves.map(|record| record.id).collect()
    };
    world.ensure(5);
    assert_eq!((leaving(&world), world.machine.ledger().server(new)), (vec![], None), "never asked for");
    world.ensure(4);
    assert_eq!(leaving(&world), [starting], "a surplus start is cancelled");
    world.answer_delay = 0;
    for (count, victim) in [(3, running[2]), (2, running[0]), (1, running[1])] {
        let before = leaving(&world);
        world.ensure(count);
        world.run_seconds(45);
        let chosen: Vec<_> = leaving(&world).into_iter().filter(|id| !before.contains(id)).collect();
        assert_eq!(chosen, [victim], "of those left to {count}");
    }
    world.converge(1);
    assert_eq!((world.ids(Status::Running), world.sent("create")), (vec![running[3]], 5));
}

#[test]
fn defect_09_without_scores_the_oldest_of_those_that_run_go_and_the_protected_never() {
    let mut world = World::running(config(), 4);
    let ids = world.ids(Status::Running);
    world.command(Action::Protect { server: ids[0], protected: true }).unwrap();
    world.ensure(6);
    world.run_seconds(3);
    world.ensure(3);
    world.run_seconds(300);
    let mut left = world.ids(Status::Running);
    left.sort_unstable();
    assert_eq!(left, [ids[0], ids[2], ids[3]], "both that started and the oldest that may go");
    world.ensure(0);
    world.run_seconds(600);
    assert_eq!(world.ids(Status::Running), [ids[0]]);
    assert!(world.is_settled(), "nothing is under way: an operator keeps it");
    world.command(Action::Protect { server: ids[0], protected: false }).unwrap();
    assert!(!world.is_settled(), "one is more than none");
    world.converge(0);
}

#[test]
fn defect_09_a_long_job_is_waited_for_and_who_drains_is_called_back() {
    let mut world = World::running(draining(), 3);
    // Longer than the minute after which the reference's servers lose what they have in hand.
    world.occupy_all(600);
    world.ensure(1);
    world.run_seconds(590);
    assert_eq!((world.count(Status::Draining), world.sent("stop")), (2, 0));
    world.ensure(3);
    world.run_seconds(60);
    assert_eq!((world.count(Status::Running), world.events_named("undrained")), (3, 2));
    assert_eq!(world.idlers(), [], "they take work again");
    world.ensure(1);
    world.converge(1);
    assert_eq!((world.sent("create"), world.sent("stop")), (3, 2));
}
