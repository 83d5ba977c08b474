//! Placeholders: what a program's arguments and a web address may say of a server.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

use thiserror::Error;

/// The placeholders that there are.
const KNOWN: [&str; 5] = ["name", "type", "id", "address", "provider_id"];

/// What is known of a server: the values of the placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `{name}`: its name.
    pub name: String,
    /// `{type}`: its type.
    pub server_type: String,
    /// `{id}`: the number of its record.
    pub id: String,
    /// `{address}`: the address that it is asked at, if one is known.
    pub address: Option<String>,
    /// `{provider_id}`: the provider's id of it, if it has one.
    pub provider_id: Option<String>,
}

/// Where a text stands, and so how values are written into it. Closed on purpose: each place has its own rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An argument of a program: as it is, since no shell reads it.
    Argument,
    /// A web address: percent-encoded, an IPv6 address in brackets.
    Url,
}

/// Why a text cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FillError {
    /// There is no such placeholder.
    #[error(
        "there is no placeholder {{{0}}}: use {{name}}, {{type}}, {{id}}, {{address}} or {{provider_id}}, \
         or write {{{{{0}}}}} where these braces are not ours"
    )]
    Unknown(String),
    /// Its value is not known of this server.
    #[error("the server has no {0} yet")]
    Missing(&'static str),
}

/// Refuses a text with a placeholder that does not exist.
///
/// A placeholder is a word of lower-case letters, digits and `_` in braces. Everything else in braces is left alone, and
/// so are `${word}` and `{{word}}`, which belong to others.
pub fn check(text: &str) -> Result<(), FillError> {
    parts(text).into_iter().try_for_each(|part| match part {
        Part::Word(word) if !KNOWN.contains(&word) => Err(FillError::Unknown(word.to_owned())),
        Part::Word(_) | Part::Text(_) => Ok(()),
    })
}

/// Whether a text has any placeholder.
pub(crate) fn has_any(text: &str) -> bool {
    parts(text).iter().any(|part| matches!(part, Part::Word(_)))
}

/// Fills the placeholders of a text, in one pass: what was filled in is not read again.
pub fn fill(text: &str, subject: &Subject, place: Place) -> Result<String, FillError> {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Word(word) => write_value(&mut filled, value(word, subject)?, place),
        }
    }
    Ok(filled)
}

fn value<'a>(word: &str, subject: &'a Subject) -> Result<&'a str, FillError> {
    match word {
        "name" => Ok(&subject.name),
        "type" => Ok(&subject.server_type),
        "id" => Ok(&subject.id),
        "address" => subject.address.as_deref().ok_or(FillError::Missing("address")),
        "provider_id" => subject.provider_id.as_deref().ok_or(FillError::Missing("provider id")),
        _ => Err(FillError::Unknown(word.to_owned())),
    }
}

fn write_value(filled: &mut String, value: &str, place: Place) {
    match place {
        Place::Argument => filled.push_str(value),
        Place::Url if value.parse::<Ipv6Addr>().is_ok() => {
            filled.push('[');
            filled.push_str(value);
            filled.push(']');
        }
        Place::Url => {
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                    filled.push(char::from(byte));
                } else {
                    // Writing to a string cannot fail.
                    let _ = write!(filled, "%{byte:02X}");
                }
            }
        }
    }
}

enum Part<'a> {
    Text(&'a str),
    Word(&'a str),
}

/// Splits a text at its placeholders.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(found) = rest[from..].find('{').map(|offset| from + offset) {
        match word(&rest[found..]) {
            Some(word) if !rest[..found].ends_with(['$', '{']) => {
                parts.extend([Part::Text(&rest[..found]), Part::Word(word)]);
                (rest, from) = (&rest[found + word.len() + 2..], 0);
            }
            Some(_) | None => from = found + 1,
        }
    }
    parts.push(Part::Text(rest));
    parts
}

/// Gives the word in braces that a text begins with.
fn word(text: &str) -> Option<&str> {
    let (word, _) = text.strip_prefix('{')?.split_once('}')?;
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!word.is_empty() && word.bytes().all(valid)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            name: "web 1/é".into(),
            server_type: "web".into(),
            id: "7".into(),
            address: Some("fd00::7".into()),
            provider_id: None,
        }
    }

    #[test]
    fn values_are_written_as_their_place_wants_them() {
        for (text, place, expected) in [
            ("http://{address}:9000/{type}/{name}", Place::Url, "http://[fd00::7]:9000/web/web%201%2F%C3%A9"),
            ("{name}{id}", Place::Argument, "web 1/é7"),
            ("--address={address}", Place::Argument, "--address=fd00::7"),
            (
                "${name} {{name}} {print $1} {} {\"a\":{id}}",
                Place::Argument,
                "${name} {{name}} {print $1} {} {\"a\":7}",
            ),
        ] {
            assert_eq!(fill(text, &subject(), place).unwrap(), expected);
        }
    }

    #[test]
    fn what_was_filled_in_is_not_read_again() {
        let subject = Subject { name: "{id}".into(), ..subject() };
        assert_eq!(fill("{name}", &subject, Place::Argument).unwrap(), "{id}");
    }

    #[test]
    fn what_does_not_exist_is_refused_by_name() {
        assert_eq!(check("a {hostname}"), Err(FillError::Unknown("hostname".into())));
        assert_eq!(check("{name} ${other} {{other}}"), Ok(()));
        assert_eq!(fill("{provider_id}", &subject(), Place::Url), Err(FillError::Missing("provider id")));
    }
}
