//! What is remembered of a demand: the highest of late, and how fast the number changed.

use super::*;
use proptest::prelude::*;

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

const WINDOW: Duration = Duration::from_secs(300);

/// Asks for so many, and gives what is wanted with what was asked for before.
fn ask(record: &mut DemandRecord, count: u32, seconds: u64) -> u32 {
    let highest = record.highest(WINDOW, at(seconds)).max(count);
    record.want(count, at(seconds));
    highest
}

#[test]
fn the_highest_of_late_holds() {
    let mut record = DemandRecord::begin(0, at(0));
    let told = [(5, 60, 5), (1, 120, 5), (3, 180, 5), (0, 360, 5), (0, 361, 3), (0, 481, 0)];
    for (count, seconds, wanted) in told {
        assert_eq!(ask(&mut record, count, seconds), wanted, "{seconds}");
    }
}

#[test]
fn without_a_window_nothing_holds_within_the_same_millisecond_either() {
    let mut record = DemandRecord::begin(7, at(0));
    assert_eq!(record.highest(Duration::ZERO, at(0)), 0);
}

#[test]
fn what_was_there_before_the_first_measurement_holds_as_long() {
    let mut record = DemandRecord::begin(7, at(0));
    assert_eq!(record.wanted(), Some(7));
    assert_eq!([60, 300, 301].map(|seconds| ask(&mut record, 0, seconds)), [7, 7, 0]);
}

#[test]
fn a_record_of_an_earlier_version_tells_by_its_peaks() {
    let stored = r#"{"work":41,"at":5,"peaks":[{"count":9,"at":3},{"count":5,"at":5}]}"#;
    let record: DemandRecord = serde_json::from_str(stored).unwrap();
    assert_eq!((record.wanted(), record.decided), (Some(9), None));
}

#[test]
fn a_rate_counts_from_the_lowest_or_highest_since_its_period_began() {
    let policy = PolicyConfig::default();
    let rate = ScaleRate::UP;
    let mut record = DemandRecord::begin(0, at(0));
    assert_eq!(record.may_rise_to(0, rate, at(0)), 4);
    for (count, seconds) in [(3, 10), (4, 30)] {
        record.decide(count, &policy, at(seconds));
    }
    let most = [59, 69, 70, 89, 90].map(|seconds| record.may_rise_to(4, rate, at(seconds)));
    assert_eq!(most, [4, 4, 7, 7, 8], "none ended at 10 seconds, three at 30");
    let down = ScaleRate { servers: 2, percent: 0, period: WINDOW };
    let policy = PolicyConfig { rate_down: Some(down), ..policy };
    for (count, seconds) in [(20, 200), (18, 210)] {
        record.decide(count, &policy, at(seconds));
    }
    assert_eq!([509, 510].map(|seconds| record.may_fall_to(18, down, at(seconds))), [18, 16]);
}

#[test]
fn more_decisions_than_are_remembered_let_the_oldest_go() {
    let hour = ScaleRate { period: Duration::from_secs(3_600), ..ScaleRate::UP };
    let policy = PolicyConfig { rate_up: Some(hour), ..PolicyConfig::default() };
    let mut record = DemandRecord::begin(1, at(0));
    for number in 1..=200_u64 {
        record.decide(if number % 2 == 0 { 5 } else { 4 }, &policy, at(number * 15));
        assert!(record.path.len() <= MOST_DECIDED);
    }
    assert_eq!(record.may_rise_to(5, hour, at(3_000)), 8, "the one of the beginning is forgotten");
    assert_eq!(record.next_change(ScaleRate::UP, at(3_000)), Some(at(3_015)), "not of the longer period");
}

