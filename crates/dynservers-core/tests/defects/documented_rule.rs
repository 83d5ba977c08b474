//! The documented rule: row 1, as a command, as a measurement, and as a rule of the policy.

use std::time::Duration;

use dynservers_core::{Config, PolicyConfig, Rule as PolicyRule, Time};

use crate::queue::{App, Rule};
use crate::workers::draining;
use crate::world::{config, type_name};

/// Loads of five servers, of five and a half, and of five with jobs of a quarter of an hour: jobs an hour, seconds a job.
const LOADS: [(u64, u64); 3] = [(60, 300), (66, 300), (20, 900)];

fn at_most_20(mut config: Config, policy: Option<u32>) -> Config {
    // So that a flapping fleet leaves no thousands of records to check.
    config.timing.retention = Duration::from_secs(600);
    let server_type = config.server_types.get_mut(&type_name()).unwrap();
    server_type.max = 20;
    server_type.policy =
        policy.map(|jobs| PolicyConfig { rule: PolicyRule::JobsPerServer(jobs), ..PolicyConfig::default() });
    config
}

/// Runs an app for ten hours, and gives how many servers were started and stopped in the last five.
fn late_turnover(app: &mut App) -> (u32, u32) {
    app.run_hours(5);
    let (started, stopped) = app.turnover();
    app.run_hours(5);
    assert_eq!(app.missing(), 0, "every job waits, is in hand or is done");
    (app.turnover().0 - started, app.turnover().1 - stopped)
}

/// A command is obeyed: code that says `ensure(round(wait / 10))` each minute has a fleet that goes up and down each minute,
/// here as there. What does not happen where workers are drained is that anybody loses a job by it.
#[test]
fn defect_01_the_documented_rule_as_a_command_stops_no_busy_worker() {
    for (jobs, seconds) in LOADS {
        let mut app = App::new(at_most_20(draining(), None), Rule::Ensure, jobs, seconds);
        app.run_hours(4);
        assert_eq!((app.killed, app.missing()), (0, 0), "{jobs} jobs of {seconds} s");
        assert!(app.done >= app.arrived - 40, "{} of {}", app.done, app.arrived);
    }
    // Without a drain it is the reference's fleet: hardly any job is ever done. So the loop is the one that it fails in.
    let mut app = App::new(at_most_20(config(), None), Rule::Ensure, 60, 300);
    app.run_hours(2);
    assert!(app.killed > app.arrived && app.done < app.arrived / 2, "{} of {}", app.done, app.arrived);
    assert!(app.turnover().0 > 400, "{} servers started in two hours", app.turnover().0);
}

/// The very same wait as a measurement, of which the policy makes the count, rounded up: it settles, since nobody goes before
/// the number was lower for all of `scale_in_after`, and who drains is called back. A load of five servers and a half lies
/// between two counts, and moves between them no more often than four times an hour.
#[test]
fn defect_01_the_documented_rule_as_a_measurement_settles() {
    for ((jobs, seconds), most) in LOADS.into_iter().zip([0, 20, 0]) {
        let mut app = App::new(at_most_20(draining(), Some(10)), Rule::MeasureWait, jobs, seconds);
        let (started, stopped) = late_turnover(&mut app);
        assert!(started.max(stopped) <= most, "{jobs} jobs of {seconds} s: {started} and {stopped}");
        assert_eq!(app.killed, 0);
    }
}

/// What the documentation here tells to measure, the jobs that wait or are in hand, which more servers do not make fewer at
/// once: with the policy as it is by default nothing moves at all, whatever the load.
#[test]
fn defect_01_the_policy_settles_on_the_work_there_is() {
    for ((jobs, seconds), most) in LOADS.into_iter().zip([0, 10, 0]) {
        for (each, most) in [(1, 0), (10, most)] {
            let mut app = App::new(at_most_20(draining(), Some(each)), Rule::MeasureJobs, jobs, seconds);
            let (started, stopped) = late_turnover(&mut app);
            assert!(started.max(stopped) <= most, "{jobs} of {seconds} s, {each}: {started}, {stopped}");
            assert_eq!(app.killed, 0);
        }
    }
}

/// How often the number was changed from a moment on.
fn changes(app: &App, from: Time) -> Vec<(u64, u32)> {
    let decisions = app.world.disk.decisions.iter().filter(|decision| decision.at >= from);
    let changed = decisions.filter(|decision| decision.before.unwrap_or(0) != decision.desired.unwrap_or(0));
    changed.map(|decision| (decision.at.since(from).as_secs() / 60, decision.desired.unwrap())).collect()
}

/// The reference's rule as a rule of the policy, told the oldest job's own wait: three decisions, and it stays where
/// the load needs it, from nothing and from half as much; and from twice as much it falls and never rises again. Nobody
/// with a job in hand is stopped.
#[test]
fn defect_01_the_documented_rule_in_the_policy_settles_within_three_decisions() {
    // Where the wait is as long before the first job has ended, there is one more server before anything was learned.
    for ((jobs, seconds), most) in LOADS.into_iter().zip([3, 3, 4]) {
        let mut config = at_most_20(draining(), Some(1));
        let server_type = config.server_types.get_mut(&type_name()).unwrap();
        server_type.policy.as_mut().unwrap().rule = PolicyRule::WaitPerServer(Duration::from_secs(600));
        let mut app = App::new(config, Rule::MeasureAll, jobs, seconds);
        for (load, is_last) in [(1, false), (2, false), (1, true)] {
            let from = app.world.now;
            app.set_load(jobs * load);
            app.run_hours(6);
            let changed = changes(&app, from);
            let falls = changed.windows(2).all(|pair| pair[0].1 > pair[1].1);
            // As jobs end one after the other, servers are let go one after the other.
            let is_few = changed.len() <= most || (is_last && falls);
            assert!(is_few, "{jobs} of {seconds} s, {load} times: {changed:?}");
            let needed = u32::try_from((jobs * load * seconds).div_ceil(3_600)).unwrap();
            let desired = app.world.machine.view(app.world.now).types[&type_name()].desired.unwrap();
            assert!(desired >= needed, "{jobs} of {seconds} s, {load} times: {changed:?}");
            assert_eq!((app.killed, app.missing()), (0, 0));
        }
    }
}
