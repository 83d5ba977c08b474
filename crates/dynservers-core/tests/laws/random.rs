//! Chance: lists of steps nobody thought of, safety after each, and at the end agreement and silence.

use std::cell::Cell;
use std::collections::BTreeSet;

use dynservers_core::{Action, FoundLabels, PolicyConfig, ProviderState, Reason, Rule, Status};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::cloud::Fate;
use crate::workers::{AskFate, draining};
use crate::world::{Disk, World, type_name};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Ensure(u32),
    Increase(u32),
    Decrease(u32),
    Reboot,
    Pass(u64),
    /// Every n-th of the next requests meets this.
    Fates(Fate, u32),
    Crash {
        is_late: bool,
    },
    Die {
        outputs: u64,
        is_done: bool,
    },
    Meddle(usize, Meddling),
    /// All are gone at once.
    Disaster,
    Stranger,
    Lag(u64),
    /// Every server that runs has work for so many seconds.
    Work(u64),
    /// A worker ends.
    Leave(usize),
    /// Every n-th of the next questions meets this.
    Asks(AskFate, u32),
    Demand(u64, bool),
    Override(Option<u32>, Option<u64>),
    Protect(usize, bool),
    Reload(Shape),
}

/// What a configuration says of the type.
#[derive(Clone, Copy, Debug)]
struct Shape {
    has_drain: bool,
    asks_scores: bool,
    has_policy: bool,
    max: u32,
}

#[derive(Clone, Copy, Debug)]
enum Meddling {
    Stop,
    Break,
    Vanish,
    Unlabel,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        Just(Fate::LoseRequest),
        Just(Fate::LoseReply),
        Just(Fate::Throttle),
        Just(Fate::Unsent),
        Just(Fate::Deny),
        Just(Fate::Refuse(Reason::Busy)),
        Just(Fate::Refuse(Reason::Capacity)),
    ];
    let meddling = prop_oneof![
        Just(Meddling::Stop),
        Just(Meddling::Break),
        Just(Meddling::Vanish),
        Just(Meddling::Unlabel)
    ];
    let ask = prop_oneof![
        Just(AskFate::LoseQuestion),
        Just(AskFate::LoseAnswer),
        Just(AskFate::Never),
        Just(AskFate::Twice),
        (1_u64..400).prop_map(AskFate::Late),
    ];
    let shape = (prop::bool::weighted(0.8), any::<bool>(), prop::bool::weighted(0.3), 1_u32..20).prop_map(
        |(has_drain, asks_scores, has_policy, max)| Shape { has_drain, asks_scores, has_policy, max },
    );
    let step = prop_oneof![
        3 => (1_u64..1_500).prop_map(Step::Work),
        1 => (0_usize..12).prop_map(Step::Leave),
        2 => (ask, 1_u32..4).prop_map(|(fate, nth)| Step::Asks(fate, nth)),
        2 => (0_u64..120, any::<bool>()).prop_map(|(work, known)| Step::Demand(work, known)),
        1 => (prop::option::of(0_u32..12), prop::option::of(1_u64..2_000))
            .prop_map(|(count, seconds)| Step::Override(count, seconds)),
        2 => (0_usize..12, any::<bool>()).prop_map(|(which, protected)| Step::Protect(which, protected)),
        2 => shape.prop_map(Step::Reload),
        4 => (0_u32..12).prop_map(Step::Ensure),
        1 => (0_u32..4).prop_map(Step::Increase),
        1 => (0_u32..4).prop_map(Step::Decrease),
        1 => Just(Step::Reboot),
        6 => (1_u64..200).prop_map(Step::Pass),
        2 => (500_u64..4_000).prop_map(Step::Pass),
        3 => (fate, 1_u32..5).prop_map(|(fate, nth)| Step::Fates(fate, nth)),
        2 => any::<bool>().prop_map(|is_late| Step::Crash { is_late }),
        2 => (1_u64..30, any::<bool>()).prop_map(|(outputs, is_done)| Step::Die { outputs, is_done }),
        2 => (0_usize..12, meddling).prop_map(|(which, how)| Step::Meddle(which, how)),
        1 => Just(Step::Disaster),
        1 => Just(Step::Stranger),
        1 => (0_u64..29_000).prop_map(Step::Lag),
    ];
    prop::collection::vec(step, 5..40)
}

