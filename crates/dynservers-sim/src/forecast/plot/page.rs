//! The page: figures and plot in one file that asks nobody for anything.

use super::super::figures::Figures;
use super::super::report::Report;
use super::{draw, escaped};

const SHEET: &str = "
:root{color-scheme:light dark}
body{margin:2rem auto;max-width:64rem;padding:0 1rem;font:15px/1.45 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;
background:#fff;color:#1b2026}
h1{font-size:1.3rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;white-space:nowrap}
th,td{padding:.3rem .5rem;text-align:right;border-bottom:1px solid #e4e7eb;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}
svg{max-width:100%;height:auto}
@media (prefers-color-scheme:dark){body{background:#14181d;color:#eef1f4}th,td{border-color:#2a3038}}
";

/// Makes a page of forecasts of one trace, with a note on what they rest on.
#[must_use]
pub fn html(title: &str, note: &str, reports: &[Report]) -> String {
    let figures = Figures::of(reports);
    let cells = |name: &str, cells: &[String]| {
        let cells = cells.iter().map(|cell| format!("<{name}>{}</{name}>", escaped(cell)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let rows: String = figures.rows.iter().map(|row| cells("td", row)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title}</title>\n<style>{SHEET}</style>\n<h1>{title}</h1>\n<p>{note}</p>\n\
         <div class=\"wide\"><table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n\
         <div class=\"wide\">{svg}</div>\n</html>\n",
        title = escaped(title),
        note = escaped(note),
        head = cells("th", &figures.headings),
        svg = draw(title, 0, reports),
    )
}
