//! One value of the file: read as what it should be, or told as a problem.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use dynservers_core::InvalidId;
use dynservers_http::{Reference, Text};
use toml::de::DeValue;

use super::reader::{Report, Section, nearest};
use crate::bytes::{self, NoSize};
use crate::duration::{self, NoDuration};

/// The value of a key.
pub(super) struct Field<'r> {
    pub(super) report: &'r Report<'r>,
    /// The key, dotted from the root.
    pub(super) key: String,
    pub(super) span: Range<usize>,
    pub(super) value: &'r DeValue<'r>,
}

impl<'r> Field<'r> {
    /// Adds a problem of this value.
    pub(super) fn add(&self, message: impl Into<String>, help: impl Into<String>) {
        self.report.add(&self.span, &self.key, message, help);
    }

    /// Adds a problem of this value, and does not show it.
    pub(super) fn add_hidden(&self, message: impl Into<String>, help: impl Into<String>) {
        self.report.add_hidden(&self.span, &self.key, message, help);
    }

    /// The last part of the key.
    pub(super) fn name(&self) -> &str {
        self.key.rsplit('.').next().unwrap_or(&self.key)
    }

    fn wrong_kind(&self, wanted: &str, help: impl Into<String>) {
        self.add(format!("must be {wanted}, not {}", kind(self.value)), help);
    }

