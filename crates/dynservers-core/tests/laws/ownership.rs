//! Ownership: orphans, other owners, ledgers restored, deleted and shared.

use dynservers_core::{
    Action, Config, Done, FoundLabels, OrphanPolicy, OtherOwnerPolicy, OwnerId, ProviderState, ServerId,
    Status, Token,
};

use crate::cloud::Fate;
use crate::workers::draining;
use crate::world::{Disk, World, config, provider_name, type_name};

fn with_provider(change: impl FnOnce(&mut dynservers_core::ProviderConfig)) -> Config {
    let mut config = config();
    change(config.providers.get_mut(&provider_name()).unwrap());
    config
}

fn labels(owner: u128, id: u64) -> FoundLabels {
    FoundLabels {
        fleet: Some(config().fleet),
        owner: Some(OwnerId::from_random(owner)),
        server_type: Some(type_name()),
        server: Some(ServerId(id)),
        token: Some(Token(u128::from(id))),
        spec: None,
    }
}

#[test]
fn a_ledger_restored_from_an_older_copy_finds_its_servers_again() {
    let mut world = World::running(config(), 3);
    let old = world.disk.clone();
    world.ensure(8);
    world.converge(8);
    world.disk = old;
    world.crash();
    let creates = world.sent("create");
    world.run_seconds(10);
    assert_eq!(world.events_named("ledger_restored"), 1);
    let view = world.machine.view(world.now);
    assert_eq!(view.types[&type_name()].desired, None, "what was wanted since is not known");
    world.run_seconds(200);
    assert_eq!((world.count(Status::Running), world.sent("create")), (8, creates));
    let next = world.machine.ledger().fleet().next_server;
    assert!(next > 8, "numbers start above every number seen");
    world.converge(8);
    world.ensure(9);
    world.converge(9);
    assert_eq!(world.sent("create"), creates + 1);
}

#[test]
fn a_server_without_an_owners_label_stays_held_and_holds_up_nothing() {
    let mut world = World::running(config(), 2);
    let half = FoundLabels { fleet: Some(config().fleet), ..FoundLabels::default() };
    world.cloud.add(half, ProviderState::Running, false, world.now);
    world.run_seconds(600);
    assert_eq!(world.events_named("second_controller"), 1);
    world.command(Action::Takeover { provider: None }).unwrap();
    world.ensure(4);
    world.run_seconds(600);
    assert_eq!((world.count(Status::Running), world.events_named("second_controller")), (4, 1));
    assert_eq!(world.machine.ledger().found().count(), 1);
}

#[test]
fn whoever_is_taken_over_is_told_to_go_on_working() {
    let mut world = World::running(draining(), 2);
    world.occupy_all(500);
    world.ensure(0);
    world.run_seconds(30);
    assert_eq!(world.count(Status::Draining), 2);
    world.disk = Disk::new(2);
    world.crash();
    world.run_seconds(30);
    world.command(Action::Takeover { provider: None }).unwrap();
    world.ensure(2);
    world.converge(2);
    assert_eq!((world.idlers(), world.workers.count("undrain")), (Vec::new(), 2));
}

#[test]
fn whoever_is_taken_over_is_told_once_somebody_says_how_and_it_runs() {
    let mut world = World::running(draining(), 2);
    world.occupy_all(500);
    world.ensure(0);
    world.run_seconds(30);
    world.disk = Disk::new(2);
    world.crash();
    world.reload(config());
    // One of them is not up at that moment.
    let key = world.cloud.living().map(|(key, _)| *key).next().unwrap();
    world.cloud.meddle(key, |server| server.state = ProviderState::InProgress);
    world.run_seconds(30);
    world.command(Action::Takeover { provider: None }).unwrap();
    world.ensure(2);
    world.run_seconds(60);
    assert_eq!((world.workers.count("undrain"), world.count(Status::Running)), (0, 1));
    world.reload(draining());
    world.cloud.meddle(key, |server| server.state = ProviderState::Running);
    world.converge(2);
    assert_eq!((world.idlers(), world.workers.count("undrain")), (Vec::new(), 2));
}

