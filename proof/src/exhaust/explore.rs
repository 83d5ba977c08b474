//! Exploring: the graph of a bound from end to end, what breaks a law in it, and what does not settle.

use super::bounds::Bounds;
use super::graph::{Graph, Sources};
use super::laws::RARE;
use super::settling::{bound_to, reaching};
use super::step::Step;
use super::world::Rules;

/// What was found of a bound.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// How many states there are.
    pub states: usize,
    /// How many steps there are from one to another.
    pub ways: usize,
    /// How many states are settled.
    pub settled: usize,
    /// The laws that are broken, each with a shortest run that breaks it.
    pub broken: Vec<(&'static str, Vec<Step>)>,
    /// A shortest run to a state from which no settled one can be reached, if there is one.
    pub stuck: Option<Vec<Step>>,
    /// A run that ends in a loop of fair steps without a settled state, if there is one.
    pub restless: Option<Vec<Step>>,
    /// The most fair steps from any state to a settled one.
    pub longest: u32,
    /// In how many states each rare thing is so.
    pub rare: Vec<(&'static str, usize)>,
}

/// Explores a bound, and judges from every state whether it settles.
#[must_use]
pub fn explore(bounds: &Bounds) -> Exploration {
    let rules = Rules::new(bounds);
    let graph = Graph::explore(&rules, false);
    let sources = Sources::of(graph.settled.len(), &graph.fair);
    let reaching = reaching(&graph, &sources);
    let bound = bound_to(&graph, &sources);
    let first = |is_wrong: &dyn Fn(u32) -> bool| (0..graph.size()).find(|state| is_wrong(*state));
    let stuck = first(&|state| !reaching[state as usize]);
    let restless = first(&|state| bound[state as usize].is_none());
    Exploration {
        states: graph.settled.len(),
        ways: graph.ways,
        settled: graph.settled.iter().filter(|settled| **settled).count(),
        broken: graph.broken_laws(&rules),
        stuck: stuck.map(|state| graph.run_to(&rules, state)),
        restless: restless.map(|state| looping(&rules, &graph, &bound, state)),
        longest: bound.iter().flatten().copied().max().unwrap_or(0),
        rare: RARE.iter().map(|rare| rare.name).zip(graph.rare).collect(),
    }
}

/// Explores a bound until a law is broken, and gives a shortest run to that.
#[must_use]
pub fn first_broken(bounds: &Bounds) -> Option<(&'static str, Vec<Step>)> {
    let rules = Rules::new(bounds);
    Graph::explore(&rules, true).broken_laws(&rules).into_iter().next()
}

/// Gives a run to a state from which fair steps may go on for ever, and on from there until it comes to a state again.
fn looping(rules: &Rules, graph: &Graph, bound: &[Option<u32>], state: u32) -> Vec<Step> {
    let (mut seen, mut at) = (Vec::new(), state);
    let mut run = graph.run_to(rules, state);
    while !seen.contains(&at) {
        seen.push(at);
        let mut next = graph.fair.iter().filter(|(from, to)| *from == at && bound[*to as usize].is_none());
        let Some((_, to)) = next.next() else { break };
        run.extend(graph.fair_step(rules, &run, *to));
        at = *to;
    }
    run
}
