//! Each clamp alone, and all of them together: every number is within its bounds, tells its way, and settles.

use super::*;
use crate::demand::Signal;
use crate::ids::TypeName;
use crate::policy::{Rule, ScaleRate};
use alloc::vec;
use core::time::Duration;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Time {
    Time::from_millis(1_000_000) + Duration::from_secs(seconds)
}

fn facts(seconds: u64) -> Facts {
    Facts { now: at(seconds), min: 0, max: 100, ..Facts::default() }
}

fn known(jobs: u64) -> Demand {
    let signal = Signal { waiting: jobs, ..Signal::default() };
    Demand::known(TypeName::new("default").unwrap(), "queue", signal)
}

fn dark() -> Demand {
    Demand::unknown(TypeName::new("default").unwrap(), "queue", "down")
}

/// A policy that damps nothing, but for what a test changes.
fn plain() -> PolicyConfig {
    PolicyConfig { rate_up: None, scale_in_after: Duration::ZERO, ..PolicyConfig::default() }
}

/// Gives what is decided, and by what.
fn told(judgement: &Judgement) -> (u32, Vec<ClampKind>) {
    (judgement.decided, judgement.clamps.iter().map(|clamp| clamp.kind).collect())
}

fn decide(
    record: &mut DemandRecord,
    demand: Demand,
    policy: &PolicyConfig,
    seconds: u64,
) -> (u32, Vec<ClampKind>) {
    told(&judge(record, demand, policy, &facts(seconds)))
}

#[test]
fn without_anything_in_its_way_the_rule_decides() {
    let mut record = DemandRecord::begin(7, at(0));
    let judgement = judge(&mut record, known(9), &plain(), &facts(60));
    assert_eq!((judgement.raw, judgement.bound(), judgement.decided), (9, None, 9));
    assert_eq!((record.work, record.at, record.wanted()), (9, at(60), Some(9)));
}

#[test]
fn unknown_holds_then_falls_back_and_never_reads_as_zero() {
    let policy = PolicyConfig { fallback: Some(2), ..plain() };
    let mut record = DemandRecord::begin(6, at(0));
    for seconds in [60, 300, 659] {
        let judgement = judge(&mut record, dark(), &policy, &facts(seconds));
        assert_eq!(told(&judgement), (6, vec![ClampKind::Unknown]), "{seconds}");
        assert_eq!(judgement.clamps[0].until, Some(at(660)), "ten minutes from the first");
        let since = Told::Unknown { reason: "down".into(), since: at(60) };
        assert_eq!(judgement.readings[0].told, since);
    }
    assert_eq!(decide(&mut record, dark(), &policy, 660), (2, vec![ClampKind::Fallback]));
    let mut half = known(9);
    half.readings.extend(dark().readings);
    assert_eq!(decide(&mut record, half, &policy, 720), (9, vec![]), "what is known of it is enough to grow");
    assert_eq!(decide(&mut record, known(0), &policy, 780), (0, vec![]));
    assert_eq!((record.unknown_since, record.unknown.as_deref(), record.silent.len()), (None, None, 0));
}

#[test]
fn without_a_fallback_unknown_holds_for_ever() {
    let mut record = DemandRecord::begin(4, at(0));
    for seconds in [10, 1_000_000] {
        assert_eq!(decide(&mut record, dark(), &plain(), seconds), (4, vec![ClampKind::Unknown]));
    }
    assert_eq!(judge(&mut record, dark(), &plain(), &facts(1_000_001)).clamps[0].until, None);
}

#[test]
fn what_was_held_in_the_dark_goes_with_it_and_what_was_known_since_stays() {
    let policy = PolicyConfig { fallback: Some(2), scale_in_after: 5 * MINUTE, ..plain() };
    let mut record = DemandRecord::begin(6, at(0));
    decide(&mut record, dark(), &policy, 0);
    assert_eq!(decide(&mut record, dark(), &policy, 600), (2, vec![ClampKind::Fallback]));
    let mut half = known(9);
    half.readings.extend(dark().readings);
    assert_eq!(decide(&mut record, half, &policy, 660).0, 9);
    assert_eq!(decide(&mut record, dark(), &policy, 960).0, 9);
    assert_eq!(decide(&mut record, dark(), &policy, 961).0, 2);
}

