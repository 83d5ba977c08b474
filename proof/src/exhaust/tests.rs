//! What the check itself must be: exhaustive, repeatable, and right in taking states for the same.

use std::collections::{BTreeMap, VecDeque};

use super::world::{BEGINNING, Rules, World};
use super::{Bounds, Faults, SMALL, Step, canon, check, explore};

fn successors(rules: &Rules, world: &World) -> Vec<(Step, World)> {
    let mut steps = Vec::new();
    world.steps(rules, &mut steps);
    steps.into_iter().map(|step| (step.clone(), world.after(rules, &step))).collect()
}

fn shape(rules: &Rules, world: &World) -> Vec<(std::mem::Discriminant<Step>, u64)> {
    let steps = successors(rules, world).into_iter();
    steps.map(|(step, next)| (std::mem::discriminant(&step), next.fingerprint())).collect()
}

#[test]
fn every_law_holds_and_everything_settles_within_the_small_bound() {
    let found = explore(&SMALL);
    assert_eq!(found.broken, []);
    assert_eq!((found.stuck, found.restless), (None, None));
    let unseen: Vec<_> =
        found.rare.iter().filter(|(_, states)| *states == 0).map(|(name, _)| *name).collect();
    assert_eq!(unseen, ["a server is told to go", "a server that lives is missed, and asked about"]);
    let safety = check(&SMALL, 1);
    assert_eq!(safety.broken, []);
    assert_eq!(safety.states, found.states, "two explorers of one graph");
}

/// Counts the states of a bound, and how often one was reached again and went on as it did the first time.
fn count_twins(bounds: &Bounds) -> (usize, usize) {
    let rules = Rules::new(bounds);
    let first = World::new(&rules);
    let mut shapes = BTreeMap::from([(first.fingerprint(), shape(&rules, &first))]);
    let (mut queue, mut twins) = (VecDeque::from([first]), 0);
    while let Some(world) = queue.pop_front() {
        for (_, next) in successors(&rules, &world) {
            let shape = shape(&rules, &next);
            if let Some(known) = shapes.get(&next.fingerprint()) {
                assert_eq!(*known, shape, "{next:?}");
                twins += 1;
            } else {
                shapes.insert(next.fingerprint(), shape);
                queue.push_back(next);
            }
        }
    }
    (shapes.len(), twins)
}

#[test]
fn states_of_one_form_have_successors_of_one_form() {
    let crash = Faults { crashes: 1, ..Faults::default() };
    for (faults, then) in [(crash, None), (Faults::default(), Some(0))] {
        let (states, twins) = count_twins(&Bounds { then, faults, ..SMALL });
        assert!(states > 300 && twins > 100, "{twins} twins of {states} states");
    }
}

#[test]
fn numbers_of_no_meaning_are_taken_out() {
    let form = |text: &str| canon::form(text, BEGINNING, BEGINNING);
    let one = "A { id: ServerId(3), next_server: 4, at: Time(999990000), tokens: {Token(9): ServerId(3)}, last: 7 }";
    let other = "A { id: ServerId(5), next_server: 6, at: Time(999990000), tokens: {Token(2): ServerId(5)}, last: 8 }";
    assert_eq!(form(one), form(other));
    assert_eq!(form("Time(1000005000)"), "Time<t5000>");
    assert_ne!(form("next_server: 4, ServerId(5)"), form("next_server: 4, ServerId(6)"));
    assert_eq!(form("next_server: 4, ServerId(3)"), form("next_server: 9, ServerId(5)"));
    assert_ne!(form("[EffectId(1), EffectId(2)]"), form("[EffectId(2), EffectId(1)]"));
    assert_ne!(form("misses: 1"), form("misses: 2"));
    assert_eq!(form("[Seq(4), Seq(5)]"), form("[Seq(8), Seq(9)]"));
}

#[test]
fn moments_keep_their_order_however_old_they_are() {
    let form =
        |one: u64, other: u64| canon::form(&format!("[Time({one}), Time({other})]"), BEGINNING, BEGINNING);
    assert_eq!(form(100, 200), form(300, 9_000));
    assert_ne!(form(100, 200), form(200, 100));
    assert_ne!(form(100, 200), form(100, 100));
    assert_ne!(form(999_999_000, 0), form(999_998_000, 0));
}
