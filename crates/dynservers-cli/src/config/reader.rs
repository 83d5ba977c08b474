//! Reads tables key by key, and remembers which keys it was asked for, so that the rest can be refused.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::field::Field;
use super::problem::{Place, Problem, Source};

/// What a configuration is read with: its text, its surroundings, and the list of what is wrong so far.
pub(super) struct Report<'t> {
    pub(super) source: Source<'t>,
    /// What relative paths are relative to.
    pub(super) directory: PathBuf,
    /// Reads an environment variable.
    pub(super) variable: &'t dyn Fn(&str) -> Option<String>,
    /// Whether what must be on the disk for servers to be made is looked for.
    pub(super) looks_at_disk: bool,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Report<'t> {
    pub(super) fn new(
        source: Source<'t>,
        directory: PathBuf,
        variable: &'t dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self { source, directory, variable, looks_at_disk: true, problems: RefCell::default() }
    }

    /// Adds a problem at a range of the text.
    pub(super) fn add(
        &self,
        span: &Range<usize>,
        key: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.borrow_mut().push(self.problem(self.source.place(span), key, message, help));
    }

    /// Adds a problem at a range of the text that is not shown.
    pub(super) fn add_hidden(
        &self,
        span: &Range<usize>,
        key: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.borrow_mut().push(self.problem(self.source.hidden_place(span), key, message, help));
    }

    fn problem(
        &self,
        place: Place,
        key: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        Problem {
            file: self.source.file.to_owned(),
            place: Some(place),
            key: key.to_owned(),
            message: message.into(),
            help: help.into(),
        }
    }

    /// Gives what is wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// What is said of a key that nobody asked for.
pub(super) const UNKNOWN_KEY: &str = "there is no such key";
/// What is said first of a key that others of its kind have.
pub(super) const OTHERS_KEY: &str = "is a key of ";

/// Kinds of one thing, each with the keys that it has and others may not have.
pub(super) type Kinds = &'static [(&'static str, &'static [&'static str])];

/// A table that is being read.
pub(super) struct Section<'r> {
    pub(super) report: &'r Report<'r>,
    key: String,
    span: Range<usize>,
    table: &'r DeTable<'r>,
    known: Vec<&'static str>,
}

impl<'r> Section<'r> {
    pub(super) fn new(
        report: &'r Report<'r>,
        key: impl Into<String>,
        span: Range<usize>,
        table: &'r DeTable<'r>,
    ) -> Self {
        Self { report, key: key.into(), span, table, known: Vec::new() }
    }

    /// Gives the value of a key, if it is there.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Field<'r>> {
        self.known.push(key);
        self.entry(key).map(|(_, field)| field)
    }

    /// Gives the value of a key that must be there; `help` shows how it is written.
    pub(super) fn required(&mut self, key: &'static str, help: &str) -> Option<Field<'r>> {
        let field = self.get(key);
        if field.is_none() {
            self.report.add(&self.span, &self.dotted(key), "is missing", help);
        }
        field
    }

    /// Gives all keys with where they stand, and their values, for tables whose keys are the writer's own.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'r str, Range<usize>, Field<'r>)> {
        self.table.iter().map(|(name, value)| {
            let key: &'r str = name.get_ref();
            (key, name.span(), self.field(key, value.span(), value.get_ref()))
        })
    }

    /// Gives the value of any key, and where the key stands, without having asked for it.
    pub(super) fn entry(&self, key: &str) -> Option<(Range<usize>, Field<'r>)> {
        self.entries().find_map(|(name, span, field)| (name == key).then_some((span, field)))
    }

    /// Gives what relative paths are relative to.
    pub(super) fn directory(&self) -> &'r Path {
        &self.report.directory
    }

    /// Adds a problem of the table itself.
    pub(super) fn add(&self, message: impl Into<String>, help: impl Into<String>) {
        self.report.add(&self.span, &self.key, message, help);
    }

    /// Refuses every key that none of these kinds has: which one it is must be mended before more can be said.
    pub(super) fn finish_as_any(mut self, kinds: Kinds) {
        self.known.extend(kinds.iter().flat_map(|(_, keys)| keys.iter().copied()));
        self.finish();
    }

    /// Refuses every key that was not asked for.
    pub(super) fn finish(self) {
        self.finish_among(&[], "", "");
    }

    /// Refuses every key that was not asked for, and tells of which kind those are that others have: `things` are those
    /// of kind `{}`, and `this` is the one that is being read.
    pub(super) fn finish_among(self, kinds: Kinds, things: &str, this: &str) {
        for (name, _) in self.table {
            let key: &str = name.get_ref();
            if !self.known.contains(&key) {
                if let Some((kind, _)) = kinds.iter().find(|(_, keys)| keys.contains(&key)) {
                    let message = format!("{OTHERS_KEY}{}; {this}", things.replace("{}", kind));
                    self.report.add(&name.span(), &self.dotted(key), message, "remove it");
                    continue;
                }
                let help = match nearest(key, self.known.iter().copied()) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("known here: {}", self.known.join(", ")),
                };
                self.report.add(&name.span(), &self.dotted(key), UNKNOWN_KEY, help);
            }
        }
    }

    fn field(&self, key: &str, span: Range<usize>, value: &'r DeValue<'r>) -> Field<'r> {
        Field { report: self.report, key: self.dotted(key), span, value }
    }

    fn dotted(&self, key: &str) -> String {
        let plain = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
        let key = if !key.is_empty() && key.chars().all(plain) { key.to_owned() } else { format!("{key:?}") };
        if self.key.is_empty() { key } else { format!("{}.{key}", self.key) }
    }
}

/// Finds the known word that somebody probably meant: at most a third of its letters differ, rounded up.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|candidate| (distance(word, candidate), candidate));
    let near = near.filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3));
    near.min().map(|(_, candidate)| candidate)
}

/// Counts the letters to insert, remove or replace (Levenshtein). Bounded: nobody means a key by a page of text.
fn distance(one: &str, other: &str) -> usize {
    if one.len() > 64 {
        return usize::MAX;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_if_it_is_near() {
        let known = ["poll_interval", "retention", "max", "min", "zone"];
        for (word, meant) in [
            ("pol_interval", Some("poll_interval")),
            ("maxx", Some("max")),
            ("zoen", Some("zone")),
            ("zon", Some("zone")),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }

    #[test]
    fn the_distance_counts_letters() {
        for (one, other, letters) in [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3), ("ab", "ba", 2)] {
            assert_eq!((distance(one, other), distance(other, one)), (letters, letters), "{one} {other}");
        }
    }
}