#[test]
fn a_jump_is_held_until_it_has_lasted() {
    let policy = PolicyConfig { max_step: Some(10), ..plain() };
    let mut record = DemandRecord::begin(5, at(0));
    assert_eq!(decide(&mut record, known(15), &policy, 0), (15, vec![]));
    let judgement = judge(&mut record, known(26), &policy, &facts(60));
    assert_eq!(told(&judgement), (15, vec![ClampKind::MaxStep]));
    assert_eq!(judgement.clamps[0].until, Some(at(660)));
    assert_eq!(decide(&mut record, known(0), &policy, 659), (15, vec![ClampKind::MaxStep]), "either way");
    assert_eq!(decide(&mut record, known(20), &policy, 659), (20, vec![]));
    assert_eq!(decide(&mut record, known(99), &policy, 660), (20, vec![ClampKind::MaxStep]), "a new one");
    assert_eq!(decide(&mut record, known(99), &policy, 1_260), (99, vec![]));
}

#[test]
fn a_jump_the_other_way_is_another_one_and_one_in_the_dark_is_one_too() {
    let policy = PolicyConfig { max_step: Some(20), rate_up: Some(ScaleRate::UP), ..plain() };
    let mut record = DemandRecord::begin(50, at(0));
    for seconds in [0, 600, 660] {
        decide(&mut record, known(1_000), &policy, seconds);
    }
    assert_eq!(record.wanted(), Some(100), "believed by then, and at the type's maximum");
    assert_eq!(record.jump, None, "what the maximum cuts off is no jump");
    assert_eq!(decide(&mut record, known(0), &policy, 720), (100, vec![ClampKind::MaxStep]));
    let mut record = DemandRecord::begin(5, at(0));
    let mut half = known(1_000_000);
    half.readings.extend(dark().readings);
    assert_eq!(decide(&mut record, half.clone(), &policy, 0), (5, vec![ClampKind::MaxStep]));
    assert_eq!(decide(&mut record, dark(), &policy, 60), (5, vec![ClampKind::Unknown]));
    assert_eq!(decide(&mut record, half, &policy, 600).0, 10, "it has lasted, with a silence in between");
}

#[test]
fn what_is_starting_holds_back_neither_a_floor_nor_the_fallback() {
    let policy = PolicyConfig { rule: Rule::WaitPerServer(MINUTE), fallback: Some(5), ..plain() };
    let crew = Crew { running: 0, starting: 1, ordered_at: Some(at(590)) };
    let facts = Facts { crew, ..facts(600) };
    let mut demand = known(0);
    demand.windows = vec![Window { name: "office".into(), floor: Some(10), ceiling: None, until: at(900) }];
    assert_eq!(
        told(&judge(&mut DemandRecord::begin(1, at(0)), demand, &policy, &facts)),
        (10, vec![ClampKind::Floor])
    );
    let mut record = DemandRecord { unknown_since: Some(at(0)), ..DemandRecord::begin(1, at(0)) };
    assert_eq!(told(&judge(&mut record, dark(), &policy, &facts)), (5, vec![ClampKind::Fallback]));
}

#[test]
fn a_calendar_has_the_last_word_over_what_is_paid_for() {
    let mut demand = known(9);
    demand.windows = vec![Window { name: "night".into(), floor: None, ceiling: Some(2), until: at(900) }];
    let paid = Some(Paid { present: 8, spare: 0, next: None });
    let judgement = judge(&mut DemandRecord::begin(8, at(0)), demand, &plain(), &Facts { paid, ..facts(60) });
    assert_eq!(judgement.decided, 2);
}

#[test]
fn the_calendar_bounds_within_the_bounds_of_the_type() {
    let window = |name: &str, floor, ceiling| Window { name: name.into(), floor, ceiling, until: at(900) };
    let mut demand = known(0);
    demand.windows = vec![window("low", Some(3), None), window("office", Some(20), Some(30))];
    let limits = Facts { min: 2, max: 15, ..facts(0) };
    let judgement = judge(&mut DemandRecord::begin(0, at(0)), demand.clone(), &plain(), &limits);
    assert_eq!(told(&judgement), (15, vec![ClampKind::Floor, ClampKind::Maximum]));
    assert_eq!(
        (judgement.clamps[0].window.as_deref(), judgement.clamps[0].until),
        (Some("office"), Some(at(900)))
    );
    demand.windows.push(window("night", None, Some(4)));
    let judgement = judge(&mut DemandRecord::begin(0, at(0)), demand, &plain(), &facts(0));
    assert_eq!(told(&judgement).0, 20, "a floor holds against a ceiling");
    let mut demand = known(50);
    demand.windows = vec![window("night", None, Some(4))];
    let judgement = judge(&mut DemandRecord::begin(9, at(0)), demand, &plain(), &facts(0));
    assert_eq!(told(&judgement), (4, vec![ClampKind::Ceiling]));
    let judgement = judge(&mut DemandRecord::begin(0, at(0)), known(0), &plain(), &limits);
    assert_eq!(told(&judgement), (2, vec![ClampKind::Minimum]));
}