#[test]
fn the_held_are_not_forgotten_by_the_word_of_another_account() {
    let mut world = World::running(config(), 3);
    world.disk = Disk::new(2);
    world.crash();
    world.run_seconds(30);
    world.ensure(3);
    let far = dynservers_core::Time::from_millis(u64::MAX);
    world.cloud.habits.identity = "elsewhere".to_owned();
    world.cloud.living_mut().for_each(|(_, server)| server.listed_at = far);
    world.run_seconds(3_600);
    let creates = world.sent("create");
    assert_eq!((creates, world.machine.ledger().found().count(), world.events_named("held")), (3, 3, 1));
    world.cloud.habits.identity = "acme".to_owned();
    for (_, server) in world.cloud.living_mut() {
        server.is_gone = true;
    }
    world.run_seconds(60);
    assert_eq!(world.machine.ledger().found().count(), 0, "gone from the account that is known");
    world.converge(3);
}

#[test]
fn a_crash_within_the_grace_forgets_nothing_of_it() {
    let mut world = World::running(config(), 3);
    let old = world.disk.clone();
    world.ensure(6);
    world.converge(6);
    world.disk = old;
    let creates = world.sent("create");
    for _ in 0..5 {
        world.crash();
        world.run_seconds(9);
    }
    world.converge(6);
    assert_eq!(world.sent("create"), creates);
}

#[test]
fn a_restored_ledger_obeys_a_command_received_since() {
    let mut world = World::running(config(), 3);
    let old = world.disk.clone();
    world.ensure(8);
    world.converge(8);
    world.disk = old;
    world.crash();
    world.ensure(5);
    world.converge(5);
    assert_eq!(world.cloud.peak, 8);
}

#[test]
fn orphans_are_deleted_or_reported_where_that_is_wanted() {
    let mut world = World::running(with_provider(|config| config.orphans = OrphanPolicy::Delete), 2);
    world.cloud.add(labels(1, 77), ProviderState::Running, true, world.now);
    world.most_wanted = 3;
    world.converge(2);
    assert_eq!(world.events_named("orphan_found"), 1);

    let mut world = World::running(with_provider(|config| config.orphans = OrphanPolicy::Report), 2);
    let key = world.cloud.add(labels(1, 77), ProviderState::Running, false, world.now);
    world.run_seconds(3_600);
    assert_eq!(world.machine.ledger().found().count(), 1);
    world.check_silence();
    world.ensure(4);
    world.run_seconds(300);
    assert_eq!(world.count(Status::Running), 3, "it is counted");
    world.cloud.meddle(key, |server| server.is_gone = true);
    world.converge(4);
}

#[test]
fn an_orphan_becomes_a_record_after_its_grace_and_is_scaled_in() {
    let mut world = World::running(config(), 2);
    world.cloud.add(labels(1, 77), ProviderState::Running, true, world.now);
    world.most_wanted = 3;
    world.converge(2);
    assert_eq!((world.events_named("adopted"), world.sent("create")), (1, 2));
    assert!(world.machine.ledger().fleet().next_server >= 78);
}

#[test]
fn an_orphan_of_an_unknown_type_stays_reported_and_costs_nothing() {
    let mut world = World::running(config(), 2);
    let foreign = FoundLabels { server_type: None, ..labels(1, 77) };
    world.cloud.add(foreign, ProviderState::Running, false, world.now);
    world.run_seconds(3_600);
    assert_eq!(world.machine.ledger().found().count(), 1);
    world.check_silence();
}

#[test]
fn a_deleted_database_stops_nobody_and_takeover_brings_them_in() {
    let mut world = World::running(config(), 5);
    world.disk = Disk::new(2);
    world.crash();
    world.ensure(7);
    world.run_seconds(1_000);
    assert_eq!((world.sent("stop"), world.cloud.count()), (0, 7), "they fill two more");
    let view = world.machine.view(world.now);
    assert_eq!(view.types[&type_name()].held, 5);
    world.ensure(3);
    world.run_seconds(1_000);
    assert_eq!((world.sent("stop"), world.cloud.count()), (0, 7), "what is held makes no surplus");
    assert_eq!(world.command(Action::Takeover { provider: None }), Ok(Done::TakenOver { servers: 5 }));
    world.converge(3);
    assert_eq!(world.events_named("second_controller"), 0);
}

#[test]
fn hosts_whose_disk_does_not_last_take_over_by_configuration() {
    let mut world =
        World::running(with_provider(|config| config.other_owner = OtherOwnerPolicy::Takeover), 5);
    world.disk = Disk::new(2);
    world.crash();
    world.run_seconds(1_000);
    assert_eq!(world.count(Status::Running), 5);
    world.crash();
    world.ensure(4);
    world.converge(4);
    assert_eq!(world.sent("create"), 5);
}

