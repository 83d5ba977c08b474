//! What is wrong with a configuration, told to the person who wrote it.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

/// A place in the file, with its line as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    line: usize,
    /// From 1, in characters.
    column: usize,
    /// How many characters are meant.
    width: usize,
    /// The line, with what may be a secret masked.
    text: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The file, as it was named.
    pub(super) file: String,
    /// Where in it; nothing if the file itself is the problem.
    pub(super) place: Option<Place>,
    /// The key, dotted from the root; empty if there is none.
    pub(super) key: String,
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", self.file)?;
        if let Some(place) = &self.place {
            write!(formatter, ":{}:{}", place.line, place.column)?;
        }
        if !self.key.is_empty() {
            write!(formatter, ": {}", self.key)?;
        }
        writeln!(formatter, ": {}", self.message)?;
        if let Some(place) = self.place.as_ref().filter(|place| !place.text.is_empty()) {
            writeln!(formatter, "{place}")?;
        }
        write!(formatter, "help: {}", self.help)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.line.to_string().len();
        writeln!(formatter, "{:gutter$} |", "")?;
        writeln!(formatter, "{} | {}", self.line, self.text)?;
        write!(
            formatter,
            "{:gutter$} | {:indent$}{}",
            "",
            "",
            "^".repeat(self.width),
            indent = self.column - 1
        )
    }
}

/// Everything that is wrong with a configuration, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Takes problems, if there are any, and sorts them by their place.
    pub(super) fn of(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// Gives them one by one.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n\n" };
            write!(formatter, "{separator}{problem}")?;
        }
        Ok(())
    }
}

/// The text of a configuration file, and the name to call it by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'t> {
    pub(super) file: &'t str,
    pub(super) text: &'t str,
}

/// Longer lines are cut: a key of a certificate's size would fill the screen.
const LINE_SHOWN: usize = 120;
/// What a line may assign that nobody should see over somebody's shoulder, or in a bug report.
const SECRETS: [&str; 4] = ["token", "password", "username", "secret"];

impl Source<'_> {
    /// Finds the place of a range whose content nobody may see.
    pub(super) fn hidden_place(self, span: &Range<usize>) -> Place {
        let place = self.place(span);
        let before: String = place.text.chars().take(place.column - 1).collect();
        let before = before.trim_end_matches("***");
        Place { text: format!("{before}***"), width: 3, column: before.chars().count() + 1, ..place }
    }

    /// Finds the place of a range of bytes.
    pub(super) fn place(self, span: &Range<usize>) -> Place {
        let start = floor_boundary(self.text, span.start);
        let end = floor_boundary(self.text, span.end.max(start));
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let line_end = line_start + line.len();
        let column = self.text[line_start..start].chars().count() + 1;
        let width = self.text[start..end.clamp(start, line_end.max(start))].chars().count();
        let text: String =
            shown(&self.text[..line_start], line).chars().map(printable).take(LINE_SHOWN).collect();
        let column_shown = column.min(text.chars().count() + 1);
        let room = (text.chars().count() + 1).saturating_sub(column_shown).max(1);
        Place {
            line: before.matches('\n').count() + 1,
            column: column_shown,
            width: width.clamp(1, room),
            text,
        }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn printable(char: char) -> char {
    match char {
        '\t' => ' ',
        char if char.is_control() => char::REPLACEMENT_CHARACTER,
        char => char,
    }
}

/// Gives a line as it may be shown, after the lines before it: nothing of it if it goes on with a secret.
fn shown(before: &str, line: &str) -> String {
    let mut open = None;
    for line in before.lines() {
        open = match open {
            Some(end) if line.contains(end) => None,
            Some(end) => Some(end),
            None => goes_on(line),
        };
    }
    if open.is_some() { "***".to_owned() } else { masked(line) }
}

/// Finds what ends a secret that is begun in a line and does not end there.
fn goes_on(line: &str) -> Option<&'static str> {
    let value = line[secret_value(line)?..].trim_start();
    let ends = [("\"\"\"", "\"\"\""), ("'''", "'''"), ("[", "]"), ("{", "}")];
    let (begin, end) = ends.into_iter().find(|(begin, _)| value.starts_with(begin))?;
    (!value[begin.len()..].contains(end)).then_some(end)
}

/// Cuts off what a line assigns to a key that sounds like a secret, however it is written, and an address that somebody
/// logs in with.
fn masked(line: &str) -> String {
    if let Some(at) =
        line.match_indices("://").map(|(at, mark)| at + mark.len()).find(|at| logs_in(&line[*at..]))
    {
        let before = &line[..at];
        return if secret_value(before).is_some() { masked(before) } else { format!("{before}***") };
    }
    match secret_value(line) {
        Some(value) if !line[value..].trim().is_empty() => format!("{} ***", &line[..value]),
        _ => line.to_owned(),
    }
}

/// Whether what follows the scheme of an address has a user in it.
fn logs_in(rest: &str) -> bool {
    let ends = |char: char| "/?#\"'".contains(char) || char.is_whitespace();
    rest.split(ends).next().is_some_and(|authority| authority.contains('@'))
}

/// Finds where a line begins to assign to a key that sounds like a secret.
fn secret_value(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let values = SECRETS.iter().flat_map(|word| {
        let after = lower.match_indices(word).map(|(at, word)| at + word.len());
        after.filter_map(|end| {
            let of_key = |char: char| char.is_alphanumeric() || "_-\"' \t".contains(char);
            let rest = lower[end..].trim_start_matches(of_key);
            rest.starts_with('=').then(|| lower.len() - rest.len() + 1)
        })
    });
    values.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_from_one() {
        let text = "a = 1\nü = \"ß\" # x\n";
        let place = Source { file: "f", text }.place(&(11..15));
        assert_eq!((place.line, place.column, place.width, place.text.as_str()), (2, 5, 3, "ü = \"ß\" # x"));
    }

    #[test]
    fn a_place_outside_of_the_text_is_its_end() {
        let source = Source { file: "f", text: "a\n" };
        assert_eq!(source.place(&(90..99)).line, 2);
        assert_eq!(Source { file: "f", text: "" }.place(&(0..0)).text, "");
    }

    #[test]
    fn what_sounds_like_a_secret_is_not_shown() {
        for (line, shown) in [
            ("token = \"x\"", "token = ***"),
            ("a = { \"Password\" = 'x', b = 1 }", "a = { \"Password\" = ***"),
            ("api_token_old=x", "api_token_old= ***"),
            ("providers.upcloud.token = x", "providers.upcloud.token = ***"),
            ("token =", "token ="),
            ("url = \"https://me:x@a/\", b = 1", "url = \"https://***"),
            ("token = \"x\", url = \"https://me:x@a/\"", "token = ***"),
            ("url = \"https://a/@x\"", "url = \"https://a/@x\""),
            ("# a token is not given here", "# a token is not given here"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn a_secret_that_goes_on_is_not_shown_either() {
        for before in ["token = '''\n", "token = \"\"\"x\ny\n", "token = [\n", "token = {\n"] {
            assert_eq!(shown(before, "x"), "***", "{before}");
        }
        for before in ["token = '''\nx'''\n", "token = [ ]\n", "token = \"x\"\n", "zone = [\n", ""] {
            assert_eq!(shown(before, "x"), "x", "{before}");
        }
    }
}
