//! Reloading: another configuration while everything runs, as if the process had been started with it.

use std::sync::Arc;

use dynservers_core::{
    Config, DrainConfig, Failure, Input, Prepared, ProviderConfig, ProviderName, ServerId, Spec, Status,
    TypeConfig, TypeName,
};

use crate::workers::{DEADLINE, draining};
use crate::world::{Disk, World, config, provider_name, type_name};

impl World {
    /// Goes by another configuration from now on.
    pub(crate) fn reload(&mut self, config: Config) {
        assert_eq!(self.machine.ledger().contradictions(&config), []);
        self.config = config.clone();
        self.tell(Input::Configure(Box::new(config)));
        self.drain();
    }
}

fn other_type() -> TypeName {
    TypeName::new("other").unwrap()
}

fn with_other(provider: &ProviderName) -> Config {
    let mut config = draining();
    config.server_types.insert(other_type(), TypeConfig { min: 2, ..TypeConfig::new(provider.clone(), 10) });
    config
}

#[test]
fn a_reload_to_the_same_is_no_news() {
    let mut world = World::running(draining(), 3);
    let (events, creates) = (world.events.len(), world.sent("create"));
    world.reload(draining());
    world.run_seconds(600);
    assert_eq!((world.events.len(), world.sent("create")), (events, creates));
    world.converge(3);
}

#[test]
fn a_type_comes_and_goes() {
    let mut world = World::running(draining(), 1);
    world.most_wanted = 3;
    world.reload(with_other(&provider_name()));
    world.run_seconds(100);
    assert_eq!(world.machine.ledger().count(&other_type(), Status::Running), 2);
    let mut without = draining();
    assert_eq!(
        world.machine.ledger().contradictions(&without).len(),
        1,
        "it has servers, so that a host refuses"
    );
    without.retired_types.insert(other_type());
    world.reload(without);
    world.converge(1);
    world.reload(draining());
    world.converge(1);
}

#[test]
fn a_type_that_is_put_back_while_it_leaves_keeps_those_that_drain() {
    let mut world = World::running(draining(), 2);
    world.occupy_all(100_000);
    world.ensure(0);
    world.run_seconds(20);
    let mut retired = draining();
    retired.server_types.clear();
    retired.retired_types.insert(type_name());
    world.reload(retired);
    world.run_seconds(100);
    assert_eq!(world.count(Status::Draining), 2, "what drains goes on to drain");
    world.reload(draining());
    world.ensure(2);
    world.run_seconds(30);
    assert_eq!((world.count(Status::Running), world.sent("create"), world.idlers()), (2, 2, vec![]));
    world.converge(2);
}

#[test]
fn a_changed_specification_is_for_new_servers_only() {
    let mut world = World::running(draining(), 2);
    let before = world.machine.ledger().server(ServerId(1)).unwrap().spec;
    world.plan = "large";
    world.reload(draining());
    world.run_seconds(60);
    assert_eq!(world.sent("create"), 2);
    world.ensure(3);
    world.converge(3);
    let specs: Vec<_> = world.machine.ledger().servers().map(|record| record.spec).collect();
    assert_eq!(specs[..2], [before, before]);
    assert_ne!(specs[2], before);
}

#[test]
fn a_server_that_was_not_asked_for_yet_is_made_from_the_new_specification() {
    let mut world = World::with(draining(), Disk::new(1));
    world.run_seconds(5);
    world.broken_template = true;
    world.ensure(2);
    world.run_seconds(1);
    assert_eq!((world.count(Status::New), world.sent("create")), (2, 0));
    world.broken_template = false;
    world.reload(draining());
    world.run_seconds(5);
    assert_eq!(world.sent("create"), 2, "what failed may have been mended: no wait");
    // An answer to the question from before changes nothing any more.
    let spec = Arc::new(Spec::new(serde_json::json!({"plan": "old"})));
    let result = Ok(Prepared { name: "old".to_owned(), spec });
    world.tell(Input::Prepared { server: ServerId(1), result });
    world.tell(Input::Prepared { server: ServerId(2), result: Err(Failure::new("broken")) });
    world.converge(2);
    assert!(world.machine.ledger().servers().all(|record| &*record.name != "old"));
}

#[test]
fn a_lower_maximum_drains_what_is_too_much() {
    let mut world = World::running(draining(), 5);
    world.occupy_all(100);
    let mut lower = draining();
    lower.server_types.get_mut(&type_name()).unwrap().max = 2;
    world.reload(lower);
    world.run_seconds(5);
    assert_eq!((world.count(Status::Draining), world.sent("stop")), (3, 0));
    world.converge(2);
    world.reload(draining());
    world.converge(5);
}

