//! Types: several on one provider share its room and keep their own counts, one of them retired.

use std::collections::{BTreeMap, BTreeSet};

use dynservers_core::{Action, Config, ProviderName, Status, TypeConfig, TypeName};

use crate::cloud::Fate;
use crate::world::{Disk, World, config, provider_name, type_name};

fn named(name: &str) -> TypeName {
    TypeName::new(name).unwrap()
}

/// Types `default`, `big` and `old` on one provider.
fn three_types() -> Config {
    let mut config = config();
    let template = config.server_types[&type_name()].clone();
    for name in ["big", "old"] {
        config.server_types.insert(named(name), template.clone());
    }
    config
}

fn ensure(world: &mut World, name: &str, count: u32) {
    world.command(Action::Ensure { server_type: named(name), count }).unwrap();
    world.most_wanted = world
        .machine
        .view(world.now)
        .types
        .values()
        .filter_map(|view| view.desired)
        .sum::<u32>()
        .max(world.most_wanted);
}

fn running(world: &World) -> BTreeMap<String, u32> {
    let names = ["default", "big", "old"];
    names
        .iter()
        .map(|name| ((*name).to_owned(), world.machine.ledger().count(&named(name), Status::Running)))
        .collect()
}

fn retire(world: &mut World, name: &str) {
    world.config.server_types.remove(&named(name));
    world.config.retired_types.insert(named(name));
}

fn counts(default: u32, big: u32, old: u32) -> BTreeMap<String, u32> {
    [("default", default), ("big", big), ("old", old)].map(|(name, count)| (name.to_owned(), count)).into()
}

#[test]
fn types_on_one_provider_keep_their_own_counts_while_one_is_retired() {
    let mut world = World::with(three_types(), Disk::new(1));
    world.run_seconds(5);
    world.most_wanted = 12;
    for (name, count) in [("old", 3), ("default", 4), ("big", 2)] {
        ensure(&mut world, name, count);
    }
    world.run_seconds(100);
    assert_eq!(running(&world), counts(4, 2, 3));
    retire(&mut world, "old");
    world.crash();
    world.run_seconds(1);
    ensure(&mut world, "big", 5);
    world.run_seconds(20);
    ensure(&mut world, "default", 1);
    world.run_seconds(300);
    assert_eq!(running(&world), counts(1, 5, 0));
    world.converge(6);
    assert_eq!((world.sent("create"), world.sent("delete")), (12, 6));
}

#[test]
fn types_share_the_room_of_the_account_exactly() {
    let mut config = three_types();
    config.providers.get_mut(&provider_name()).unwrap().max_servers_in_account = Some(7);
    let mut world = World::with(config, Disk::new(1));
    world.cloud.habits.quota = Some(7);
    world.run_seconds(5);
    for name in ["default", "big", "old"] {
        ensure(&mut world, name, 4);
    }
    world.run_seconds(600);
    assert_eq!((world.cloud.count(), world.cloud.over_quota), (7, 0));
    for (name, count) in [("default", 2), ("big", 2), ("old", 3)] {
        ensure(&mut world, name, count);
    }
    world.run_seconds(1_000);
    assert_eq!((running(&world), world.cloud.over_quota), (counts(2, 2, 3), 0));
    world.converge(7);
}

#[test]
fn a_type_that_is_refused_does_not_hold_up_the_others() {
    let mut world = World::with(three_types(), Disk::new(1));
    world.run_seconds(5);
    world.fate(Fate::Refuse(dynservers_core::Reason::Invalid), |effect| match &effect.op {
        dynservers_core::Op::CreateFromSnapshot(create) => create.server_type == named("big"),
        _ => false,
    });
    for name in ["big", "default", "old"] {
        ensure(&mut world, name, 2);
    }
    world.run_seconds(100);
    assert_eq!(running(&world), counts(2, 0, 2));
    world.converge(6);
}

#[test]
fn what_was_never_asked_for_follows_its_type_to_another_provider() {
    let other = ProviderName::new("another").unwrap();
    let mut world = World::new();
    world.run_seconds(5);
    world.fate(Fate::Refuse(dynservers_core::Reason::Capacity), |effect| effect.op.name() == "create");
    world.ensure(3);
    world.run_seconds(20);
    assert!(world.count(Status::New) > 0, "they wait for the backoff");
    let place = world.config.providers.remove(&provider_name()).unwrap();
    world.config.providers.insert(other.clone(), place);
    world.config.server_types.get_mut(&type_name()).unwrap().provider = other.clone();
    world.crash();
    world.fates = Box::new(move |effect| {
        assert_eq!(effect.provider, other, "the other one is not there any more");
        Fate::Answer
    });
    world.run_seconds(3_600);
    assert_eq!(world.count(Status::Running), 3);
}

#[test]
fn a_retired_type_leaves_each_of_its_providers() {
    let other = ProviderName::new("another").unwrap();
    let mut world = World::new();
    world.run_seconds(5);
    world.ensure(2);
    world.run_seconds(60);
    // The type once moved: its older servers are somewhere that cannot be seen just now.
    let place = world.config.providers[&provider_name()].clone();
    world.config.providers.insert(other.clone(), place);
    world.config.server_types.remove(&type_name());
    world.config.retired_types = BTreeSet::from([type_name()]);
    let first = world.disk.stored.servers.iter().map(|record| record.id).min().unwrap();
    let older = world.disk.stored.servers.iter_mut().find(|record| record.id == first).unwrap();
    older.provider = other.clone();
    let key: u64 = older.provider_id.as_ref().unwrap().as_str().parse().unwrap();
    world.cloud.meddle(key, |server| server.labels = dynservers_core::FoundLabels::default());
    world.fate(Fate::Deny, move |effect| effect.provider == other);
    world.crash();
    world.run_seconds(600);
    assert_eq!(world.cloud.count(), 1, "the one that can be seen is gone");
    assert_eq!(world.machine.ledger().server(first).map(|record| record.status), Some(Status::Running));
}

/// A world whose two providers are one account: `default` is on one of them, `big` on the other.
fn one_account_by_two_names() -> World {
    let mut config = config();
    let other = ProviderName::new("again").unwrap();
    config.providers.insert(other.clone(), config.providers[&provider_name()].clone());
    let big = TypeConfig { provider: other, ..config.server_types[&type_name()].clone() };
    config.server_types.insert(named("big"), big);
    World::with(config, Disk::new(1))
}

#[test]
fn two_names_of_one_account_do_not_take_each_others_servers_for_duplicates() {
    let mut world = one_account_by_two_names();
    world.run_seconds(5);
    world.most_wanted = 5;
    for (name, count) in [("default", 2), ("big", 3)] {
        world.command(Action::Ensure { server_type: named(name), count }).unwrap();
    }
    world.run_seconds(3_600);
    assert_eq!((world.cloud.count(), world.machine.ledger().servers().count()), (5, 5));
    world.crash();
    world.run_seconds(3_600);
    assert_eq!((world.cloud.count(), world.machine.ledger().servers().count()), (5, 5));
    assert_eq!((world.cloud.calls["create"], world.cloud.calls.get("stop")), (5, None));
}

#[test]
fn two_names_of_one_account_adopt_an_orphan_once() {
    let mut world = one_account_by_two_names();
    world.run_seconds(5);
    world.most_wanted = 2;
    world.ensure(2);
    world.run_seconds(600);
    world.disk = Disk::new(1);
    world.crash();
    world.run_seconds(3_600);
    assert_eq!((world.cloud.count(), world.machine.ledger().servers().count()), (2, 2));
    assert_eq!((world.events_named("adopted"), world.cloud.calls.get("stop")), (2, None));
}
