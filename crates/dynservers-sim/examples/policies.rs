//! The benchmark of policies, as `cargo xtask policies` runs it: a table a trace, and an error if a model beats ours.

use std::process::ExitCode;
use std::time::Instant;

use dynservers_sim::forecast::policies::{compare, traces};

const HOUR: f64 = 3_600_000.0;

fn main() -> ExitCode {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut faults = Vec::new();
    for trace in traces(seed).expect("the defaults are in bounds") {
        let begun = Instant::now();
        let comparison = compare(&trace);
        println!(
            "\n{}: {} jobs of {:.0} s, {:.1} hours of work; {} hours must be paid at the least, {} if no job may wait ({} ms)",
            trace.name,
            trace.jobs().len(),
            trace.mean_service() as f64 / 1e3,
            trace.work() as f64 / HOUR,
            comparison.bound.least_paid as f64 / HOUR,
            comparison.bound.no_wait_paid as f64 / HOUR,
            begun.elapsed().as_millis(),
        );
        println!(
            "{:<26}{:>9}{:>9}{:>9}{:>11}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}{:>8}{:>7}",
            "policy", "p50 s", "p95 s", "p99 s", "p95/service", "server h", "paid h", "/least", "/no wait", "flaps/h", "late", "killed", "most"
        );
        for report in &comparison.reports {
            println!(
                "{:<26}{:>9.0}{:>9.0}{:>9.0}{:>11.2}{:>9.1}{:>9.0}{:>9.2}{:>9.2}{:>9.2}{:>8}{:>8}{:>7}",
                report.name,
                report.wait.p50 as f64 / 1e3,
                report.wait.p95 as f64 / 1e3,
                report.wait.p99 as f64 / 1e3,
                report.wait.p95 as f64 / trace.mean_service() as f64,
                report.server_millis as f64 / HOUR,
                report.paid_millis as f64 / HOUR,
                report.paid_millis as f64 / comparison.bound.least_paid as f64,
                report.paid_millis as f64 / comparison.bound.no_wait_paid as f64,
                report.flaps_per_hour_thousandths() as f64 / 1e3,
                report.late_turns,
                report.jobs_killed,
                report.most_servers,
            );
        }
        faults.extend(comparison.faults());
    }
    for fault in &faults {
        println!("FAULT: {fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
