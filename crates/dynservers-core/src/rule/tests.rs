//! What each rule asks for, how it is damped, and what is learned of the jobs.

use super::*;
use crate::ids::TypeName;
use crate::policy::RuleStep;
use alloc::vec::Vec;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Time {
    Time::from_millis(1_000_000) + Duration::from_secs(seconds)
}

fn policy(rule: Rule) -> PolicyConfig {
    PolicyConfig { rule, ..PolicyConfig::default() }
}

fn signal(waiting: u64, in_flight: u64, wait: u64) -> Signal {
    Signal { waiting, in_flight, oldest_wait: (waiting > 0).then(|| Duration::from_secs(wait)) }
}

fn demand(signal: Signal) -> Demand {
    Demand::known(TypeName::new("default").unwrap(), "queue", signal)
}

/// A record that was told this a minute before the second minute, with so many running, and decided for as many.
fn memory(signal: Signal, running: u32) -> DemandRecord {
    let last = Some(Measured { at: at(60), signal, running });
    DemandRecord { last, ..DemandRecord::begin(running, at(60)) }
}

#[test]
fn jobs_are_rounded_up_to_whole_servers() {
    let ten = policy(Rule::JobsPerServer(10));
    for (waiting, in_flight, servers) in
        [(0, 0, 0), (1, 0, 1), (6, 4, 1), (10, 1, 2), (u64::MAX, 9, u32::MAX)]
    {
        assert_eq!(servers_for(&ten, &signal(waiting, in_flight, 0), None), servers, "{waiting} {in_flight}");
    }
    assert_eq!(servers_for(&policy(Rule::JobsPerServer(0)), &signal(3, 0, 0), None), 3);
}

#[test]
fn a_wait_asks_for_a_server_each_time_it_is_as_long_and_never_for_fewer_than_are_busy() {
    let policy = PolicyConfig { jobs_at_once: 2, ..policy(Rule::WaitPerServer(10 * MINUTE)) };
    for (told, servers) in [
        (signal(0, 0, 0), 0),
        (signal(1, 0, 1), 1),
        (signal(9, 0, 600), 1),
        (signal(9, 0, 601), 2),
        (signal(9, 11, 60), 6),
        (signal(0, 3, 0), 2),
    ] {
        assert_eq!(servers_for(&policy, &told, None), servers, "{told:?}");
    }
}

#[test]
fn a_backlog_is_begun_within_the_time_by_as_many_as_that_takes() {
    let rule = Rule::TargetWait { within: 5 * MINUTE, job_time: MINUTE };
    for (told, learned, servers) in [
        (signal(0, 0, 0), None, 0),
        (signal(1, 0, 0), None, 1),
        (signal(50, 0, 0), None, 10),
        (signal(51, 0, 0), None, 11),
        (signal(50, 14, 0), None, 14),
        (signal(50, 0, 0), Some(Duration::from_secs(6)), 1),
        (signal(u64::MAX, 0, 0), Some(Duration::MAX), u32::MAX),
    ] {
        assert_eq!(servers_for(&policy(rule.clone()), &told, learned), servers, "{told:?} {learned:?}");
    }
}

#[test]
fn the_last_step_that_is_reached_decides_in_whatever_order_they_stand() {
    let steps = [(100, 9), (1, 1), (10, 3)].map(|(jobs, servers)| RuleStep { jobs, servers });
    let policy = policy(Rule::Steps(steps.into()));
    let found = [0, 1, 9, 10, 99, 100, 5_000].map(|jobs| servers_for(&policy, &signal(jobs, 0, 0), None));
    assert_eq!(found, [0, 1, 1, 3, 3, 9, 9]);
}

#[test]
fn of_several_sources_the_sum_or_the_one_that_asks_for_most_decides() {
    let mut both = demand(signal(15, 0, 0));
    both.readings.extend(demand(signal(25, 0, 0)).readings);
    let sum = policy(Rule::JobsPerServer(10));
    assert_eq!(level(&sum, &both, None), 4);
    assert_eq!(level(&PolicyConfig { combine: Combine::Max, ..sum }, &both, None), 3);
}