fn take(world: &mut World, step: &Step) {
    match *step {
        Step::Ensure(count) => drop(world.command(Action::Ensure { server_type: type_name(), count })),
        // Refused before the first look, or the step that the death of the process took with it.
        Step::Increase(by) => drop(world.command(Action::Increase { server_type: type_name(), by })),
        Step::Decrease(by) => drop(world.command(Action::Decrease { server_type: type_name(), by })),
        Step::Reboot => drop(world.command(Action::Reboot { server_type: type_name(), at_a_time: Some(2) })),
        Step::Pass(seconds) => world.run_seconds(seconds),
        Step::Fates(fate, nth) => {
            let mut count = 0;
            world.fate(fate, move |_| {
                count += 1;
                count % nth == 0
            });
        }
        Step::Crash { is_late } => {
            if is_late {
                world.delay_pending();
            }
            world.crash();
        }
        Step::Die { outputs, is_done } => world.death = Some((world.outputs + outputs, is_done)),
        Step::Meddle(which, how) => meddle(world, which, how),
        Step::Disaster => {
            for (_, server) in world.cloud.living_mut() {
                server.is_gone = true;
            }
        }
        Step::Stranger => {
            world.cloud.add(FoundLabels::default(), ProviderState::Running, false, world.now);
        }
        Step::Lag(lag) => world.cloud.habits.list_lag = lag,
        Step::Work(seconds) => world.occupy_all(seconds),
        Step::Leave(which) => {
            if let Some(id) = world.ids(Status::Running).get(which) {
                world.worker(*id).is_gone = true;
            }
        }
        Step::Asks(fate, nth) => {
            let mut count = 0;
            world.workers.fates = Box::new(move |_| {
                count += 1;
                if count % nth == 0 { fate } else { AskFate::Answer }
            });
        }
        Step::Demand(work, is_known) => world.measure(work, (!is_known).then_some("down")),
        Step::Override(count, seconds) => drop(world.say_override(count, seconds)),
        Step::Protect(which, protected) => protect(world, which, protected),
        Step::Reload(shape) => world.reload(shaped(shape)),
    }
    world.check_safety();
}

fn protect(world: &mut World, which: usize, protected: bool) {
    let ids: Vec<_> = world.machine.ledger().servers().map(|record| record.id).collect();
    if let Some(server) = ids.get(which).copied() {
        // Refused where there is nothing to protect any more.
        drop(world.command(Action::Protect { server, protected }));
    }
}

fn shaped(shape: Shape) -> dynservers_core::Config {
    let mut config = draining();
    let server_type = config.server_types.get_mut(&type_name()).unwrap();
    if !shape.has_drain {
        server_type.drain = None;
    }
    server_type.asks_scores = shape.asks_scores;
    server_type.max = shape.max;
    server_type.policy = shape.has_policy.then(|| PolicyConfig {
        rule: Rule::JobsPerServer(10),
        fallback: Some(1),
        ..PolicyConfig::default()
    });
    config
}

/// Takes back every word that would keep it from coming to rest where it is wanted.
fn unprotect_all(world: &mut World) {
    let is_protected =
        |record: &&dynservers_core::ServerRecord| record.protected && record.status != Status::Deleted;
    let ids: Vec<_> = world.machine.ledger().servers().filter(is_protected).map(|record| record.id).collect();
    for server in ids {
        drop(world.command(Action::Protect { server, protected: false }));
    }
}

fn meddle(world: &mut World, which: usize, how: Meddling) {
    let Some(key) = world.cloud.living().nth(which).map(|(key, _)| *key) else { return };
    world.cloud.meddle(key, |server| match how {
        Meddling::Stop => (server.state, server.next) = (ProviderState::Stopped, None),
        Meddling::Break => (server.state, server.next) = (ProviderState::Error, None),
        Meddling::Vanish => server.is_gone = true,
        Meddling::Unlabel => (server.labels, server.is_ours) = (FoundLabels::default(), false),
    });
}

#[test]
fn whatever_happens_it_is_safe_and_settles() {
    let reached = Cell::new(BTreeSet::new());
    let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
    let result =
        TestRunner::new_with_rng(config, rng()).run(&(steps(), 2_usize..100), |(steps, page_size)| {
            let mut world = World::with(draining(), Disk::new(1));
            world.cloud.habits.page_size = page_size;
            world.cloud.deletes_in_error = true;
            for step in steps {
                take(&mut world, &step);
            }
            world.death = None;
            world.fates = Box::new(|_| Fate::Answer);
            world.workers.fates = Box::new(|_| AskFate::Answer);
            world.run_seconds(600);
            world.reload(draining());
            unprotect_all(&mut world);
            world.command(Action::Resume { provider: None }).unwrap();
            world.ensure(4);
            // Failed ones are kept for an hour, and a token is looked for after that.
            world.converge(4);
            assert_eq!(world.idlers(), [], "somebody still believes that it is to go");
            let mut names = reached.take();
            names.extend(world.events.iter().map(|event| event.kind.name()));
            reached.set(names);
            Ok(())
        });
    result.unwrap_or_else(|error| panic!("{error}"));
    let names = reached.take();
    for rare in [
        "hanging",
        "errored",
        "disowned",
        "held",
        "create_refused",
        "credentials_rejected",
        "provider_unreachable",
        "rebooting",
        "stopped",
        "deleted",
        "draining",
        "undrained",
        "demand_unknown",
    ] {
        assert!(names.contains(rare), "never reached: {rare}");
    }
}

/// The same lists on every machine; `PROPTEST_RNG_SEED` has no say here.
fn rng() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}