#[test]
fn a_ceiling_holds_at_once_whatever_was_wanted_before() {
    let policy =
        PolicyConfig { scale_in_after: 5 * MINUTE, rate_down: Some(ScaleRate::UP), tolerance: 50, ..plain() };
    let mut record = DemandRecord::begin(20, at(0));
    let mut demand = known(20);
    demand.windows = vec![Window { name: "night".into(), floor: None, ceiling: Some(12), until: at(900) }];
    assert_eq!(judge(&mut record, demand, &policy, &facts(60)).decided, 12);
}

#[test]
fn growth_is_no_faster_than_its_rate() {
    let policy = PolicyConfig { rate_up: Some(ScaleRate::UP), ..plain() };
    let mut record = DemandRecord::begin(0, at(0));
    let numbers: Vec<u32> =
        (1..7).map(|minute| decide(&mut record, known(50), &policy, minute * 60).0).collect();
    assert_eq!(numbers, [4, 8, 16, 32, 50, 50]);
    let mut record = DemandRecord::begin(8, at(0));
    assert_eq!(decide(&mut record, known(10), &policy, 10).0, 10);
    let judgement = judge(&mut record, known(99), &policy, &facts(30));
    assert_eq!(
        (judgement.decided, judgement.clamps[0].until),
        (16, Some(at(70))),
        "eight were there until 10 seconds"
    );
}

#[test]
fn little_is_not_worth_its_while() {
    let policy = PolicyConfig { tolerance: 10, ..plain() };
    let mut record = DemandRecord::begin(20, at(0));
    let told = [(21, 20), (22, 20), (18, 20), (23, 23), (22, 23), (20, 20), (0, 0), (1, 1)];
    for (seconds, (jobs, decided)) in (1..).zip(told) {
        assert_eq!(decide(&mut record, known(jobs), &policy, seconds).0, decided, "{jobs}");
    }
}

#[test]
fn shrinking_waits_for_the_window_and_goes_no_faster_than_its_rate() {
    let rate = ScaleRate { servers: 2, percent: 0, period: MINUTE };
    let policy = PolicyConfig { scale_in_after: 2 * MINUTE, rate_down: Some(rate), ..plain() };
    let mut record = DemandRecord::begin(9, at(0));
    let mut at_minute = |minute: u64| decide(&mut record, known(3), &policy, minute * 60);
    assert_eq!(at_minute(1), (9, vec![ClampKind::Stabilization]));
    assert_eq!(at_minute(2), (9, vec![ClampKind::Stabilization]));
    assert_eq!(at_minute(3), (7, vec![ClampKind::RateDown]));
    assert_eq!([4, 5, 6].map(|minute| at_minute(minute).0), [5, 3, 3]);
}

#[test]
fn what_is_starting_is_not_ordered_again() {
    let policy = PolicyConfig { rule: Rule::WaitPerServer(MINUTE), ..plain() };
    let wait = |seconds| {
        let oldest_wait = Some(Duration::from_secs(seconds));
        Demand::known(
            TypeName::new("default").unwrap(),
            "queue",
            Signal { waiting: 9, in_flight: 0, oldest_wait },
        )
    };
    let mut record = DemandRecord::begin(0, at(0));
    assert_eq!(judge(&mut record, wait(30), &policy, &facts(0)).decided, 1);
    let crew = Crew { running: 0, starting: 1, ordered_at: Some(at(0)) };
    let judgement = judge(&mut record, wait(150), &policy, &Facts { crew, ..facts(120) });
    assert_eq!(told(&judgement), (1, vec![ClampKind::Booting]));
    let judgement = judge(&mut record, wait(270), &policy, &Facts { crew, ..facts(180) });
    assert_eq!(told(&judgement), (2, vec![ClampKind::Booting]), "90 seconds' worth was there before");
    let crew = Crew { running: 2, starting: 0, ordered_at: None };
    let judgement = judge(&mut record, known(0), &policy, &Facts { crew, ..facts(190) });
    assert_eq!(told(&judgement), (0, vec![]), "what was not decided for is not held either");
}

