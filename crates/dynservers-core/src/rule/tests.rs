use super::*;
use crate::ids::TypeName;
use crate::policy::RuleStep;
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

/// Gives the damped number of the reference's rule at the second minute.
fn by_wait(now: Signal, before: Signal, running: u32) -> u32 {
    let policy = policy(Rule::WaitPerServer(10 * MINUTE));
    let crew = Crew { running, ..Crew::default() };
    let level = servers_for(&policy, &now, None);
    damped(&policy, level, &now, &memory(before, running), &crew, at(120))
}

#[test]
fn a_wait_that_rises_asks_for_as_many_as_would_have_kept_it() {
    // One server served a fifth of what came: five keep up.
    assert_eq!(by_wait(signal(90, 1, 148), signal(40, 1, 100), 1), 5);
    // Four of five.
    assert_eq!(by_wait(signal(90, 4, 112), signal(80, 4, 100), 4), 5);
    // It stands: as many as there are.
    assert_eq!(by_wait(signal(90, 4, 100), signal(90, 4, 100), 4), 4);
    // Nothing was served at all, or nearly: never much more than there were.
    assert_eq!(by_wait(signal(90, 1, 160), signal(40, 1, 100), 1), 1);
    assert_eq!(by_wait(signal(90, 1, 159), signal(40, 1, 100), 1), 5);
    // A queue that was empty on the way tells nothing.
    assert_eq!(by_wait(signal(5, 2, 50), signal(0, 2, 0), 2), 2);
}

#[test]
fn nobody_is_added_while_the_wait_falls_by_itself() {
    let (before, clearly, hardly) = (signal(300, 5, 3_600), signal(280, 5, 3_590), signal(280, 5, 3_595));
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
    assert_eq!(before_boot(&target, &told, None, &crew, at(120)), Some(16));
    let jobs = PolicyConfig { rule: Rule::JobsPerServer(1), ..policy };
    assert_eq!(
        before_boot(&jobs, &told, None, &crew, at(120)),
        None,
        "it counts, and what starts counts too"
    );
}

#[test]
fn the_time_for_a_job_is_learned_from_how_far_the_queue_moved_on() {
    // Two jobs a second come, a hundred seconds' worth wait; four servers let it rise by 20 seconds in 60: 80 were begun.
    let mut record = memory(signal(200, 4, 100), 4);
    let rule = policy(Rule::TargetWait { within: MINUTE, job_time: MINUTE });
    learn(&rule, &mut record, &signal(240, 4, 120), at(120));
    assert_eq!(record.job_time, Some(Duration::from_secs(3)));
    // Only a quarter of what is measured next counts.
    record.last = Some(Measured { at: at(120), signal: signal(240, 4, 120), running: 4 });
    learn(&rule, &mut record, &signal(200, 4, 100), at(180));
    assert_eq!(record.job_time, Some(Duration::from_millis(2_625)), "160 were begun: 1.5 seconds each");
}

#[test]
fn nothing_is_learned_from_a_queue_that_was_empty_or_stood_still() {
    let rule = policy(Rule::TargetWait { within: MINUTE, job_time: MINUTE });
    for (before, running, now) in [
        (signal(0, 0, 0), 4, signal(240, 4, 120)),
        (signal(200, 4, 100), 4, signal(10, 4, 20)),
        (signal(200, 0, 100), 0, signal(240, 0, 120)),
        (signal(200, 4, 100), 4, signal(260, 4, 160)),
    ] {
        let mut record = memory(before, running);
        learn(&rule, &mut record, &now, at(120));
        assert_eq!(record.job_time, None, "{before:?} {now:?}");
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
        learn(&policy, &mut record, &now, later);
        let level = level(&policy, &demand, record.job_time);
        let damped = damped(&policy, level, &now, &record, &crew, later);
        let then = before_boot(&policy, &demand, record.job_time, &crew, later);
        prop_assert!(record.job_time.is_none_or(|time| !time.is_zero() || learned == Some(Duration::ZERO)));
        prop_assert!(then.is_none_or(|then| then <= level.max(damped)));
    }
}
