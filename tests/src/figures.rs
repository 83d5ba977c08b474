//! Figures: what was measured, beside what it may be, as a table for people and a verdict for programs.

use std::fmt;

/// A budget that is broken by more than this factor is an error; one that is broken by less is news.
const MOST_BROKEN: f64 = 2.0;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// So many a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// A ratio.
    Times,
    /// A number of things.
    Count,
}

/// What a figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
}

/// What comes of comparing a figure with its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was promised: it is told for whoever compares runs.
    Told,
    /// Within the budget.
    Ok,
    /// Outside of the budget, by a factor of two at most.
    Over,
    /// Outside of the budget by more than that.
    Broken,
}

/// Something that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    what: String,
    size: Option<u64>,
    value: f64,
    unit: Unit,
    budget: Option<Budget>,
}

impl Figure {
    /// Takes what was measured.
    pub fn new(what: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { what: what.into(), size: None, value, unit, budget: None }
    }

    /// Says for how many servers, records or calls it was measured.
    #[must_use]
    pub fn at(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Says what it may be.
    #[must_use]
    pub fn within(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Compares it with its budget.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let (is_kept, is_near) = match self.budget {
            None => return Verdict::Told,
            Some(Budget::AtMost(most)) => (self.value <= most, self.value <= most * MOST_BROKEN),
            Some(Budget::AtLeast(least)) => (self.value >= least, self.value * MOST_BROKEN >= least),
        };
        // What is no number is neither.
        match (is_kept, is_near) {
            (true, _) => Verdict::Ok,
            (false, true) => Verdict::Over,
            (false, false) => Verdict::Broken,
        }
    }

    /// Gives the exponent of its growth from a smaller size: the figure grows as the size to the power of this. Of a time
    /// for each server, 0 is as good as linear in all.
    fn growth_from(&self, smaller: &Self) -> Option<f64> {
        let (from, to) = (smaller.size? as f64, self.size? as f64);
        (from < to).then(|| (self.value / smaller.value).ln() / (to / from).ln())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Told => "-",
            Self::Ok => "ok",
            Self::Over => "over",
            Self::Broken => "BROKEN",
        })
    }
}

/// All figures of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(Vec<Figure>);

impl Table {
    /// Takes more figures.
    pub fn extend(&mut self, figures: impl IntoIterator<Item = Figure>) {
        self.0.extend(figures);
    }