#[test]
fn what_no_rate_counts_is_not_remembered() {
    let policy = PolicyConfig { rate_up: None, ..PolicyConfig::default() };
    let mut record = DemandRecord::begin(0, at(0));
    record.decide(9, &PolicyConfig::default(), at(1));
    assert_eq!(record.path.len(), 2);
    record.decide(9, &PolicyConfig::default(), at(61));
    assert_eq!(record.path, [Decided { since: at(1), count: 9 }]);
    record.decide(20, &policy, at(62));
    assert!(record.path.is_empty());
}

#[test]
fn signals_are_added_up_or_the_larger_counts() {
    let one = Signal { waiting: 3, in_flight: u64::MAX, oldest_wait: None };
    let two = Signal { waiting: 5, in_flight: 1, oldest_wait: Some(WINDOW) };
    let sum = Signal { waiting: 8, in_flight: u64::MAX, oldest_wait: Some(WINDOW) };
    assert_eq!(one.with(&two, Combine::Sum), sum);
    assert_eq!(two.with(&one, Combine::Max), Signal { waiting: 5, ..sum });
    assert_eq!(
        (one.wait(), two.wait(), Signal::default().wait()),
        (None, Some(WINDOW), Some(Duration::ZERO))
    );
}

#[test]
fn a_demand_tells_what_is_known_of_it_and_why_the_rest_is_not() {
    let server_type = TypeName::new("default").unwrap();
    let mut demand = Demand::known(server_type.clone(), "a", Signal { waiting: 2, ..Signal::default() });
    assert_eq!(demand.reason(), None);
    demand.readings.extend(Demand::unknown(server_type.clone(), "b", "down").readings);
    demand.readings.extend(Demand::unknown(server_type, "c", "lost").readings);
    assert_eq!(demand.reason().as_deref(), Some("b: down; c: lost"));
    assert_eq!(demand.signal(Combine::Sum).work(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_the_highest_of_the_window(counts in prop::collection::vec((0_u32..40, 1_u64..200), 1..40)) {
        let mut record = DemandRecord::begin(0, at(0));
        let mut told: Vec<(u64, u32)> = alloc::vec![(0, 0)];
        let mut now = 0;
        for (count, step) in counts {
            now += step;
            told.push((now, count));
            let highest = told.iter().filter(|(when, _)| when + 300 >= now).map(|(_, count)| *count).max();
            prop_assert_eq!(Some(ask(&mut record, count, now)), highest);
            prop_assert!(record.peaks.windows(2).all(|pair| pair[0].count > pair[1].count && pair[0].at < pair[1].at));
        }
    }

    #[test]
    fn a_long_fall_is_remembered_within_a_bound_and_never_forgets_a_peak_too_soon(steps in 65_u32..200) {
        let mut record = DemandRecord::begin(0, at(0));
        let window = Duration::from_secs(100_000);
        for step in 0..steps {
            record.want(steps - step, at(u64::from(step)));
            prop_assert_eq!(record.highest(window, at(u64::from(step))), steps);
            prop_assert!(record.peaks.len() <= MOST_PEAKS);
        }
    }

    #[test]
    fn no_period_sees_more_than_its_rate(wishes in prop::collection::vec((0_u32..500, 1_u64..50), 1..60)) {
        let policy = PolicyConfig::default();
        let mut record = DemandRecord::begin(0, at(0));
        let mut told: Vec<(u64, u32)> = alloc::vec![(0, 0)];
        let mut now = 0;
        for (wish, step) in wishes {
            now += step;
            let from = record.wanted().unwrap();
            let to = if wish > from { wish.min(record.may_rise_to(from, ScaleRate::UP, at(now))) } else { wish };
            record.decide(to, &policy, at(now));
            // Each number held until the next one.
            let held = told.windows(2).filter(|pair| pair[1].0 + 60 > now).map(|pair| pair[0].1);
            let lowest = held.chain([from]).min().unwrap();
            prop_assert!(to <= from || to <= lowest + ScaleRate::UP.step(lowest));
            told.push((now, to));
            prop_assert!(record.path.len() <= MOST_DECIDED);
        }
    }
}