    /// Reads a table.
    pub(super) fn section(&self) -> Option<Section<'r>> {
        let DeValue::Table(table) = self.value else {
            self.wrong_kind("a table", format!("[{}]", self.key));
            return None;
        };
        Some(Section::new(self.report, self.key.clone(), self.span.clone(), table))
    }

    /// Reads an array.
    pub(super) fn items(&self) -> Option<Vec<Field<'r>>> {
        let DeValue::Array(array) = self.value else {
            self.wrong_kind("a list", format!("{} = [ ... ]", self.name()));
            return None;
        };
        let item = |(index, item): (usize, &'r toml::Spanned<DeValue<'r>>)| Field {
            report: self.report,
            key: format!("{}[{index}]", self.key),
            span: item.span(),
            value: item.get_ref(),
        };
        Some(array.iter().enumerate().map(item).collect())
    }

    /// Reads a program and its arguments, or nothing at all, which is for the caller to judge.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        let items = self.items()?;
        let text = |item: &Self| {
            let text = item.value.as_str().map(str::to_owned);
            if text.is_none() {
                item.wrong_kind("a text", format!("{} = [\"PROGRAM\", \"ARGUMENT\"]", self.name()));
            }
            text
        };
        // Each is looked at, so that all that is wrong is told.
        items.iter().map(text).collect::<Vec<_>>().into_iter().collect()
    }

    /// Reads a program and its arguments. A program with a slash in its name is relative to the file's directory.
    pub(super) fn command(&self) -> Option<Vec<String>> {
        let mut command = self.texts()?;
        let help = format!("{} = [\"./program\", \"argument\"]", self.name());
        let Some(program) = command.first_mut().filter(|program| !program.is_empty()) else {
            self.add("must name a program", help);
            return None;
        };
        if program.contains('/') {
            let plain = program.strip_prefix("./").unwrap_or(program);
            *program = self.report.directory.join(plain).to_string_lossy().into_owned();
        }
        if command.iter().any(|argument| argument.contains('\0')) {
            self.add("must not contain the character NUL", help);
            return None;
        }
        Some(command)
    }

    /// Whether it is a text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// Reads true or false.
    pub(super) fn boolean(&self) -> Option<bool> {
        let DeValue::Boolean(boolean) = self.value else {
            self.wrong_kind("true or false", format!("{} = true", self.name()));
            return None;
        };
        Some(*boolean)
    }

    /// Reads a whole number within bounds.
    pub(super) fn count(&self, bounds: RangeInclusive<u32>) -> Option<u32> {
        let wanted = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let help = || format!("{} = {}", self.name(), (*bounds.end()).min(20));
        let DeValue::Integer(integer) = self.value else {
            self.wrong_kind(&wanted, help());
            return None;
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            self.add(format!("must be {wanted}, not {integer}"), help());
        }
        number
    }

    /// Reads a text or a reference to one. The reference is kept.
    pub(super) fn text(&self) -> Option<Text> {
        match self.value {
            DeValue::String(text) => Some(Text::from(text.as_ref())),
            DeValue::Table(_) => self.reference().map(Text::from),
            _ => {
                self.wrong_kind("a text", format!("{} = \"...\"", self.name()));
                None
            }
        }
    }

    /// Reads a secret, which may only be referred to. The literal is neither kept nor shown.
    ///
    /// `variable` is the name of an environment variable that would do.
    pub(super) fn secret(&self, variable: &str) -> Option<Reference> {
        let name = self.name();
        let help = format!(
            "{name} = {{ env = \"{variable}\" }} or {name} = {{ file = \"/run/secrets/{}\" }}",
            name.to_lowercase()
        );
        if let DeValue::Table(_) = self.value {
            return self.reference();
        }
        self.add_hidden("must not be written here: say where it is to be read from", help);
        None
    }

    /// Reads `{ env = "NAME" }` or `{ file = "PATH" }`.
    fn reference(&self) -> Option<Reference> {
        let reference = self.as_reference();
        if reference.is_none() {
            let help = format!("{0} = {{ env = \"NAME\" }} or {0} = {{ file = \"PATH\" }}", self.name());
            self.add("must be one environment variable or one file", help);
        }
        reference
    }

    /// Reads a reference if the value is one.
    pub(super) fn as_reference(&self) -> Option<Reference> {
        let table = self.value.as_table().filter(|table| table.len() == 1)?;
        let (key, value) = table.iter().next()?;
        let value = value.get_ref().as_str().filter(|value| !value.is_empty())?;
        match key.get_ref().as_ref() {
            "env" if !value.contains(['=', '\0']) => Some(Reference::Env(value.to_owned())),
            "file" if !value.contains('\0') => Some(Reference::File(self.report.directory.join(value))),
            _ => None,
        }
    }

    /// Reads a text that the daemon itself needs: a reference is followed now.
    pub(super) fn resolved(&self) -> Option<Resolved> {
        let text = self.text()?;
        let Some(reference) = text.reference() else {
            return text.literal().map(|text| Resolved { text: text.to_owned(), from: None });
        };
        let read = match &reference {
            Reference::Env(name) => (self.report.variable)(name).ok_or_else(|| "it is not set".to_owned()),
            Reference::File(path) => std::fs::read_to_string(path).map_err(|error| error.to_string()),
        };
        match read {
            Ok(text) => Some(Resolved { text: text.trim_end().to_owned(), from: Some(reference) }),
            Err(reason) => {
                self.add(format!("{reference} cannot be read: {reason}"), "set it, or write the value here");
                None
            }
        }
    }

    /// Reads a path, relative to the file's directory.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let path = self.resolved()?;
        if path.text.is_empty() || path.text.contains('\0') {
            self.add("must be a path", format!("{} = \"PATH\"", self.name()));
            return None;
        }
        Some(self.report.directory.join(path.text))
    }

    /// Reads a duration within bounds.
    pub(super) fn duration(&self, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let wanted = format!(
            "a duration from {} to {}",
            duration::show(*bounds.start()),
            duration::show(*bounds.end())
        );
        if matches!(self.value, DeValue::Integer(_) | DeValue::Float(_)) {
            self.wrong_kind(&wanted, NoDuration.to_string());
            return None;
        }
        let text = self.resolved()?;
        let help = match duration::parse(&text.text) {
            Ok(duration) if bounds.contains(&duration) => return Some(duration),
            Ok(_) => "choose one within these bounds".to_owned(),
            Err(form) => form.to_string(),
        };
        self.add(format!("must be {wanted}, not {text}"), help);
        None
    }

    /// Reads a size in bytes within bounds, with its unit or as a plain number.
    pub(super) fn size(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        let wanted =
            format!("a size from {} to {}", bytes::show(*bounds.start()), bytes::show(*bounds.end()));
        let (size, shown) = if let DeValue::Integer(integer) = self.value {
            (u64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| NoSize), integer.to_string())
        } else {
            let text = self.resolved()?;
            (bytes::parse(&text.text), text.to_string())
        };
        let help = match size {
            Ok(size) if bounds.contains(&size) => return Some(size),
            Ok(_) => "choose one within these bounds".to_owned(),
            Err(form) => form.to_string(),
        };
        self.add(format!("must be {wanted}, not {shown}"), help);
        None
    }

    /// Reads one of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.resolved()?;
        let chosen = choices.iter().find(|(word, _)| *word == text.text);
        if chosen.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let near = nearest(&text.text, choices.iter().map(|(word, _)| *word));
            let right = near.or(choices.first().map(|(word, _)| *word)).unwrap_or_default();
            let help = format!("{} = \"{right}\"", self.name());
            self.add(format!("must be {}, not {text}", words.join(" or ")), help);
        }
        chosen.map(|(_, choice)| *choice)
    }

    /// Reads a name that the core checks.
    pub(super) fn named<T>(&self, new: impl Fn(String) -> Result<T, InvalidId>) -> Option<T> {
        let text = self.resolved()?;
        match new(text.text.clone()) {
            Ok(name) => Some(name),
            Err(error) => {
                self.add(format!("{text} is not a valid {}", error.what), error.rule);
                None
            }
        }
    }
}

/// A text that the daemon itself needs, and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub(super) text: String,
    from: Option<Reference>,
}

/// Shows the text if it stands in the file; what a reference leads to is never shown.
impl fmt::Display for Resolved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            None => write!(formatter, "{:?}", self.text),
            Some(reference) => write!(formatter, "what is in {reference}"),
        }
    }
}

/// Names the kind of a value for a person.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