#[test]
fn what_is_paid_for_stays_to_the_end_of_its_unit() {
    let mut record = DemandRecord::begin(8, at(0));
    let paid = Paid { present: 8, spare: 2, next: Some(at(300)) };
    let judgement = judge(&mut record, known(1), &plain(), &Facts { paid: Some(paid), ..facts(60) });
    assert_eq!(told(&judgement), (6, vec![ClampKind::PaidUnit]));
    assert_eq!(judgement.clamps[0].until, Some(at(300)));
    let paid = Paid { present: 3, spare: 0, next: None };
    let judgement = judge(&mut record, known(1), &plain(), &Facts { paid: Some(paid), ..facts(120) });
    assert_eq!(judgement.decided, 3, "of six only three ever came");
    assert_eq!(judge(&mut record, known(5), &plain(), &Facts { paid: Some(paid), ..facts(180) }).decided, 5);
}

fn any_policy() -> impl Strategy<Value = PolicyConfig> {
    let rate = || prop::option::of((0_u32..9, 0_u32..150, 0_u64..200));
    let rate = || {
        rate().prop_map(|rate| {
            rate.map(|(servers, percent, seconds)| ScaleRate {
                servers,
                percent,
                period: Duration::from_secs(seconds),
            })
        })
    };
    let tail = (0_u64..900, prop::option::of(0_u32..20), prop::option::of(0_u32..60));
    (1_u32..20, rate(), rate(), 0_u32..60, 0_u64..600, tail).prop_map(
        |(jobs, rate_up, rate_down, tolerance, after, tail)| PolicyConfig {
            rule: Rule::JobsPerServer(jobs),
            rate_up,
            rate_down,
            tolerance,
            scale_in_after: Duration::from_secs(after),
            hold: Duration::from_secs(tail.0),
            fallback: tail.1,
            max_step: tail.2,
            ..PolicyConfig::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_decision_is_within_its_bounds_and_tells_its_way_without_a_gap(
        policy in any_policy(),
        steps in prop::collection::vec((prop::option::of(0_u64..500), 1_u64..300), 1..30),
        (min, more, before) in (0_u32..5, 0_u32..40, 0_u32..60),
    ) {
        let mut record = DemandRecord::begin(before, at(0));
        let mut now = 0;
        for (jobs, step) in steps {
            now += step;
            let limits = Facts { min, max: min + more, ..facts(now) };
            let judgement = judge(&mut record, jobs.map_or_else(dark, known), &policy, &limits);
            prop_assert!((min..=min + more).contains(&judgement.decided));
            let mut number = judgement.raw;
            for clamp in &judgement.clamps {
                prop_assert_eq!(clamp.before, number);
                prop_assert_ne!(clamp.after, number);
                number = clamp.after;
            }
            prop_assert_eq!(number, judgement.decided);
            let kinds: Vec<ClampKind> = judgement.clamps.iter().map(|clamp| clamp.kind).collect();
            prop_assert!(kinds.is_sorted(), "{kinds:?}");
        }
    }

    /// Whatever came before, what is asked for steadily is what is decided for in the end, and then nothing moves.
    #[test]
    fn it_settles(
        policy in any_policy(),
        before in prop::collection::vec((prop::option::of(0_u64..500), 1_u64..300), 0..20),
        jobs in 0_u64..500,
    ) {
        // A rate of nothing in no time never arrives.
        let moves = |rate: Option<ScaleRate>| rate.is_none_or(|rate| rate.servers > 0);
        prop_assume!(moves(policy.rate_up) && moves(policy.rate_down));
        let mut record = DemandRecord::begin(0, at(0));
        let mut now = 0;
        for (jobs, step) in before {
            now += step;
            judge(&mut record, jobs.map_or_else(dark, known), &policy, &facts(now));
        }
        let mut settle = |minutes: u64| {
            let numbers = (0..minutes).map(|_| {
                now += 60;
                judge(&mut record, known(jobs), &policy, &facts(now)).decided
            });
            numbers.collect::<Vec<u32>>()
        };
        settle(1_000);
        let numbers = settle(100);
        prop_assert!(numbers.windows(2).all(|pair| pair[0] == pair[1]), "{numbers:?}");
        let asked = rule::servers_for(&policy, &Signal { waiting: jobs, ..Signal::default() }, None).min(100);
        let is_near = u64::from(numbers[0].abs_diff(asked)) * 100 <= u64::from(numbers[0]) * u64::from(policy.tolerance);
        prop_assert!(is_near, "{} is not {asked}", numbers[0]);
    }
}
