//! The graph of a bound: every state that can be reached, and the fair steps between them.

use std::collections::{HashMap, VecDeque};

use super::laws::{LAWS, RARE, is_settled};
use super::step::Step;
use super::world::{Rules, World};

/// Every state of a bound, by its number, and what is needed to judge where it can go.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// From which state each was reached first, and by which of its steps.
    parents: Vec<(u32, u16)>,
    numbers: HashMap<u64, u32>,
    /// Whether each is settled.
    pub(crate) settled: Vec<bool>,
    /// The fair steps: from which state to which.
    pub(crate) fair: Vec<(u32, u32)>,
    /// How many steps there are, fair or not.
    pub(crate) ways: usize,
    /// For each law the first state that breaks it.
    pub(crate) broken: [Option<u32>; LAWS.len()],
    /// In how many states each rare thing is so.
    pub(crate) rare: [usize; RARE.len()],
}

impl Graph {
    /// Explores a bound, breadth first: to its end, or until the first law is broken.
    pub(crate) fn explore(rules: &Rules, until_broken: bool) -> Self {
        let mut graph = Self::default();
        let mut queue = VecDeque::new();
        let first = World::new(rules);
        graph.add(rules, &first, (0, 0));
        queue.push_back((0, first));
        let mut steps = Vec::new();
        while let Some((from, world)) = queue.pop_front() {
            if until_broken && graph.broken.iter().any(Option::is_some) {
                break;
            }
            steps.clear();
            world.steps(rules, &mut steps);
            for (place, step) in steps.iter().enumerate() {
                let next = world.after(rules, step);
                let number = graph.numbers.get(&next.fingerprint()).copied().unwrap_or_else(|| {
                    let place = u16::try_from(place).expect("a state has few steps");
                    let number = graph.add(rules, &next, (from, place));
                    queue.push_back((number, next));
                    number
                });
                graph.ways += 1;
                if step.is_fair() {
                    graph.fair.push((from, number));
                }
            }
        }
        graph
    }

    fn add(&mut self, rules: &Rules, world: &World, parent: (u32, u16)) -> u32 {
        self.numbers.insert(world.fingerprint(), self.size());
        self.parents.push(parent);
        self.settled.push(is_settled(rules, world));
        let number = self.size() - 1;
        for (law, broken) in LAWS.iter().zip(&mut self.broken) {
            if broken.is_none() && !(law.holds)(rules, world) {
                *broken = Some(number);
            }
        }
        for (rare, count) in RARE.iter().zip(&mut self.rare) {
            *count += usize::from((rare.holds)(rules, world));
        }
        number
    }

    /// Gives how many states there are.
    pub(crate) fn size(&self) -> u32 {
        u32::try_from(self.parents.len()).expect("memory ends before numbers do")
    }

    /// Gives the laws that are broken, each with a shortest run that breaks it.
    pub(crate) fn broken_laws(&self, rules: &Rules) -> Vec<(&'static str, Vec<Step>)> {
        let broken = LAWS.iter().zip(self.broken);
        broken.filter_map(|(law, state)| Some((law.name, self.run_to(rules, state?)))).collect()
    }

    /// Gives a shortest run to a state.
    pub(crate) fn run_to(&self, rules: &Rules, state: u32) -> Vec<Step> {
        let mut places = Vec::new();
        let mut at = state;
        while at != 0 {
            let (from, place) = self.parents[at as usize];
            places.push(place);
            at = from;
        }
        let mut world = World::new(rules);
        let steps = places.iter().rev().map(|place| {
            let mut steps = Vec::new();
            world.steps(rules, &mut steps);
            let step = steps.swap_remove(usize::from(*place));
            world = world.after(rules, &step);
            step
        });
        steps.collect()
    }

    /// Gives a fair step by which a run goes on to a state.
    pub(crate) fn fair_step(&self, rules: &Rules, run: &[Step], to: u32) -> Option<Step> {
        let world = run.iter().fold(World::new(rules), |world, step| world.after(rules, step));
        let mut steps = Vec::new();
        world.steps(rules, &mut steps);
        let leads = |step: &Step| self.numbers.get(&world.after(rules, step).fingerprint()) == Some(&to);
        steps.into_iter().find(|step| step.is_fair() && leads(step))
    }
}

/// The edges of a graph, turned round: for each state those that lead to it.
pub(crate) struct Sources {
    begins: Vec<u32>,
    sources: Vec<u32>,
}

impl Sources {
    pub(crate) fn of(states: usize, edges: &[(u32, u32)]) -> Self {
        let mut begins = vec![0_u32; states + 1];
        for (_, to) in edges {
            begins[*to as usize + 1] += 1;
        }
        for state in 0..states {
            begins[state + 1] += begins[state];
        }
        let mut places = begins.clone();
        let mut sources = vec![0; edges.len()];
        for (from, to) in edges {
            let place = &mut places[*to as usize];
            sources[*place as usize] = *from;
            *place += 1;
        }
        Self { begins, sources }
    }

    pub(crate) fn of_state(&self, state: u32) -> &[u32] {
        let (begin, end) = (self.begins[state as usize], self.begins[state as usize + 1]);
        &self.sources[begin as usize..end as usize]
    }
}
