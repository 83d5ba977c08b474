//! Demand: the number follows the work, at once upwards and late downwards, and an operator has the last word.

use std::time::Duration;

use dynservers_core::{Action, Config, Demand, Done, Input, PolicyConfig, Refusal, Reply, Signal, Status};
use proptest::prelude::*;

use crate::workers::demanding;
use crate::world::{Disk, World, type_name};

impl World {
    /// Tells how much work there is.
    pub(crate) fn measure(&mut self, work: u64, unknown: Option<&str>) {
        self.tell(Input::Demand(demand(work, unknown)));
        self.drain();
    }

    /// Tells so every fifteen seconds for so long.
    fn measure_for(&mut self, seconds: u64, work: u64, unknown: Option<&str>) {
        for _ in 0..seconds / 15 {
            self.measure(work, unknown);
            self.run_seconds(15);
        }
    }

    pub(crate) fn desired(&self) -> Option<u32> {
        self.machine.view(self.now).types[&type_name()].desired
    }

    pub(crate) fn say_override(&mut self, count: Option<u32>, seconds: Option<u64>) -> Reply {
        let duration = seconds.map(Duration::from_secs);
        self.command(Action::Override { server_type: type_name(), count, duration })
    }
}

/// What two sources tell, of which one may not know.
pub(crate) fn demand(work: u64, unknown: Option<&str>) -> Demand {
    let mut demand = Demand::known(type_name(), "queue", Signal { waiting: work, ..Signal::default() });
    if let Some(reason) = unknown {
        demand.readings.extend(Demand::unknown(type_name(), "other", reason).readings);
    }
    demand
}

fn world() -> World {
    let mut world = World::with(demanding(), Disk::new(1));
    world.run_seconds(5);
    world
}

fn with_policy(change: impl FnOnce(&mut PolicyConfig)) -> Config {
    let mut config = demanding();
    change(config.server_types.get_mut(&type_name()).unwrap().policy.as_mut().unwrap());
    config
}

#[test]
fn growth_is_at_once_and_shrinking_waits_for_the_window() {
    let mut world = world();
    world.measure(41, None);
    assert_eq!(world.desired(), Some(5));
    world.run_seconds(60);
    assert_eq!(world.count(Status::Running), 5);
    world.measure_for(240, 0, None);
    assert_eq!((world.desired(), world.workers.asked.len()), (Some(5), 0));
    world.measure_for(30, 0, None);
    assert_eq!(world.desired(), Some(0));
    world.converge(0);
}

#[test]
fn unknown_holds_and_then_falls_back() {
    let mut world = World::with(with_policy(|policy| policy.fallback = Some(2)), Disk::new(1));
    world.run_seconds(5);
    world.measure(60, None);
    world.measure_for(585, 0, Some("the queue is down"));
    assert_eq!(world.desired(), Some(6));
    world.crash();
    world.run_seconds(5);
    assert_eq!(world.desired(), Some(6));
    world.measure_for(60, 0, Some("the queue is down"));
    assert_eq!((world.desired(), world.events_named("demand_unknown")), (Some(2), 1));
    world.measure(90, Some("one of two is down"));
    world.measure_for(270, 0, Some("the queue is down"));
    assert_eq!(world.desired(), Some(9), "what was known to be wanted holds its time in the dark as well");
    world.measure_for(60, 0, Some("the queue is down"));
    assert_eq!(world.desired(), Some(2));
    world.measure(0, None);
    assert_eq!(world.events_named("demand_known"), 1);
}

#[test]
fn the_first_measurement_waits_for_the_first_look() {
    let mut world = World::with(demanding(), Disk::new(1));
    world.measure(70, None);
    world.measure(30, None);
    assert_eq!((world.desired(), world.sent("create")), (None, 0));
    world.run_seconds(5);
    assert_eq!(world.desired(), Some(3));
    world.converge(3);
}

#[test]
fn servers_that_were_there_before_anything_was_measured_hold_their_time() {
    let mut world = World::running(crate::workers::draining(), 4);
    world.config = demanding();
    world.crash();
    world.measure(0, None);
    world.run_seconds(5);
    assert_eq!(world.desired(), Some(4));
    world.measure_for(285, 0, None);
    assert_eq!(world.desired(), Some(4));
    world.measure_for(60, 0, None);
    assert_eq!(world.desired(), Some(0));
}

#[test]
fn a_restart_neither_shrinks_early_nor_forgets_what_is_wanted() {
    let mut world = world();
    world.measure(50, None);
    world.run_seconds(60);
    for _ in 0..4 {
        world.measure_for(45, 0, None);
        world.crash();
        world.run_seconds(5);
        assert_eq!(world.desired(), Some(5));
    }
    world.measure_for(120, 0, None);
    assert_eq!(world.desired(), Some(0));
}

