//! Policies, right and wrong.

use std::time::Duration;

use dynservers_core::{Billing, Combine, PolicyConfig, Rule, RuleStep, ScaleRate};

use super::super::DemandSettings;
use super::bad_local::told_with;
use super::{LOCAL, directory, parse_in};

/// Reads a policy, in place of the one of the documentation's file.
fn read(policy: &str) -> (PolicyConfig, DemandSettings) {
    let directory = directory();
    let table = "[server_types.default.policy]\n";
    let (before, rest) = LOCAL.split_once(table).expect("it has a policy");
    let after = rest.find("\n[").map_or("", |end| &rest[end..]);
    let file = format!("{before}{table}{policy}\n{after}");
    let configuration = parse_in(&file, directory.path()).unwrap_or_else(|problems| panic!("{problems}"));
    let name = configuration.server_types.keys().next().expect("one");
    let demand = configuration.server_types[name].demand.clone().expect("it has sources");
    (configuration.core.server_types[name].policy.clone().expect("it has a policy"), demand)
}

/// Gives what is told of a policy.
fn told(policy: &str) -> String {
    told_with(&format!("sources = [{{ kind = \"spool\", directory = \"jobs\" }}]\npolicy = {{ {policy} }}"))
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn every_rule_is_read() {
    let step = |jobs, servers| RuleStep { jobs, servers };
    for (keys, rule) in [
        ("jobs_per_server = 7", Rule::JobsPerServer(7)),
        ("wait_per_server = \"10m\"", Rule::WaitPerServer(10 * MINUTE)),
        ("target_wait = \"5m\"", Rule::TargetWait { within: 5 * MINUTE, job_time: MINUTE }),
        (
            "target_wait = \"5m\"\njob_time = \"20ms\"",
            Rule::TargetWait { within: 5 * MINUTE, job_time: Duration::from_millis(20) },
        ),
        (
            "steps = [{ jobs = 0, servers = 1 }, { jobs = 100, servers = 5 }]",
            Rule::Steps(vec![step(0, 1), step(100, 5)]),
        ),
    ] {
        assert_eq!(read(keys).0, PolicyConfig { rule, ..PolicyConfig::default() }, "{keys}");
    }
}

#[test]
fn every_other_key_is_read() {
    let (policy, demand) = read(
        "jobs_per_server = 1\ncombine = \"max\"\njobs_at_once = 4\nrate_up = \"unlimited\"\ntolerance = 10\n\
         scale_in_after = \"3m\"\nrate_down = { servers = 2, percent = 50, per = \"2m\" }\n\
         billing = { unit = \"1h\", round = \"up\" }\nhold = \"4m\"\nfallback = 1\nmax_step = 9\n\
         schedule = [{ name = \"office\", opens = \"0 8 * * mon-fri\", lasts = \"10h\", time_zone = \"Europe/Berlin\", min = 3 },\n\
         { opens = \"0 22 * * *\", lasts = \"8h\", time_zone = \"UTC\", max = 2 }]",
    );
    let expected = PolicyConfig {
        rule: Rule::JobsPerServer(1),
        combine: Combine::Max,
        jobs_at_once: 4,
        rate_up: None,
        tolerance: 10,
        scale_in_after: 3 * MINUTE,
        rate_down: Some(ScaleRate { servers: 2, percent: 50, period: 2 * MINUTE }),
        billing: Some(Billing { unit: 60 * MINUTE }),
        hold: 4 * MINUTE,
        fallback: Some(1),
        max_step: Some(9),
    };
    assert_eq!(policy, expected);
    let slots: Vec<_> = demand.schedule.iter().map(|slot| slot.slot().unwrap()).collect();
    let open = |at: &str| -> Vec<_> {
        let windows = dynservers_demand::calendar::windows(&slots, at.parse().unwrap());
        windows.into_iter().map(|window| (window.name, window.floor, window.ceiling)).collect()
    };
    assert_eq!(open("2026-11-26T08:00:00Z"), [("office".to_owned(), Some(3), None)]);
    assert_eq!(open("2026-11-26T23:00:00Z"), [("0 22 * * *".to_owned(), None, Some(2))]);
}

/// Gives what is told of each.
fn all_told(policies: &[&str]) -> String {
    policies.iter().map(|policy| told(policy)).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_policy_has_one_rule() {
    insta::assert_snapshot!(all_told(&[
        "wait_per_server = \"5m\", jobs_per_server = 1",
        "jobs_per_server = 1, job_time = \"5s\"",
        "tolerance = 5",
    ]));
}

#[test]
fn what_can_never_be_meant_is_refused() {
    insta::assert_snapshot!(all_told(&[
        "steps = [{ jobs = 10, servers = 2 }, { jobs = 5, servers = 3 }]",
        "steps = []",
        "jobs_per_server = 1, rate_up = { percent = 100, per = \"1m\" }, rate_down = \"slow\"",
        "jobs_per_server = 1, billing = { unit = \"1s\", round = \"down\" }",
        "jobs_per_server = 1, tolerance = 101, max_step = 0, combine = \"mean\"",
    ]));
}

#[test]
fn a_schedule_says_when_where_for_how_long_and_what() {
    let slots = [
        "opens = \"at eight\", lasts = \"10h\", time_zone = \"UTC\", min = 1",
        "opens = \"0 8 * * *\", lasts = \"10h\", time_zone = \"Berlin\", min = 1",
        "opens = \"0 8 * * *\", lasts = \"10h\", time_zone = \"UTC\"",
        "opens = \"0 8 * * *\", min = 3, max = 2",
    ];
    let slots = slots.map(|keys| format!("jobs_per_server = 1, schedule = [{{ {keys} }}]"));
    insta::assert_snapshot!(all_told(&slots.each_ref().map(String::as_str)));
}