#[test]
fn who_does_not_tell_the_wait_is_not_known_by_a_rule_that_goes_by_it() {
    let untold = Signal { waiting: 3, ..Signal::default() };
    for (rule, told, doubted) in [
        (Rule::WaitPerServer(MINUTE), untold, true),
        (Rule::WaitPerServer(MINUTE), signal(3, 0, 9), false),
        (Rule::WaitPerServer(MINUTE), signal(0, 3, 0), false),
        (Rule::JobsPerServer(1), untold, false),
    ] {
        let mut demand = demand(told);
        doubt(&policy(rule), &mut demand);
        assert_eq!(demand.reason().is_some(), doubted, "{told:?}");
    }
}

/// Gives the damped number of the reference's rule at the second minute, jobs taking a server five minutes as far as known.
fn by_wait(now: Signal, before: Signal, running: u32) -> u32 {
    let policy = policy(Rule::WaitPerServer(10 * MINUTE));
    let crew = Crew { running, ..Crew::default() };
    let level = servers_for(&policy, &now, None);
    let mut memory = memory(before, running);
    (memory.job_time, memory.behind) = (Some(5 * MINUTE), true);
    damped(&policy, level, &now, &memory, &crew, at(120))
}

#[test]
fn a_wait_that_does_not_fall_asks_for_as_many_as_begin_the_jobs_as_they_come() {
    // A job a minute.
    assert_eq!(by_wait(signal(4, 1, 180), signal(3, 1, 120), 1), 5);
    assert_eq!(by_wait(signal(6, 4, 300), signal(6, 4, 300), 4), 5);
    // Many in a moment are not believed at once: a rise of four, or to twice as many.
    assert_eq!(by_wait(signal(90, 1, 60), signal(2, 1, 50), 1), 5);
    assert_eq!(by_wait(signal(900, 9, 60), signal(2, 9, 50), 9), 18);
    // Nobody runs, or nothing waits: there is nothing to keep up with.
    assert_eq!(by_wait(signal(3, 0, 180), signal(2, 0, 120), 0), 1);
    assert_eq!(by_wait(signal(0, 2, 0), signal(0, 2, 0), 2), 2);
}

#[test]
fn nobody_is_added_while_the_wait_falls_by_itself() {
    let (before, clearly, hardly) = (signal(60, 5, 3_600), signal(60, 5, 3_590), signal(60, 5, 3_595));
    assert_eq!(by_wait(clearly, before, 5), 5);
    assert_eq!(by_wait(hardly, before, 5), 6);
    // But whoever is busy stays, and a queue that nobody tells the busy of keeps everybody.
    assert_eq!(by_wait(signal(10, 7, 100), signal(90, 7, 300), 5), 7);
    assert_eq!(by_wait(signal(10, 0, 100), signal(90, 0, 300), 5), 5);
    assert_eq!(by_wait(signal(0, 2, 0), signal(90, 5, 300), 5), 2);
}

#[test]
fn what_was_ordered_already_is_told_from_what_came_since() {
    let policy = policy(Rule::WaitPerServer(MINUTE));
    let crew = Crew { running: 1, starting: 1, ordered_at: Some(at(0)) };
    let told = demand(signal(40, 0, 200));
    let then = |crew: &Crew| before_boot(&policy, &told, None, crew, at(120));
    assert_eq!(then(&crew), Some(2), "the oldest had waited for 80 seconds then");
    assert_eq!(then(&Crew { starting: 0, ..crew }), None);
    let target =
        PolicyConfig { rule: Rule::TargetWait { within: MINUTE, job_time: MINUTE }, ..policy.clone() };
    assert_eq!(before_boot(&target, &told, None, &crew, at(120)), None, "those that came since are jobs too");
    let jobs = PolicyConfig { rule: Rule::JobsPerServer(1), ..policy };
    assert_eq!(
        before_boot(&jobs, &told, None, &crew, at(120)),
        None,
        "it counts, and what starts counts too"
    );
}

/// Learns from what was told each minute, with so many running, and gives what was learned after each.
fn learned(told: &[(Signal, u32)]) -> Vec<Option<u64>> {
    let rule = policy(Rule::TargetWait { within: MINUTE, job_time: MINUTE });
    let mut record = DemandRecord::default();
    let mut minute = |(signal, running): &(Signal, u32), number: u64| {
        let now = at(60 * number);
        learn(&rule, &mut record, signal, *running, now);
        record.last = Some(Measured { at: now, signal: *signal, running: *running });
        record.job_time.map(|time| u64::try_from(time.as_millis()).unwrap())
    };
    told.iter().zip(1..).map(|(told, number)| minute(told, number)).collect()
}

