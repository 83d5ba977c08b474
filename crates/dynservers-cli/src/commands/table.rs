//! Tables: aligned columns without borders, coloured by status where that is wanted.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};
use dynservers_core::Status;

use crate::terminal::{Style, shown};

/// Begins a table with its headings.
pub(crate) fn table(style: Style, headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    if style.color {
        table.enforce_styling();
    }
    table.set_header(headings.iter().map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
    table
}

/// Ends a table: its columns two spaces apart, its last line ended too.
pub(crate) fn finish(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Makes a cell of text from elsewhere; what is unknown shows as a dash.
pub(crate) fn text(content: Option<&str>) -> Cell {
    Cell::new(content.map_or_else(|| "-".to_owned(), shown))
}

/// Makes a cell of a number; what is unknown shows as a dash.
pub(crate) fn number(content: Option<u64>) -> Cell {
    let content = content.map_or_else(|| "-".to_owned(), |number| number.to_string());
    Cell::new(content).set_alignment(CellAlignment::Right)
}

/// Makes a cell of a status, in its colour.
pub(crate) fn status(status: Status) -> Cell {
    let cell = Cell::new(status.as_str());
    match color(status) {
        Some(color) => cell.fg(color),
        None => cell,
    }
}

fn color(status: Status) -> Option<Color> {
    match status {
        Status::Running => Some(Color::Green),
        Status::New | Status::Starting | Status::Rebooting => Some(Color::Cyan),
        Status::Draining | Status::Stopping | Status::Stopped | Status::Deleting => Some(Color::Yellow),
        Status::Errored | Status::Hanging => Some(Color::Red),
        Status::Deleted => Some(Color::DarkGrey),
        Status::Paused => None,
    }
}