#[test]
fn held_servers_fill_the_ceiling_of_their_type() {
    let mut config = config();
    config.server_types.get_mut(&type_name()).unwrap().max = 4;
    let mut world = World::with(config, Disk::new(1));
    for id in 1..=3 {
        world.cloud.add(labels(9, id), ProviderState::Running, false, world.now);
    }
    world.run_seconds(5);
    world.ensure(4);
    world.run_seconds(1_000);
    assert_eq!(world.sent("create"), 1);
}

#[test]
fn a_second_live_controller_stops_creates_until_an_operator_speaks_or_it_is_gone() {
    for way in ["resume", "takeover", "gone"] {
        let mut world = World::running(config(), 2);
        let key = world.cloud.add(labels(9, 1), ProviderState::Running, way == "takeover", world.now);
        world.most_wanted = 3;
        world.run_seconds(400);
        assert_eq!(world.events_named("second_controller"), 1, "{way}");
        world.ensure(5);
        world.run_seconds(600);
        assert_eq!(world.sent("create"), 2, "{way}");
        world.crash();
        world.run_seconds(600);
        assert_eq!(world.sent("create"), 2, "{way}: it is durable");
        match way {
            "resume" => {
                world.command(Action::Resume { provider: None }).unwrap();
                world.run_seconds(600);
                assert_eq!(world.count(Status::Running), 4, "the held one fills a place");
            }
            "takeover" => {
                world.command(Action::Takeover { provider: None }).unwrap();
                world.converge(5);
            }
            _ => {
                world.cloud.meddle(key, |server| server.is_gone = true);
                world.converge(5);
            }
        }
    }
}

#[test]
fn without_a_store_a_restart_knows_its_own() {
    let mut world = World::running(config(), 4);
    for round in 0..4 {
        world.disk = Disk::new(1);
        world.crash();
        world.run_seconds(if round % 2 == 0 { 7 } else { 400 });
    }
    world.converge(4);
    assert_eq!(world.sent("create"), 4);
}

#[test]
fn foreign_servers_are_never_touched() {
    let mut world = World::running(config(), 2);
    for state in [ProviderState::Running, ProviderState::Stopped, ProviderState::Error] {
        world.cloud.add(FoundLabels::default(), state, false, world.now);
        let other = dynservers_core::FleetName::new("another").ok();
        world.cloud.add(FoundLabels { fleet: other, ..labels(1, 5) }, state, false, world.now);
    }
    world.fate(Fate::LoseReply, |effect| !effect.op.is_read());
    world.ensure(6);
    world.run_seconds(500);
    world.ensure(1);
    world.converge(1);
    assert_eq!(world.cloud.servers.values().filter(|server| !server.is_gone).count(), 7);
}

#[test]
fn a_token_that_was_given_up_is_known_after_its_server_is_not_wanted_any_more() {
    let mut world = World::new();
    world.is_lag_honest = false;
    world.run_seconds(5);
    world.ensure(3);
    world.run_seconds(60);
    world.cloud.habits.list_lag = 200_000;
    world.fate(Fate::LoseReply, |effect| effect.op.name() == "create");
    world.ensure(4);
    world.run_seconds(60);
    world.command(Action::Pause { out: Some(true), inward: None }).unwrap();
    world.run_seconds(40);
    assert_eq!(world.count(Status::New), 1, "it was given up");
    world.ensure(3);
    // Nobody looks while it comes up.
    world.now = world.now + std::time::Duration::from_secs(300);
    world.crash();
    world.run_seconds(120);
    assert_eq!(world.events_named("ledger_restored"), 0, "a late duplicate is no restored ledger");
    world.converge(3);
}

#[test]
fn a_server_that_bears_our_label_again_goes_on_where_it_was() {
    for (seconds, status) in [(1, Status::Stopping), (25, Status::Stopped)] {
        let mut world = World::new();
        world.run_seconds(5);
        world.ensure(2);
        world.run_seconds(60);
        world.fate(Fate::Refuse(dynservers_core::Reason::Busy), |effect| effect.op.name() == "delete");
        world.ensure(1);
        world.run_seconds(seconds);
        let key = world.cloud.oldest();
        let labels = world.cloud.servers[&key].labels.clone();
        world.cloud.meddle(key, |server| server.labels = FoundLabels::default());
        world.run_seconds(400);
        assert_eq!(world.events_named("disowned"), 1, "{status}");
        world.cloud.meddle(key, |server| server.labels = labels);
        world.converge(1);
    }
}
