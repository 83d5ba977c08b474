//! The benchmark of policies, as `cargo xtask policies` runs it: a table a trace, and an error if a model is better than ours.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use dynservers_sim::forecast::policies::{BOOT, Comparison, compare, traces};
use dynservers_sim::forecast::{Generator, Report, duration, plot, span};

const USAGE: &str =
    "`policies` takes `--seed N`, `--boot DURATION`, and `--write` to put its tables and plots into docs/";
/// Between these in the guide the tables stand.
const BEGIN: &str = "<!-- policies: begin -->\n";
const END: &str = "<!-- policies: end -->";

fn main() -> ExitCode {
    match run() {
        Ok(faults) if faults.is_empty() => {
            println!("policies: no model waits less and pays less than ours by default, on any trace");
            ExitCode::SUCCESS
        }
        Ok(faults) => {
            for fault in faults {
                eprintln!("error: {fault}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<Vec<String>, String> {
    let mut arguments = std::env::args().skip(1);
    let (mut seed, mut boot, mut writes) = (1, BOOT, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seed" => {
                seed = arguments.next().and_then(|seed| seed.parse().ok()).ok_or_else(|| USAGE.to_owned())?;
            }
            "--boot" => {
                let millis = arguments.next().as_deref().and_then(duration);
                boot = Duration::from_millis(millis.ok_or_else(|| USAGE.to_owned())?);
            }
            "--write" => writes = true,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let traces = traces(seed).map_err(|error| error.to_string())?;
    let comparisons: Vec<Comparison> = traces.iter().map(|trace| compare(trace, boot)).collect();
    let tables: Vec<String> = comparisons.iter().map(table).collect();
    let tables = tables.join("\n");
    println!("{tables}");
    if writes {
        write(&comparisons, &tables)?;
    }
    Ok(comparisons.iter().flat_map(Comparison::faults).collect())
}

/// Writes what became of a trace under every policy as Markdown.
fn table(comparison: &Comparison) -> String {
    let (trace, bound) = (&comparison.trace, comparison.bound);
    let mut text = format!(
        "**{}**: {} jobs, {} hours of work. At the least {} hours are paid; {} if no job may wait.\n\n",
        trace.name,
        trace.jobs().len(),
        hours(trace.work()),
        hours(bound.least_paid),
        hours(bound.no_wait_paid)
    );
    text.push_str(
        "| policy | wait p50 | p95 | p99 | p95 to job | server-hours | paid | to the least | to no wait | flaps/h | killed | left |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for report in &comparison.reports {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            report.name,
            span(report.wait.p50),
            span(report.wait.p95),
            span(report.wait.p99),
            ratio(report.wait.p95, trace.mean_service()),
            hours(report.server_millis),
            hours(report.paid_millis),
            ratio(report.paid_millis, bound.least_paid),
            ratio(report.paid_millis, bound.no_wait_paid),
            ratio(report.flaps_per_hour_thousandths(), 1_000),
            report.jobs_killed,
            report.jobs_left,
        );
    }
    text
}

fn hours(millis: u64) -> u64 {
    (millis + 1_800_000) / 3_600_000
}

fn ratio(number: u64, to: u64) -> String {
    let hundredths = (number * 100 + to / 2) / to.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn write(comparisons: &[Comparison], tables: &str) -> Result<(), String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let put = |path: PathBuf, text: &str| {
        std::fs::write(&path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
    };
    let guide = docs.join("simulate.md");
    let text = std::fs::read_to_string(&guide).map_err(|error| format!("{}: {error}", guide.display()))?;
    let (before, rest) = text.split_once(BEGIN).ok_or("the guide has no place for the tables")?;
    let (_, after) = rest.split_once(END).ok_or("the place for the tables has no end")?;
    put(guide, &format!("{before}{BEGIN}\n{tables}\n{END}{after}"))?;
    for name in ["daily", "flash"] {
        let comparison = comparisons.iter().find(|comparison| comparison.trace.name == name);
        let reports = comparison.map_or_else(Vec::new, |comparison| {
            chosen(comparison, &["ours by default", "HPA, a step each 15 s", "step rule"])
        });
        let title = format!("{name}: ours, and models of two others");
        put(docs.join(format!("plots/{name}.svg")), &plot::svg(&title, &reports))?;
    }
    let steady: Generator = "steady:length=4h".parse().map_err(|error| format!("{error}"))?;
    let steady = steady.trace(1).map_err(|error| error.to_string())?;
    let reports = chosen(&compare(&steady, BOOT), &["ours by default", "README rule"]);
    put(docs.join("plots/steady.svg"), &plot::svg("steady: ours, and a model of the README's rule", &reports))
}

fn chosen(comparison: &Comparison, names: &[&str]) -> Vec<Report> {
    let find = |name: &&str| comparison.reports.iter().find(|report| report.name == **name).cloned();
    names.iter().filter_map(find).collect()
}
