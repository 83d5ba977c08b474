//! Figures: what a forecast found, as people read it in a table.

use super::report::Report;

/// A table of forecasts, side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// What the columns are.
    pub headings: Vec<String>,
    /// A row for each forecast; its first cell is the name.
    pub rows: Vec<Vec<String>>,
}

const HOUR: u64 = 3_600_000;

impl Figures {
    /// Makes the table. What a price is in is for the reader to know.
    #[must_use]
    pub fn of(reports: &[Report]) -> Self {
        let has_price = reports.iter().any(|report| report.cost_millionths.is_some());
        let mut headings = vec!["", "wait p50", "p95", "p99", "longest", "server-hours", "paid hours"];
        headings.extend(has_price.then_some("cost"));
        headings.extend(["flaps/h", "killed", "left", "most servers"]);
        let rows = reports.iter().map(|report| {
            let mut row = vec![report.name.clone()];
            let waits = [report.wait.p50, report.wait.p95, report.wait.p99, report.wait.max];
            row.extend(waits.map(span));
            row.push(tenths(report.server_millis, HOUR));
            row.push(tenths(report.paid_millis, HOUR));
            if has_price {
                row.push(report.cost_millionths.map_or_else(|| "-".to_owned(), money));
            }
            row.push(tenths(report.flaps_per_hour_thousandths(), 1_000));
            row.extend([report.jobs_killed, report.jobs_left].map(|count| count.to_string()));
            row.push(report.most_servers.to_string());
            row
        });
        Self { headings: headings.into_iter().map(str::to_owned).collect(), rows: rows.collect() }
    }
}

/// Writes a time in its two largest units, such as `3m 20s`.
#[must_use]
pub fn span(millis: u64) -> String {
    let seconds = (millis + 500) / 1_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match (hours, minutes, seconds % 60) {
        (0, 0, _) if millis < 10_000 => format!("{}s", tenths(millis, 1_000)),
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

/// Writes a fraction with one digit after the point, and without where it is whole.
pub(super) fn tenths(number: u64, unit: u64) -> String {
    let tenths = (number.saturating_mul(10) + unit / 2) / unit.max(1);
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// Writes millionths of a currency with two digits after the point.
pub(super) fn money(millionths: u64) -> String {
    let cents = (millionths + 5_000) / 10_000;
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        let spans = [0, 400, 9_900, 12_400, 60_000, 371_000, 3_599_700, 7_260_000].map(span);
        assert_eq!(spans, ["0s", "0.4s", "9.9s", "12s", "1m 00s", "6m 11s", "1h 00m", "2h 01m"]);
        assert_eq!([0, 50, 149, 1_000].map(|number| tenths(number, 100)), ["0", "0.5", "1.5", "10"]);
        assert_eq!([0, 5_000, 1_234_567, 20_000_000].map(money), ["0.00", "0.01", "1.23", "20.00"]);
    }
}