#[test]
fn a_restored_ledger_does_not_go_by_what_was_measured_before() {
    let mut world = world();
    world.measure(10, None);
    world.run_seconds(60);
    let old = world.disk.clone();
    world.measure(80, None);
    world.run_seconds(60);
    world.occupy_all(100_000);
    world.disk = old;
    world.crash();
    world.run_seconds(600);
    assert_eq!((world.count(Status::Running), world.sent("stop")), (8, 0));
    world.measure(10, None);
    assert_eq!(world.desired(), Some(8));
    world.measure_for(330, 10, None);
    assert_eq!(world.desired(), Some(1));
    world.converge(1);
}

#[test]
fn an_override_holds_until_it_ends_by_itself() {
    let mut world = world();
    world.measure(50, None);
    let reply = world.say_override(Some(2), Some(3_600)).unwrap();
    let until = Some(world.now + Duration::from_secs(3_600));
    assert_eq!(reply, Done::Overridden { server_type: type_name(), count: Some(2), until, desired: Some(2) });
    world.measure_for(120, 50, None);
    world.crash();
    world.run_seconds(5);
    assert_eq!(world.desired(), Some(2));
    // Nobody measures any more: its own timer ends it.
    world.run_seconds(3_600);
    assert_eq!(world.desired(), Some(5));
    world.converge(5);
}

#[test]
fn an_override_without_end_is_ended_by_word_and_is_clamped() {
    let mut config = demanding();
    config.server_types.get_mut(&type_name()).unwrap().max = 6;
    let mut world = World::with(config, Disk::new(1));
    world.run_seconds(5);
    assert!(matches!(world.say_override(Some(50), None), Ok(Done::Overridden { count: Some(6), .. })));
    world.measure_for(12 * 3_600, 10, None);
    assert_eq!(world.desired(), Some(6));
    assert!(matches!(
        world.say_override(None, None),
        Ok(Done::Overridden { count: None, desired: Some(1), .. })
    ));
    world.converge(1);
}

#[test]
fn the_number_of_a_type_with_sources_is_not_set_by_ensure_nor_the_other_way_round() {
    let mut world = world();
    let refused = Err(Refusal::HasSources { server_type: type_name() });
    let server_type = type_name();
    assert_eq!(world.command(Action::Ensure { server_type: type_name(), count: 3 }), refused);
    assert_eq!(world.command(Action::Increase { server_type: type_name(), by: 1 }), refused);
    assert_eq!(world.command(Action::Decrease { server_type, by: 1 }), refused);
    let mut world = World::new();
    world.measure(1_000, None);
    world.run_seconds(60);
    assert_eq!((world.desired(), world.sent("create")), (None, 0), "without a policy it is ignored");
    assert_eq!(world.say_override(Some(1), None), Err(Refusal::NoSources { server_type: type_name() }));
}

#[test]
fn another_policy_counts_from_the_next_measurement_and_none_at_all_leaves_the_number() {
    let mut world = world();
    world.measure(50, None);
    world.run_seconds(60);
    world.reload(with_policy(|policy| policy.rule = dynservers_core::Rule::JobsPerServer(5)));
    world.measure(50, None);
    assert_eq!(world.desired(), Some(10));
    world.say_override(Some(3), None).unwrap();
    world.reload(crate::workers::draining());
    world.run_seconds(60);
    assert_eq!(world.desired(), Some(3));
    assert_eq!(world.machine.view(world.now).types[&type_name()].overriding, None);
    world.ensure(1);
    world.reload(demanding());
    world.measure(30, None);
    assert_eq!(world.desired(), Some(3), "nothing old speaks up again");
    world.converge(3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_number_never_falls_below_what_the_window_says(
        steps in prop::collection::vec((0_u64..200, any::<bool>(), 1_u64..150, 0_u8..6), 1..25),
    ) {
        let mut world = world();
        let mut told: Vec<(u64, u32)> = Vec::new();
        for (work, is_known, seconds, chance) in steps {
            world.measure(work, (!is_known).then_some("down"));
            let now = world.now.as_millis();
            told.push((now, u32::try_from(work.div_ceil(10)).unwrap()));
            if chance == 0 {
                world.crash();
                world.run_seconds(3);
            }
            let least = told.iter().filter(|(at, _)| at + 300_000 >= now).map(|(_, count)| *count).max();
            prop_assert!(world.desired() >= least, "{:?} of {least:?}", world.desired());
            world.run_seconds(seconds);
            prop_assert!(world.desired() >= least, "time alone takes nothing away");
        }
    }
}
