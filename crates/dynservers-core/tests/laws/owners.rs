//! Servers of another owner: held, or ours where the configuration says so.

use dynservers_core::labels::FoundLabels;
use dynservers_core::{Action, Done, OtherOwnerPolicy, OwnerId, ProviderState, ServerId, Status};

use crate::world::{Disk, World, config, provider_name, type_name};

/// A world with an empty ledger and this many servers that a lost one has left.
fn after_a_lost_ledger(policy: OtherOwnerPolicy, servers: u64) -> World {
    let mut config = config();
    config.providers.get_mut(&provider_name()).expect("the world has one provider").other_owner = policy;
    let mut world = World::with(config, Disk::new(2));
    world.most_wanted = u32::try_from(servers).unwrap();
    for id in 1..=servers {
        let labels = FoundLabels {
            fleet: Some(world.config.fleet.clone()),
            owner: Some(OwnerId::from_random(1)),
            server_type: Some(type_name()),
            server: Some(ServerId(id)),
            ..FoundLabels::default()
        };
        world.cloud.add(labels, ProviderState::Running, true, world.now);
    }
    world
}

#[test]
fn a_configured_takeover_holds_for_every_look_to_come_and_over_restarts() {
    let mut world = after_a_lost_ledger(OtherOwnerPolicy::Takeover, 3);
    world.run_seconds(1_800);
    world.check_agreement(3);
    world.crash();
    world.run_seconds(1_800);
    world.check_agreement(3);
    assert_eq!((world.count(Status::Running), world.events_named("disowned")), (3, 0));
    assert_eq!(world.events_named("taken_over"), 1);
    world.ensure(0);
    world.converge(0);
}

#[test]
fn held_servers_hold_creates_back_and_are_no_surplus() {
    let mut world = after_a_lost_ledger(OtherOwnerPolicy::Hold, 2);
    world.run_seconds(10);
    world.ensure(6);
    world.run_seconds(1_800);
    assert_eq!((world.count(Status::Running), world.is_settled()), (4, true));
    world.ensure(3);
    world.run_seconds(1_800);
    assert_eq!((world.count(Status::Running), world.is_settled()), (3, true), "three of ours are wanted");
    world.ensure(0);
    world.run_seconds(1_800);
    assert_eq!((world.count(Status::Running), world.is_settled()), (0, true));
    assert_eq!(world.cloud.count(), 2, "those of the other owner");
}

#[test]
fn a_server_without_an_owners_label_is_held_and_taken_over_for_good() {
    let mut world = after_a_lost_ledger(OtherOwnerPolicy::Hold, 2);
    for server in world.cloud.servers.values_mut() {
        server.labels.owner = None;
    }
    world.run_seconds(1_800);
    assert_eq!((world.count(Status::Running), world.events_named("other_owner_found")), (0, 2));
    let reply = world.command(Action::Takeover { provider: None });
    assert!(matches!(reply, Ok(Done::TakenOver { servers: 2 })), "{reply:?}");
    world.run_seconds(1_800);
    assert_eq!((world.count(Status::Running), world.events_named("disowned")), (2, 0));
    world.ensure(0);
    world.converge(0);
}
