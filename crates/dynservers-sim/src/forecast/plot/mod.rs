//! Plots of forecasts: what waits, what servers there are and what they cost, as SVG and as a page of its own.

mod axis;
mod line;
mod page;
mod style;

use std::fmt::Write as _;

use axis::{Axis, Span};
use line::{Line, steps};

use super::figures::{money, tenths};
use super::report::{Report, Sample};

pub use page::html;

/// Where things are, in pixels.
const WIDTH: u64 = 960;
const LEFT: u64 = 64;
const RIGHT: u64 = 24;
const PANEL: u64 = 170;
const GAP: u64 = 56;
const LEGEND: u64 = 22;
const HEAD: u64 = 36;

/// One panel.
struct Panel<'a> {
    title: &'a str,
    /// What its lines are, drawn whole and dashed.
    keys: &'a [&'a str],
    lines: Vec<Line>,
    /// How the numbers at its side are written.
    label: fn(u64) -> String,
}

/// Draws forecasts of one trace as SVG that can be read on light and on dark ground.
///
/// The panels have one axis of time: the queue, the servers, and what has to be paid for. Each forecast has a colour.
#[must_use]
pub fn svg(title: &str, reports: &[Report]) -> String {
    draw(title, HEAD, reports)
}

/// Draws with so much room for the title; without any, whoever shows the plot has it already.
fn draw(title: &str, head: u64, reports: &[Report]) -> String {
    // Whoever never comes to an end must not push the day itself into a corner.
    let ends = reports.iter().map(|report| report.length_millis.min(report.trace_millis / 4 * 5));
    let end = ends.max().unwrap_or(0).max(1);
    let time = Axis::of_time(end, WIDTH - LEFT - RIGHT);
    let has_price = !reports.is_empty() && reports.iter().all(|report| report.cost_millionths.is_some());
    let panels = [
        Panel {
            title: "Jobs",
            keys: &["waiting", "in hand"],
            lines: lines(reports, &time, &[|sample| sample.waiting, |sample| sample.in_flight]),
            label: |count| count.to_string(),
        },
        Panel {
            title: "Servers",
            keys: &["running", "wanted"],
            lines: lines(
                reports,
                &time,
                &[|sample| u64::from(sample.running), |sample| u64::from(sample.desired)],
            ),
            label: |count| count.to_string(),
        },
        Panel {
            title: if has_price { "Cost, in all" } else { "Hours paid for, in all" },
            keys: &[],
            lines: paid(reports, has_price),
            label: if has_price { money } else { |paid| tenths(paid, 1_000) },
        },
    ];
    let top = head + 40 + LEGEND * reports.len().div_ceil(2) as u64;
    let height = top + panels.len() as u64 * (PANEL + GAP) - LEGEND;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"forecast\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{0}\">\n<title>{0}</title>\n<style>{1}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        escaped(title),
        style::SHEET,
    );
    if head > 0 {
        let _ = writeln!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"28\">{}</text>", escaped(title));
    }
    legend(&mut svg, head + 16, reports);
    for (index, panel) in panels.iter().enumerate() {
        panel.draw(&mut svg, top + index as u64 * (PANEL + GAP), &time);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Names the forecasts, two a row.
fn legend(svg: &mut String, top: u64, reports: &[Report]) {
    for (index, report) in reports.iter().enumerate() {
        let x = LEFT + (index as u64 % 2) * (WIDTH - LEFT - RIGHT) / 2;
        let y = top + (index as u64 / 2) * LEGEND;
        let (end, text, class) = (x + 28, x + 36, style::colour(index));
        let _ = writeln!(
            svg,
            "<path class=\"line {class}\" d=\"M{x} {0}H{end}\"/><text x=\"{text}\" y=\"{y}\">{1}</text>",
            y - 4,
            escaped(&report.name)
        );
    }
}

fn lines(reports: &[Report], time: &Axis, values: &[fn(&Sample) -> u64]) -> Vec<Line> {
    let mut lines = Vec::new();
    // What is drawn later lies over it: the first forecast over the others, and what is whole over what is dashed.
    for (index, report) in reports.iter().enumerate().rev() {
        for (at, value) in values.iter().enumerate() {
            let points = report.samples.iter().map(|sample| (sample.at, value(sample)));
            let points = line::thinned(points, time);
            lines.push(Line {
                class: style::colour(index),
                is_dashed: at > 0,
                end: report.length_millis,
                points,
            });
        }
    }
    lines.sort_by_key(|line| !line.is_dashed);
    lines
}

fn paid(reports: &[Report], has_price: bool) -> Vec<Line> {
    let one = |(index, report): (usize, &Report)| {
        let scaled = |paid: u64| match report.cost_millionths.filter(|_| has_price) {
            Some(cost) => {
                let part = u128::from(cost) * u128::from(paid) / u128::from(report.paid_millis.max(1));
                u64::try_from(part).unwrap_or(u64::MAX)
            }
            // In thousandths of an hour, so that round numbers are round hours.
            None => paid / 3_600,
        };
        let points = report.paid.iter().map(|(at, paid)| (*at, scaled(*paid)));
        Line {
            class: style::colour(index),
            is_dashed: false,
            end: report.length_millis,
            points: std::iter::once((0, 0)).chain(points).collect(),
        }
    };
    reports.iter().enumerate().rev().map(one).collect()
}

impl Panel<'_> {
    fn draw(&self, svg: &mut String, top: u64, time: &Axis) {
        let most = self.lines.iter().filter_map(|line| line.points.iter().map(|point| point.1).max()).max();
        let axis = Axis::of_numbers(most.unwrap_or(0), PANEL);
        let (bottom, right) = (top + PANEL, WIDTH - RIGHT);
        let _ = writeln!(svg, "<text class=\"heading\" x=\"{LEFT}\" y=\"{}\">{}</text>", top - 8, self.title);
        let mut x = LEFT + 110;
        for (index, key) in self.keys.iter().enumerate() {
            let class = if index == 0 { "line key" } else { "line key dashed" };
            let _ = writeln!(
                svg,
                "<path class=\"{class}\" d=\"M{x} {}h28\"/><text x=\"{}\" y=\"{}\">{key}</text>",
                top - 12,
                x + 34,
                top - 8
            );
            x += 110;
        }
        for tick in axis.ticks() {
            let y = bottom - axis.pixels(tick);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y}H{right}\"/><text class=\"number\" x=\"{}\" y=\"{}\">{}</text>",
                LEFT - 8,
                y + 4,
                (self.label)(tick)
            );
        }
        for tick in time.ticks() {
            let x = LEFT + time.pixels(tick);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{x} {top}V{bottom}\"/><text class=\"time\" x=\"{x}\" y=\"{}\">{}</text>",
                bottom + 18,
                Span(tick)
            );
        }
        for line in &self.lines {
            let dashed = if line.is_dashed { " dashed" } else { "" };
            let path = steps(line, time, &axis, (LEFT, bottom));
            let _ = writeln!(svg, "<path class=\"line {}{dashed}\" d=\"{path}\"/>", line.class);
        }
        let _ = writeln!(svg, "<path class=\"frame\" d=\"M{LEFT} {top}V{bottom}H{right}\"/>");
    }
}

/// Makes text safe within XML and HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            char if char.is_control() => safe.push('\u{fffd}'),
            char => safe.push(char),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
