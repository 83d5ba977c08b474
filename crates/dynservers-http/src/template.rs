//! Templates: from a specification's JSON to the payload for one server.
//!
//! Pure but for the [`Secrets`] port. What is filled in, and what is not:
//!
//! - `{name}`, `{hostname}`, `{type}` and `{id}` are filled into every string *value*, however deep; keys stay.
//! - Everything else in braces is left alone, and so are `${name}` and `{{name}}`: user data is full of braces of its
//!   own, and there these belong to a shell or a template engine.
//! - An object with exactly one key, `env` or `file`, and a string value is a reference and stands for the string that
//!   it leads to. That string is taken as it is: placeholders in it are not filled.

use std::fmt;
use std::path::{Path, PathBuf};

use dynservers_core::{Failure, ServerId, TypeName};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use crate::secrets::{Reference, Secrets};

/// The most characters of a host name, the strictest that a provider is known to ask for.
const HOSTNAME_MOST: usize = 128;
/// The most characters between two dots of a host name (RFC 1035, section 2.3.4).
const HOSTNAME_LABEL_MOST: usize = 63;

/// What a server is called: the values of the placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// `{name}`: the server's name, for people.
    pub name: String,
    /// `{hostname}`: the name as a valid host name.
    pub hostname: String,
    /// `{type}`: the server type.
    pub server_type: String,
    /// `{id}`: the number of the record.
    pub id: String,
}

impl Names {
    /// Names a server; the host name is [`hostname`] of the name.
    #[must_use]
    pub fn new(name: &str, server_type: &TypeName, server: ServerId) -> Self {
        Self {
            name: name.to_owned(),
            hostname: hostname(name),
            server_type: server_type.to_string(),
            id: server.to_string(),
        }
    }

    /// Fills the placeholders of a text, in one pass: what was filled in is not read again.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(brace) = text[at..].find('{').map(|offset| at + offset) {
            filled.push_str(&text[at..brace]);
            let found =
                if text[..brace].ends_with(['$', '{']) { None } else { self.placeholder(&text[brace..]) };
            let (value, length) = found.unwrap_or(("{", 1));
            filled.push_str(value);
            at = brace + length;
        }
        filled.push_str(&text[at..]);
        filled
    }

    /// Finds the value of the placeholder that a text begins with, and the placeholder's length.
    fn placeholder(&self, text: &str) -> Option<(&str, usize)> {
        [
            ("{name}", &self.name),
            ("{hostname}", &self.hostname),
            ("{type}", &self.server_type),
            ("{id}", &self.id),
        ]
        .into_iter()
        .find(|(placeholder, _)| text.starts_with(placeholder))
        .map(|(placeholder, value)| (value.as_str(), placeholder.len()))
    }
}

/// Makes a valid DNS host name out of any name, the same for the same name.
///
/// Lower case; what is neither an ASCII letter, a digit, `-` nor `.` becomes `-`; no label is empty, longer than 63
/// characters or has `-` at an edge; 128 characters in all. A name of which nothing remains becomes `server`.
/// Different names may give the same host name.
#[must_use]
pub fn hostname(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|character| match character.to_ascii_lowercase() {
            valid @ ('a'..='z' | '0'..='9' | '-' | '.') => valid,
            _ => '-',
        })
        .collect();
    let labels = name.split('.').map(|label| {
        let label = label.trim_matches('-');
        label[..label.len().min(HOSTNAME_LABEL_MOST)].trim_end_matches('-')
    });
    let whole = labels.filter(|label| !label.is_empty()).collect::<Vec<_>>().join(".");
    let host = whole[..whole.len().min(HOSTNAME_MOST)].trim_end_matches(['-', '.']);
    if host.is_empty() { "server".to_owned() } else { host.to_owned() }
}

/// JSON with everything filled in and resolved, and so perhaps with secrets; its Debug shows none of it.
#[derive(Clone, PartialEq)]
pub struct Rendered(Value);

impl Rendered {
    /// Gives the JSON, for the body of a request and nothing else.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Rendered([redacted])")
    }
}

/// Fills the placeholders of a JSON value and resolves its references.
///
/// The failure is that of the first reference that cannot be read.
pub fn render(template: &Value, names: &Names, secrets: &dyn Secrets) -> Result<Rendered, Failure> {
    render_value(template, names, secrets).map(Rendered)
}

fn render_value(template: &Value, names: &Names, secrets: &dyn Secrets) -> Result<Value, Failure> {
    Ok(match template {
        Value::String(text) => Value::String(names.fill(text)),
        Value::Array(values) => Value::Array(
            values.iter().map(|value| render_value(value, names, secrets)).collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => match reference(map) {
            Some(reference) => Value::String(secrets.read(&reference)?.expose_secret().to_owned()),
            None => Value::Object(
                map.iter()
                    .map(|(key, value)| Ok((key.clone(), render_value(value, names, secrets)?)))
                    .collect::<Result<_, Failure>>()?,
            ),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
    })
}

/// Reads an object as a reference, if it is one.
fn reference(map: &Map<String, Value>) -> Option<Reference> {
    let mut entries = map.iter();
    match (entries.next()?, entries.next()) {
        ((key, Value::String(name)), None) if key == "env" => Some(Reference::Env(name.clone())),
        ((key, Value::String(path)), None) if key == "file" => Some(Reference::File(PathBuf::from(path))),
        _ => None,
    }
}

/// Lists the references in a JSON value, so that a host can try them before it starts.
#[must_use]
pub fn references(template: &Value) -> Vec<Reference> {
    match template {
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Object(map) => match reference(map) {
            Some(reference) => vec![reference],
            None => map.values().flat_map(references).collect(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Makes relative paths in file references relative to `base`, the folder of the configuration that they stand in.
pub fn anchor_files(template: &mut Value, base: &Path) {
    match template {
        Value::Array(values) => values.iter_mut().for_each(|value| anchor_files(value, base)),
        Value::Object(map) => match reference(map) {
            Some(Reference::File(path)) => {
                let path = base.join(path).to_string_lossy().into_owned();
                map.insert("file".to_owned(), Value::String(path));
            }
            Some(Reference::Env(_)) => {}
            None => map.values_mut().for_each(|value| anchor_files(value, base)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Applies a merge patch (RFC 7386): objects merge key by key, null removes a key, anything else replaces.
///
/// To be given rendered values: two unresolved references would merge into an object that is none.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(&key);
            } else {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
