//! What a server type asks of UpCloud: read here, and checked by the template itself.

mod account;

use std::fs::{self, File};
use std::io;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use dynservers_http::{Reference, Text};
use dynservers_upcloud::{Location, Part, Segment, Template, TemplateError, TemplateProblem};
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::field::{Field, kind};
use super::reader::{Section, nearest};

pub(crate) use account::Account;
pub(super) use account::{PROVIDER_KEYS, read as read_account};

/// The keys of a type that only types on UpCloud have.
pub(super) const TYPE_KEYS: &[&str] = &[
    "zone",
    "plan",
    "storage_tier",
    "user_data",
    "user_data_file",
    "ssh_keys",
    "networks",
    "server_group",
    "labels",
    "configuration",
    "address",
];
/// What UpCloud takes as the timeout of a soft stop, in whole seconds.
pub(super) const STOP_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// How each key is written, for help.
const EXAMPLES: [(&str, &str); 9] = [
    ("zone", "zone = \"de-fra1\""),
    ("plan", "plan = \"2xCPU-4GB\""),
    ("snapshot", "snapshot = \"01000000-0000-4000-8000-000030240200\""),
    ("user_data", "user_data = \"...\", or leave it out"),
    ("ssh_keys", "ssh_keys = [\"ssh-ed25519 AAAA... name\"], a line of a .pub file"),
    ("networks", "networks = [\"public\", \"utility\"]"),
    ("server_group", "server_group = \"0b000000-0000-4000-8000-000000000000\""),
    ("labels", "labels = { team = \"jobs\" }"),
    ("configuration", "configuration = { labels = { label = [{ key = \"team\", value = \"jobs\" }] } }"),
];
const NETWORKS: [&str; 2] = ["public", "utility"];

/// Reads the keys that make up the template. All that is wrong is told, and then what is given is of no use.
pub(super) fn template(section: &mut Section<'_>) -> Template {
    let mut template = Template {
        storage_tier: optional(section, "storage_tier").or_else(|| Some(Template::TIERS[0].into())),
        user_data: user_data(section),
        ssh_keys: texts(section, "ssh_keys").unwrap_or_default(),
        networks: texts(section, "networks").unwrap_or_else(|| NETWORKS.map(Text::from).into()),
        server_group: optional(section, "server_group"),
        labels: section
            .get("labels")
            .and_then(|field| field.section())
            .as_ref()
            .map(labels)
            .unwrap_or_default(),
        configuration: section
            .get("configuration")
            .and_then(|field| field.section())
            .as_ref()
            .map(object)
            .unwrap_or_default(),
        ..Template::new(required(section, "zone"), required(section, "plan"), required(section, "snapshot"))
    };
    template.anchor_files(section.directory());
    for error in template.validate().err().unwrap_or_default() {
        tell(section, &error);
    }
    template
}

/// Takes the place of a text of which it has been told that it is none: references are not looked at.
fn unread() -> Text {
    Reference::Env(String::new()).into()
}

fn text(field: &Field<'_>) -> Text {
    field.text().unwrap_or_else(unread)
}

fn required(section: &mut Section<'_>, key: &'static str) -> Text {
    section.required(key, example(key)).map_or_else(unread, |field| text(&field))
}

fn optional(section: &mut Section<'_>, key: &'static str) -> Option<Text> {
    section.get(key).map(|field| text(&field))
}

fn texts(section: &mut Section<'_>, key: &'static str) -> Option<Vec<Text>> {
    Some(section.get(key)?.items()?.iter().map(text).collect())
}

fn labels<M: FromIterator<(String, Text)>>(section: &Section<'_>) -> M {
    section.entries().map(|(key, _, field)| (key.to_owned(), text(&field))).collect()
}

/// Reads `user_data`, or `user_data_file`, which is the same as a reference to a file that exists now.
fn user_data(section: &mut Section<'_>) -> Option<Text> {
    let literal = section.get("user_data");
    let file = section.get("user_data_file");
    if let (Some(_), Some(file)) = (&literal, &file) {
        file.add("is given beside user_data", "leave one of the two out");
    }
    let Some((path, field)) = file.and_then(|field| Some((field.path()?, field))) else {
        return literal.map(|field| text(&field));
    };
    match is_readable_file(&path) {
        Ok(true) => {}
        Ok(false) => field.add("is no file", "user_data_file = \"worker.sh\", beside this file"),
        Err(error) => {
            let help = "relative paths are relative to the configuration file's directory";
            field.add(format!("{} cannot be read: {error}", path.display()), help);
        }
    }
    Some(Reference::File(path).into())
}

/// Only files are opened: a pipe would wait for somebody to write to it.
fn is_readable_file(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.is_file() && File::open(path).map(|_| true)?)
}

/// Gives the provider's own payload as JSON.
fn object(section: &Section<'_>) -> Map<String, Value> {
    section.entries().map(|(key, _, field)| (key.to_owned(), json(&field))).collect()
}

/// Gives a value as JSON; null, which TOML does not have, for one that JSON does not have.
fn json(field: &Field<'_>) -> Value {
    match field.value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(boolean) => Value::from(*boolean),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
            if number.is_none() {
                field.add("is a larger number than can be sent", "write it as a text");
            }
            Value::from(number)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            if number.is_none() {
                field.add("is no number that JSON knows", "write it as a text");
            }
            number.map_or(Value::Null, Value::Number)
        }
        DeValue::Array(_) => field.items().unwrap_or_default().iter().map(json).collect(),
        DeValue::Table(_) => field.section().as_ref().map(object).map_or(Value::Null, Value::Object),
        DeValue::Datetime(_) => {
            field.add(format!("must be a text or a number, not {}", kind(field.value)), "write it in quotes");
            Value::Null
        }
    }
}

/// Tells what is wrong with a template, where it stands in the file.
fn tell(section: &Section<'_>, error: &TemplateError) {
    let (message, help) = (error.problem.to_string(), help(error));
    let Some((key, field)) = find(section, &error.location) else {
        section.add(error.to_string(), help);
        return;
    };
    let span = match error.location.part {
        Part::Key => &key,
        Part::Value => &field.span,
    };
    if error.problem == TemplateProblem::PrivateKey {
        field.report.add_hidden(span, &field.key, message, help);
    } else {
        field.report.add(span, &field.key, message, help);
    }
}

/// Finds a place in a table: where its key stands, or the item itself, and its value.
fn find<'r>(section: &Section<'r>, location: &Location) -> Option<(Range<usize>, Field<'r>)> {
    let (first, rest) = location.segments.split_first()?;
    let Segment::Key(first) = first else { return None };
    rest.iter().try_fold(section.entry(first)?, |(_, field), segment| match segment {
        Segment::Key(key) => field.section()?.entry(key),
        Segment::Item(index) => {
            let item = field.items()?.into_iter().nth(*index)?;
            Some((item.span.clone(), item))
        }
    })
}

fn help(error: &TemplateError) -> String {
    let key = error.location.key();
    match &error.problem {
        TemplateProblem::UnknownTier { value } => {
            let tier = nearest(value, Template::TIERS).unwrap_or(Template::TIERS[0]);
            format!("storage_tier = \"{tier}\"")
        }
        TemplateProblem::ReservedKey if key == "configuration" => "choose another key".to_owned(),
        _ => example(key).to_owned(),
    }
}

fn example(key: &str) -> &'static str {
    EXAMPLES.iter().find(|(name, _)| *name == key).map_or("", |(_, example)| example)
}