    /// Counts the figures of a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|figure| figure.verdict() == verdict).count()
    }

    fn rows(&self) -> Vec<[String; 6]> {
        let mut rows = vec![["what", "size", "figure", "budget", "verdict", "growth"].map(str::to_owned)];
        for (at, figure) in self.0.iter().enumerate() {
            let before = self.0[..at].iter().rev().find(|before| before.what == figure.what);
            // Nothing has no logarithm.
            let growth =
                before.and_then(|before| figure.growth_from(before)).filter(|growth| growth.is_finite());
            let budget = figure.budget.map(|budget| match budget {
                Budget::AtMost(most) => format!("<= {}", written(most, figure.unit)),
                Budget::AtLeast(least) => format!(">= {}", written(least, figure.unit)),
            });
            rows.push([
                figure.what.clone(),
                figure.size.map(grouped).unwrap_or_default(),
                written(figure.value, figure.unit),
                budget.unwrap_or_default(),
                figure.verdict().to_string(),
                growth.map(|growth| format!("{growth:+.2}")).unwrap_or_default(),
            ]);
        }
        rows
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let mut widths = [0; 6];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &rows {
            // Words stand to the left, numbers to the right.
            let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
                0 | 4 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Writes a number as people read it.
fn written(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds if value < 1e-6 => format!("{:.0} ns", value * 1e9),
        Unit::Seconds if value < 1e-3 => format!("{:.2} µs", value * 1e6),
        Unit::Seconds if value < 1.0 => format!("{:.2} ms", value * 1e3),
        Unit::Seconds => format!("{value:.2} s"),
        Unit::PerSecond if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        Unit::PerSecond if value >= 1e3 => format!("{:.1} k/s", value / 1e3),
        Unit::PerSecond => format!("{value:.0} /s"),
        Unit::Bytes => format!("{value:.0} B"),
        Unit::Times => format!("{value:.2} x"),
        Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
        Unit::Count => format!("{value:.3}"),
    }
}

/// Writes a size with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(value: f64, most: f64) -> Verdict {
        Figure::new("a", value, Unit::Seconds).within(Budget::AtMost(most)).verdict()
    }

    fn least(value: f64, least: f64) -> Verdict {
        Figure::new("a", value, Unit::PerSecond).within(Budget::AtLeast(least)).verdict()
    }

    #[test]
    fn a_budget_is_kept_missed_or_broken_by_more_than_twice() {
        assert_eq!(
            [most(1.0, 1.0), most(1.1, 1.0), most(2.0, 1.0)],
            [Verdict::Ok, Verdict::Over, Verdict::Over]
        );
        assert_eq!([most(2.1, 1.0), most(f64::INFINITY, 1.0), most(f64::NAN, 1.0)], [Verdict::Broken; 3]);
        assert_eq!([most(0.0, 0.0), most(1.0, 0.0)], [Verdict::Ok, Verdict::Broken]);
        assert_eq!(
            [least(5.0, 5.0), least(4.0, 5.0), least(2.5, 5.0)],
            [Verdict::Ok, Verdict::Over, Verdict::Over]
        );
        assert_eq!([least(2.4, 5.0), least(0.0, 5.0), least(f64::NAN, 5.0)], [Verdict::Broken; 3]);
        assert_eq!(Figure::new("a", 9.0, Unit::Count).verdict(), Verdict::Told);
    }

    #[test]
    fn verdicts_are_counted() {
        let mut table = Table::default();
        let figure = |value| Figure::new("a", value, Unit::Times).within(Budget::AtMost(1.0));
        table.extend([figure(1.0), figure(3.0), figure(4.0)]);
        let counts = [Verdict::Told, Verdict::Ok, Verdict::Over, Verdict::Broken];
        assert_eq!(counts.map(|verdict| table.count(verdict)), [0, 1, 0, 2]);
    }

    #[test]
    fn the_table_is_aligned_and_tells_how_figures_grow_with_size() {
        let mut table = Table::default();
        let of = |value: f64, size| {
            Figure::new("the life of a server", value, Unit::Seconds).at(size).within(Budget::AtMost(1e-5))
        };
        table.extend([of(2e-6, 10), of(2e-6, 1_000), of(2e-5, 10_000)]);
        table.extend([Figure::new("calls", 3.0, Unit::Count)]);
        let expected = "\
what                    size    figure       budget  verdict  growth
the life of a server      10   2.00 µs  <= 10.00 µs  ok
the life of a server   1,000   2.00 µs  <= 10.00 µs  ok        +0.00
the life of a server  10,000  20.00 µs  <= 10.00 µs  over      +1.00
calls                                3               -
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn numbers_are_written_in_the_unit_that_suits_them() {
        let cases = [
            (2.5e-7, Unit::Seconds, "250 ns"),
            (0.0123, Unit::Seconds, "12.30 ms"),
            (12.0, Unit::Seconds, "12.00 s"),
            (1_250_000.0, Unit::PerSecond, "1.25 M/s"),
            (1_250.0, Unit::PerSecond, "1.2 k/s"),
            (900.4, Unit::PerSecond, "900 /s"),
            (1_024.2, Unit::Bytes, "1024 B"),
            (1.234, Unit::Times, "1.23 x"),
            (10_016.0, Unit::Count, "10016"),
            (1.0016, Unit::Count, "1.002"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(written(value, unit), expected);
        }
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
