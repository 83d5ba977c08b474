//! Every sentence that a decision can make, as a person reads it.

use std::time::Duration;

use dynservers_core::{ServerId, TypeName, Why};

use super::*;

fn at(seconds: u64) -> Time {
    Time::from_millis(1_750_000_000_000) + Duration::from_secs(seconds)
}

fn clamp(kind: ClampKind, before: u32, after: u32) -> Clamp {
    Clamp { kind, before, after, until: None, window: None }
}

fn reading(source: &str, told: Told) -> Reading {
    Reading { source: source.to_owned(), told }
}

fn decision(judgement: Option<Judgement>) -> Decision {
    Decision {
        at: at(0),
        server_type: TypeName::new("default").unwrap(),
        trigger: Trigger::Measured,
        before: Some(5),
        desired: judgement.as_ref().map(|judgement| judgement.decided),
        judgement,
        overriding: None,
        running: 4,
        starting: 1,
        orders: Orders::default(),
        shadow: false,
    }
}

fn told(decision: &Decision) -> String {
    sentences(decision).join("\n")
}

#[test]
fn growth_says_what_was_measured_and_what_held_it_back() {
    let signal = Signal { waiting: 75, in_flight: 4, oldest_wait: Some(Duration::from_secs(190)) };
    let judgement = Judgement {
        readings: vec![reading("redis", Told::Known(signal))],
        signal,
        job_time: Some(Duration::from_millis(1_500)),
        raw: 16,
        clamps: vec![
            clamp(ClampKind::Maximum, 16, 12),
            Clamp { until: Some(at(60)), ..clamp(ClampKind::RateUp, 12, 9) },
        ],
        decided: 9,
    };
    let orders = Orders { made: 3, kept: 1, ..Orders::default() };
    insta::assert_snapshot!(told(&Decision { orders, ..decision(Some(judgement)) }), @r"
    2025-06-15T15:06:40Z  default: 5 -> 9 servers
    Measured: redis: 75 jobs wait, the oldest for 3m, 4 in hand.
    A server takes 1500ms for a job, as learned.
    The rule asks for 16 servers.
    Then it is lowered to 12, the type's max.
    Then it rises to 9 only: rate_up allows no more at once; further from 15:07:40Z.
    So 9 are wanted; the last word had rate_up.
    There are 4 running and 1 on the way: 3 more made, 1 that was to go kept.
    ");
}

#[test]
fn a_dead_source_holds_then_falls_back_and_says_so() {
    let unknown = Told::Unknown { reason: "connection refused \u{1b}[2J".to_owned(), since: at(0) };
    let known = Told::Known(Signal { waiting: 1, ..Signal::default() });
    let judgement = |clamp: Clamp| Judgement {
        readings: vec![reading("redis", unknown.clone()), reading("spool", known.clone())],
        signal: Signal { waiting: 1, ..Signal::default() },
        job_time: None,
        raw: 1,
        decided: clamp.after,
        clamps: vec![clamp],
    };
    let held = Decision {
        at: at(120),
        ..decision(Some(judgement(Clamp { until: Some(at(600)), ..clamp(ClampKind::Unknown, 1, 5) })))
    };
    let orders = Orders {
        gone: 3,
        victims: vec![
            Victim { server: ServerId(3), why: Why::Surplus, score: Some(0) },
            Victim { server: ServerId(7), why: Why::Surplus, score: None },
        ],
        ..Orders::default()
    };
    let fallen =
        Decision { at: at(600), orders, ..decision(Some(judgement(clamp(ClampKind::Fallback, 1, 2)))) };
    insta::assert_snapshot!([told(&held), told(&fallen)].join("\n\n"), @r"
    2025-06-15T15:08:40Z  default: 5 servers as before
    Measured, together: 1 job waits, 0 in hand.
    - redis: unknown for 2m, which is not taken for no work: connection refused �[2J.
    - spool: 1 job waits, 0 in hand.
    By what is known the rule asks for 1 server.
    Then 5 are kept, since not all of the work is known; the fallback stands in from 15:16:40Z.
    So 5 are wanted; the last word had hold.
    There are 4 running and 1 on the way: nothing to do.

    2025-06-15T15:16:40Z  default: 5 -> 2 servers
    Measured, together: 1 job waits, 0 in hand.
    - redis: unknown for 10m, which is not taken for no work: connection refused �[2J.
    - spool: 1 job waits, 0 in hand.
    By what is known the rule asks for 1 server.
    Then it is 2 by fallback: the work has not been known for longer than hold.
    So 2 are wanted; the last word had fallback.
    There are 4 running and 1 on the way: 3 to go.
    To go: server 3 (more servers are there than are wanted, with 0 in hand); server 7 (more servers are there than are wanted) and 1 more.
    ");
}

#[test]
fn every_clamp_has_a_sentence_and_the_name_of_its_key() {
    let until = Some(at(300));
    let clamps = [
        Clamp { until, ..clamp(ClampKind::MaxStep, 90, 5) },
        Clamp { until, window: Some("office".to_owned()), ..clamp(ClampKind::Floor, 2, 5) },
        Clamp { until, window: Some("night".to_owned()), ..clamp(ClampKind::Ceiling, 9, 5) },
        clamp(ClampKind::Minimum, 0, 1),
        clamp(ClampKind::Tolerance, 6, 5),
        Clamp { until, ..clamp(ClampKind::Stabilization, 2, 5) },
        Clamp { until, ..clamp(ClampKind::RateDown, 2, 4) },
        clamp(ClampKind::Booting, 9, 5),
        Clamp { until, ..clamp(ClampKind::PaidUnit, 2, 5) },
        clamp(ClampKind::Unknown, 2, 5),
    ];
    let lines: Vec<String> =
        clamps.iter().map(|clamp| format!("{}: {}", name(clamp.kind), clamped(clamp))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    max_step: 5 are kept: to 90 is further than max_step, and is believed if it lasts until 15:11:40Z
    the schedule: it is raised to 5 by the schedule "office", which lasts until 15:11:40Z
    the schedule: it is lowered to 5 by the schedule "night", which lasts until 15:11:40Z
    min: it is raised to 1, the type's min
    tolerance: 5 are kept: the change is within the tolerance
    scale_in_after: 5 are kept: so many were wanted within scale_in_after, at most until 15:11:40Z
    rate_down: it falls to 4 only: rate_down allows no more at once; further from 15:11:40Z
    what is still starting: it is 5 only: what is still starting was ordered for the same work
    billing: 5 are kept: what is paid for stays to the end of its unit; the next one ends soon at 15:11:40Z
    hold: 5 are kept, since not all of the work is known
    "#);
}

#[test]
fn an_operators_word_and_a_fleet_that_only_watches_are_told_as_such() {
    let overriding = Some(Override { count: 2, until: Some(at(3_600)) });
    let by_word = Decision { trigger: Trigger::Overridden, desired: Some(2), overriding, ..decision(None) };
    let orders = Orders { made: 1, gone: 1, ..Orders::default() };
    let watched =
        Decision { shadow: true, desired: Some(1), running: 1, starting: 0, orders, ..decision(None) };
    let ended = Decision { trigger: Trigger::Overridden, desired: Some(5), ..decision(None) };
    let moved = Decision { trigger: Trigger::Fleet, before: None, ..decision(None) };
    insta::assert_snapshot!([told(&by_word), told(&ended), told(&watched), told(&moved)].join("\n\n"), @r"
    2025-06-15T15:06:40Z  default: 5 -> 2 servers, by an operator's word
    An operator's 2 counts, within min and max, until 2025-06-15T16:06:40Z.
    There are 4 running and 1 on the way: nothing is done at once.

    2025-06-15T15:06:40Z  default: 5 servers as before, since an operator's number ended
    There are 4 running and 1 on the way: nothing to do.

    2025-06-15T15:06:40Z  default: 5 -> 1 server (only watching: nothing is changed)
    There is 1 running: 1 more would be made, 1 would have to go.

    2025-06-15T15:06:40Z  default: as many servers as are found, carried out as the fleet changed
    There are 4 running and 1 on the way: nothing to do.
    ");
}
