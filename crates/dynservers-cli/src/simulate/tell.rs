//! What a simulation found, in words, in a table and for machines.

use comfy_table::{Cell, CellAlignment};
use dynservers_sim::forecast::{Bound, Figures, Report, Setup, Trace, duration_as_text, span};
use serde::Serialize;

use super::Origin;
use crate::commands::table;
use crate::terminal::Style;

/// Says how long servers take, and who says so.
pub(super) fn durations(setup: &Setup, origins: [Origin; 2]) -> String {
    let [boots, stops] = origins.map(|origin| match origin {
        Origin::Given => "as said",
        Origin::Learned => "as learned",
        Origin::Assumed => "assumed",
    });
    let [create, stop] = [setup.durations.create, setup.durations.stop]
        .map(|time| span(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)));
    format!("servers come up in {create} ({boots}) and stop in {stop} ({stops})")
}

/// Says what the figures rest on, a sentence each.
pub(super) fn notes(
    trace: &Trace,
    bounds: &[Bound],
    reports: &[Report],
    durations: &[String],
) -> Vec<String> {
    let mut notes = vec![format!(
        "Jobs come over {} and take {} each: {} hours of work.",
        span(trace.length()),
        span(trace.mean_service()),
        hours(trace.work())
    )];
    match durations {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => {
            notes.push(format!("Here {first}."));
        }
        all => {
            let of = |(report, durations): (&Report, &String)| format!("With {}, {durations}.", report.name);
            notes.extend(reports.iter().zip(all).map(of));
        }
    }
    for (bound, report) in bounds.iter().zip(reports) {
        let sentence = format!(
            "Whoever knew all of it before would pay for {} hours at the least, and for {} if no job may wait, by units of {}.",
            hours(bound.least_paid),
            hours(bound.no_wait_paid),
            duration_as_text(report.unit_millis),
        );
        if !notes.contains(&sentence) {
            notes.push(sentence);
        }
    }
    notes
}

fn hours(millis: u64) -> String {
    let tenths = (millis + 180_000) / 360_000;
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// Writes the figures as a table.
pub(super) fn table(figures: &Figures, style: Style) -> String {
    let headings: Vec<&str> = figures.headings.iter().map(String::as_str).collect();
    let mut table = table::table(style, &headings);
    for row in &figures.rows {
        table.add_row(row.iter().enumerate().map(|(index, cell)| match index {
            0 => table::text(Some(cell)),
            _ => Cell::new(cell).set_alignment(CellAlignment::Right),
        }));
    }
    table::finish(table)
}

#[derive(Serialize)]
struct Told<'a> {
    trace: &'a str,
    jobs: usize,
    trace_millis: u64,
    work_millis: u64,
    forecasts: Vec<Forecast<'a>>,
}

#[derive(Serialize)]
struct Forecast<'a> {
    #[serde(flatten)]
    report: &'a Report,
    flaps_per_hour: f64,
    least_paid_millis: u64,
    no_wait_paid_millis: u64,
}

/// Writes the figures for machines.
pub(super) fn json(trace: &Trace, bounds: &[Bound], reports: &[Report]) -> String {
    let forecasts = reports.iter().zip(bounds).map(|(report, bound)| Forecast {
        report,
        flaps_per_hour: report.flaps_per_hour_thousandths() as f64 / 1e3,
        least_paid_millis: bound.least_paid,
        no_wait_paid_millis: bound.no_wait_paid,
    });
    crate::commands::json(&Told {
        trace: &trace.name,
        jobs: trace.jobs().len(),
        trace_millis: trace.length(),
        work_millis: trace.work(),
        forecasts: forecasts.collect(),
    })
}
