//! Safety, checked by `stateright`: every law in every state that can be reached within a bound.

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::bounds::Bounds;
use super::laws::LAWS;
use super::step::Step;
use super::world::{Rules, World};

/// A bound as a model.
#[derive(Clone, Debug)]
pub struct Exhaust {
    rules: Rules,
}

/// What a check of a bound found.
#[derive(Clone, Debug)]
pub struct Safety {
    /// How many states there are.
    pub states: usize,
    /// How many ways lead from one to another.
    pub ways: usize,
    /// How many steps the longest of the shortest ways to a state takes.
    pub depth: usize,
    /// The laws that are broken, each with a run that breaks it.
    pub broken: Vec<(&'static str, Vec<Step>)>,
}

impl Exhaust {
    /// Makes the model of a bound.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        Self { rules: Rules::new(bounds) }
    }
}

impl Model for Exhaust {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.rules)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.steps(&self.rules, steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        Some(world.after(&self.rules, &step))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // A property is a plain function, which cannot hold its place in the list.
        fn law<const PLACE: usize>() -> Property<Exhaust> {
            Property::always(LAWS[PLACE].name, |model, world| (LAWS[PLACE].holds)(&model.rules, world))
        }
        let properties =
            vec![law::<0>(), law::<1>(), law::<2>(), law::<3>(), law::<4>(), law::<5>(), law::<6>()];
        assert_eq!(properties.len(), LAWS.len(), "every law is a property");
        properties
    }
}

/// Checks a bound on so many threads, to its end or until a law is broken.
#[must_use]
pub fn check(bounds: &Bounds, threads: usize) -> Safety {
    let builder = Exhaust::new(bounds).checker().threads(threads);
    let checker = builder.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let broken = checker.discoveries().into_iter().map(|(name, path)| (name, path.into_actions()));
    let mut broken: Vec<_> = broken.collect();
    broken.sort_by_key(|(_, steps)| steps.len());
    Safety {
        states: checker.unique_state_count(),
        ways: checker.state_count(),
        depth: checker.max_depth(),
        broken,
    }
}
