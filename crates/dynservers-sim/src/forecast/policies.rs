//! The benchmark of policies: ours by default against models of others, on one and the same machine, cloud and traces.

use std::time::Duration;

use dynservers_core::{Billing, PolicyConfig, Rule};

use super::bound::Bound;
use super::model::{Model, PodAutoscaler, ReadmeRule, StepRule};
use super::report::{Report, millis};
use super::run::{Setup, server_type};
use super::trace::{GenerateError, Generator, Kind, Trace};
use crate::Durations;

/// What became of one trace under every policy.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The trace.
    pub trace: Trace,
    /// What it costs at the least.
    pub bound: Bound,
    /// Ours by default, then our other rules, then the models.
    pub reports: Vec<Report>,
    /// How many of the reports are ours.
    pub ours: usize,
}

/// How long a server of the benchmark takes to come up: that of a small cloud server which is cloned.
pub const BOOT: Duration = Duration::from_secs(60);
/// The most servers that anybody may have.
const MOST: u32 = 200;

/// Gives the traces of the benchmark: each kind, as it is by default.
pub fn traces(seed: u64) -> Result<Vec<Trace>, GenerateError> {
    Kind::ALL.into_iter().map(|kind| Generator::of(kind).trace(seed)).collect()
}

/// Runs every policy on a trace.
#[must_use]
pub fn compare(trace: &Trace, boot: Duration) -> Comparison {
    let job_time = Duration::from_millis(trace.mean_service());
    let target = Rule::TargetWait { within: Duration::from_secs(60), job_time };
    // By default on a cloud that is paid by the hour, as UpCloud is.
    let hourly = Some(Billing { unit: super::run::UNIT });
    let rules = [
        ("ours by default", Rule::JobsPerServer(1), hourly),
        ("ours, target_wait 1m", target, hourly),
        ("ours, wait_per_server 1m", Rule::WaitPerServer(Duration::from_secs(60)), hourly),
        ("ours without billing", Rule::JobsPerServer(1), None),
    ];
    let setup = |name: &str, policy| Setup {
        durations: Durations { create: boot, ..Durations::default() },
        ..Setup::new(name, server_type(policy, MOST))
    };
    let ours = rules.map(|(name, rule, billing)| {
        setup(name, Some(PolicyConfig { rule, billing, ..PolicyConfig::default() })).forecast(trace)
    });
    let mut models: [(&str, Box<dyn Model>); 4] = [
        ("README rule", Box::new(ReadmeRule { job_time })),
        ("HPA, a step a minute", Box::new(PodAutoscaler::a_minute())),
        ("HPA, a step each 15 s", Box::new(PodAutoscaler::default_behavior())),
        ("step rule", Box::new(StepRule::default())),
    ];
    let models = models.iter_mut().map(|(name, model)| setup(name, None).forecast_by(model.as_mut(), trace));
    let mut reports = Vec::from(ours);
    let ours = reports.len();
    reports.extend(models);
    let unit = millis(super::run::UNIT);
    Comparison { trace: trace.clone(), bound: Bound::of(trace, unit, 1), reports, ours }
}

impl Comparison {
    /// Gives what must not be: a model that is better than ours by default in both waits and paid hours, a job that ours
    /// killed or left, or a number that turns where the load is steady.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let (ours, models) = (&self.reports[0], &self.reports[self.ours..]);
        let mut faults = Vec::new();
        for model in models {
            if model.wait.p95 < ours.wait.p95 && model.paid_millis < ours.paid_millis {
                faults
                    .push(format!("{}: {} waits less and pays less than ours", self.trace.name, model.name));
            }
        }
        if ours.jobs_killed + ours.jobs_left > 0 {
            faults.push(format!("{}: ours killed or left jobs", self.trace.name));
        }
        let is_steady = self.trace.name == Kind::Steady.as_str();
        for report in self.reports[..self.ours].iter().filter(|report| is_steady && report.late_turns > 0) {
            faults.push(format!("{}: the number of {} turns", self.trace.name, report.name));
        }
        faults
    }
}