#[test]
fn the_time_for_a_job_is_learned_from_how_far_the_queue_moved_on() {
    // Two jobs a second come, a hundred seconds' worth wait; four servers let it rise by 20 seconds a minute: 80 are begun.
    let rising = [(201, 100), (241, 120), (281, 140)].map(|(waiting, wait)| (signal(waiting, 4, wait), 4));
    assert_eq!(learned(&rising), [None, None, Some(3_000)]);
    // Then it falls as fast: 240 were begun in two minutes. Only a quarter of that counts.
    let falling = [rising[0], rising[1], rising[2], (signal(241, 4, 120), 4)];
    assert_eq!(learned(&falling).last(), Some(&Some(2_750)));
}

#[test]
fn a_queue_that_stands_still_between_long_jobs_tells_at_the_end_of_each() {
    // A job a minute comes, and one server takes five minutes for each: the oldest is another one every fifth minute.
    let queue = |minute: u64| {
        let waits = minute + 5 - minute / 5;
        (signal(waits + 1, 1, waits * 60), 1)
    };
    let told: Vec<(Signal, u32)> = (1..=16).map(queue).collect();
    let learned = learned(&told);
    assert_eq!((learned[8], learned[9], learned[14]), (None, Some(300_000), Some(300_000)));
}

#[test]
fn another_crew_begins_anew_once_anything_is_known_and_who_begins_ends_nothing() {
    // A job a minute comes and one is begun. The first that the second server begins takes no other's place.
    let told =
        [(1, 1), (1, 1), (2, 2), (2, 2)].map(|(in_flight, running)| (signal(11, in_flight, 600), running));
    assert_eq!(learned(&told), [None, None, None, Some(180_000)]);
    let mut record = DemandRecord { job_time: Some(MINUTE), ..memory(signal(200, 4, 100), 4) };
    record.learning_from = record.last;
    learn(&policy(Rule::JobsPerServer(1)), &mut record, &signal(240, 4, 120), 5, at(120));
    assert_eq!((record.job_time, record.learning_from), (Some(MINUTE), None));
}

#[test]
fn nothing_is_learned_from_a_queue_that_was_empty_or_stood_still_or_of_nobody() {
    let full = |crew| (signal(200, 4, 100), crew);
    for told in [
        [(signal(0, 0, 0), 4), full(4), full(4)],
        [full(4), (signal(0, 2, 0), 4), full(4)],
        [full(0), (signal(240, 0, 120), 0), (signal(280, 0, 140), 0)],
        [full(4), (signal(260, 4, 160), 4), (signal(320, 4, 220), 4)],
    ] {
        assert_eq!(learned(&told), [None; 3], "{told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_number_is_too_large(
        (waiting, in_flight, wait) in any::<(u64, u64, Option<Duration>)>(),
        (waited, busy, before) in any::<(u64, u64, Option<Duration>)>(),
        (running, starting, learned) in any::<(u32, u32, Option<Duration>)>(),
        (kind, per, later) in (0_u8..3, any::<Duration>(), any::<u64>()),
    ) {
        let rule = match kind {
            0 => Rule::WaitPerServer(per),
            1 => Rule::TargetWait { within: per, job_time: per },
            _ => Rule::JobsPerServer(running),
        };
        let policy = PolicyConfig { jobs_at_once: starting, ..policy(rule) };
        let now = Signal { waiting, in_flight, oldest_wait: wait };
        let mut record = memory(Signal { waiting: waited, in_flight: busy, oldest_wait: before }, running);
        record.job_time = learned;
        let crew = Crew { running, starting, ordered_at: Some(at(1)) };
        let (demand, later) = (demand(now), Time::from_millis(later));
        learn(&policy, &mut record, &now, running, later);
        record.learning_from = record.last;
        learn(&policy, &mut record, &now, running, later);
        let level = level(&policy, &demand, record.job_time);
        let damped = damped(&policy, level, &now, &record, &crew, later);
        let then = before_boot(&policy, &demand, record.job_time, &crew, later);
        prop_assert!(record.job_time.is_none_or(|time| !time.is_zero() || learned == Some(Duration::ZERO)));
        prop_assert!(then.is_none_or(|then| then <= level.max(damped)));
    }
}
