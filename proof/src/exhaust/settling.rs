//! Settling: from every state a settled one can be reached by fair steps alone; and whatever the order of the fair steps,
//! in the end it is.
//!
//! Fair is everything that happens when nothing goes wrong any more: requests arrive and are answered, at whatever moment of
//! those that they have; listings lag; time passes; a dead process is started again; what was asked for by a dead process is
//! done late, or never.

use std::collections::VecDeque;

use super::graph::{Graph, Sources};

fn settled(graph: &Graph) -> impl Iterator<Item = u32> {
    (0_u32..).zip(&graph.settled).filter(|(_, settled)| **settled).map(|(state, _)| state)
}

/// Tells of each state whether a settled one can be reached: backwards from those.
pub(crate) fn reaching(graph: &Graph, sources: &Sources) -> Vec<bool> {
    let mut reaching = graph.settled.clone();
    let mut queue: Vec<u32> = settled(graph).collect();
    while let Some(state) = queue.pop() {
        for source in sources.of_state(state) {
            if !std::mem::replace(&mut reaching[*source as usize], true) {
                queue.push(*source);
            }
        }
    }
    reaching
}

/// Tells of each state how many fair steps it takes at most to a settled one; none where they may go on for ever. A state is
/// bound to settle once all of its successors are.
pub(crate) fn bound_to(graph: &Graph, sources: &Sources) -> Vec<Option<u32>> {
    let mut open = vec![0_u32; graph.settled.len()];
    for (from, _) in &graph.fair {
        open[*from as usize] += 1;
    }
    let mut bound = vec![None; graph.settled.len()];
    let mut queue: VecDeque<u32> = settled(graph).collect();
    for state in &queue {
        bound[*state as usize] = Some(0);
    }
    let mut most = vec![0_u32; graph.settled.len()];
    while let Some(state) = queue.pop_front() {
        let steps = bound[state as usize].unwrap_or(0);
        for source in sources.of_state(state) {
            let source = *source as usize;
            if bound[source].is_some() {
                continue;
            }
            most[source] = most[source].max(steps + 1);
            open[source] -= 1;
            if open[source] == 0 {
                bound[source] = Some(most[source]);
                queue.push_back(u32::try_from(source).expect("it is a state's number"));
            }
        }
    }
    bound
}