#[test]
fn a_type_that_moves_stays_where_it_is_and_grows_where_it_is_made_by_now() {
    let elsewhere = ProviderName::new("elsewhere").unwrap();
    let mut world = World::running(draining(), 2);
    let mut moved = draining();
    moved.providers.insert(elsewhere.clone(), ProviderConfig::default());
    moved.server_types.get_mut(&type_name()).unwrap().provider = elsewhere.clone();
    world.most_wanted = 3;
    world.reload(moved);
    world.run_seconds(60);
    assert_eq!((world.sent("create"), world.sent("stop")), (2, 0));
    world.ensure(3);
    world.run_seconds(100);
    let places = world.machine.ledger().servers().map(|record| record.provider.as_str().to_owned());
    assert_eq!(places.collect::<Vec<_>>(), ["cloud", "cloud", "elsewhere"]);
}

#[test]
fn a_drain_that_is_not_configured_any_more_keeps_its_deadline() {
    let mut world = World::running(draining(), 2);
    world.occupy_all(300);
    world.ensure(1);
    world.run_seconds(10);
    world.reload(config());
    world.run_seconds(280);
    assert_eq!((world.sent("stop"), world.count(Status::Draining)), (0, 1));
    world.run_seconds(60);
    assert_eq!(world.sent("stop"), 1);
    world.converge(1);
}

#[test]
fn a_shorter_deadline_is_for_drains_to_come() {
    let mut world = World::running(draining(), 2);
    world.occupy_all(100_000);
    world.ensure(1);
    world.run_seconds(10);
    let mut shorter = draining();
    let drain = DrainConfig { deadline: DEADLINE / 10, interval: DEADLINE / 100 };
    shorter.server_types.get_mut(&type_name()).unwrap().drain = Some(drain);
    world.reload(shorter);
    world.run_seconds(DEADLINE.as_secs() - 20);
    assert_eq!(world.sent("stop"), 0);
    world.ensure(0);
    world.run_seconds(DEADLINE.as_secs() / 10 + 5);
    assert_eq!(world.sent("stop"), 2);
    world.converge(0);
}

#[test]
fn a_reload_in_the_middle_of_anything_harms_nothing() {
    for seconds in [0, 1, 2, 6, 15, 24, 30, 61, 65, 75, 90] {
        let life = |world: &mut World, seconds: u64| {
            world.ensure(3);
            world.run_seconds(seconds.min(60));
            if seconds > 60 {
                world.occupy_all(20);
                world.ensure(1);
                world.run_seconds(seconds - 60);
            }
        };
        let (mut one, mut two) =
            (World::with(draining(), Disk::new(1)), World::with(draining(), Disk::new(1)));
        for world in [&mut one, &mut two] {
            world.run_seconds(5);
            life(world, seconds);
        }
        one.reload(draining());
        two.crash();
        for world in [&mut one, &mut two] {
            world.ensure(2);
            world.converge(2);
            assert!(world.cloud.peak <= 3, "{seconds}");
        }
        assert_eq!(one.sent("create"), two.sent("create"), "{seconds}: as a restart would do it");
    }
}

#[test]
fn other_credentials_make_nothing_before_the_account_is_known() {
    let mut world = World::running(draining(), 2);
    world.cloud.habits.identity = "other".to_owned();
    world.ensure(3);
    world.sent.remove("create");
    world.fate(crate::cloud::Fate::Refuse(dynservers_core::Reason::Capacity), |effect| {
        effect.op.name() == "create"
    });
    world.run_seconds(2);
    world.fates = Box::new(|_| crate::cloud::Fate::Answer);
    let before = world.sent("create");
    world.reload(draining());
    world.run_seconds(600);
    assert_eq!((world.sent("create"), world.events_named("held")), (before, 1));
}

#[test]
fn a_provider_that_was_away_is_looked_at_before_anything_is_made_there() {
    let elsewhere = ProviderName::new("elsewhere").unwrap();
    let mut both = with_other(&elsewhere);
    both.providers.insert(elsewhere, ProviderConfig::default());
    both.server_types.get_mut(&other_type()).unwrap().min = 0;
    let mut world = World::with(both.clone(), Disk::new(1));
    world.run_seconds(5);
    world.ensure(1);
    world.run_seconds(100);
    world.reload(draining());
    world.run_seconds(600);
    both.server_types.get_mut(&other_type()).unwrap().min = 1;
    world.most_wanted = 2;
    world.reload(both);
    assert_eq!((world.sent("create"), world.machine.ledger().count(&other_type(), Status::New)), (1, 0));
    world.run_seconds(100);
    assert_eq!(world.machine.ledger().count(&other_type(), Status::Running), 1);
}
