//! What a server type asks of UpCloud, checked as far as it can be without asking there.
//!
//! The result is the specification as the ledger keeps it: texts, and references to texts that are read when
//! a request is built.

use dynservers_core::labels::PREFIX;
use dynservers_http::Reference;
use serde_json::{Map, Value, json};
use toml::de::DeValue;

use super::field::{Field, Text, kind};
use super::reader::Section;

const SNAPSHOT: &str = "snapshot = \"01000000-0000-4000-8000-000030240200\"";
const TIERS: [(&str, &str); 3] = [("maxiops", "maxiops"), ("standard", "standard"), ("hdd", "hdd")];
/// What an OpenSSH public key begins with.
const KEY_KINDS: [&str; 4] = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];

/// Reads the keys that make up the specification. What is wrong is told and left out.
pub(super) fn template(section: &mut Section<'_>) -> Value {
    let mut spec = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        value.and_then(|value| spec.insert(key.to_owned(), value));
    };
    put("zone", section.required("zone", "zone = \"de-fra1\"").and_then(|field| word(&field, "de-fra1")));
    put("plan", section.required("plan", "plan = \"2xCPU-4GB\"").and_then(|field| word(&field, "2xCPU-4GB")));
    put("snapshot", section.required("snapshot", SNAPSHOT).and_then(|field| uuid(&field, SNAPSHOT)));
    put("storage_tier", tier(section));
    put("user_data", user_data(section));
    put("ssh_keys", list(section, "ssh_keys", ssh_key).or_else(|| Some(json!([]))));
    put("networks", list(section, "networks", network).or_else(|| Some(json!(["public", "utility"]))));
    let group = "server_group = \"0b000000-0000-4000-8000-000000000000\"";
    put("server_group", section.get("server_group").and_then(|field| uuid(&field, group)));
    put("labels", section.get("labels").and_then(|field| labels(&field)).or_else(|| Some(json!({}))));
    put("configuration", configuration(section).or_else(|| Some(json!({}))));
    Value::Object(spec)
}

fn value(text: Text) -> Value {
    match text {
        Text::Literal(text) => Value::String(text),
        Text::Reference(reference) => referred(reference),
    }
}

fn referred(reference: Reference) -> Value {
    match reference {
        Reference::Env(name) => json!({ "env": name }),
        Reference::File(path) => json!({ "file": path.to_string_lossy() }),
    }
}

/// Reads a text without white space.
fn word(field: &Field<'_>, example: &str) -> Option<Value> {
    let text = field.text()?;
    if text
        .literal()
        .is_some_and(|text| text.is_empty() || text.contains(|char: char| !char.is_ascii_graphic()))
    {
        field.add("must be one word", format!("{} = \"{example}\"", field.name()));
        return None;
    }
    Some(value(text))
}

fn uuid(field: &Field<'_>, help: &str) -> Option<Value> {
    let text = field.text()?;
    if let Some(literal) = text.literal().filter(|text| !is_uuid(text)) {
        field.add(format!("must be a UUID, not {literal:?}"), help);
        return None;
    }
    Some(value(text))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn tier(section: &mut Section<'_>) -> Option<Value> {
    match section.get("storage_tier") {
        None => Some(json!("maxiops")),
        // A reference is kept like any other text of the request.
        Some(field) => match field.as_reference() {
            Some(reference) => Some(referred(reference)),
            None => field.choice(&TIERS).map(|tier| json!(tier)),
        },
    }
}

/// Reads `user_data`, or `user_data_file`, which is the same as a reference to a file that exists now.
fn user_data(section: &mut Section<'_>) -> Option<Value> {
    let literal = section.get("user_data");
    let file = section.get("user_data_file");
    if let (Some(_), Some(file)) = (&literal, &file) {
        file.add("is given beside user_data", "leave one of the two out");
    }
    let path = file.and_then(|field| Some((field.path()?, field)));
    if let Some((path, field)) = path {
        return match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(found) if found.is_file() => Some(referred(Reference::File(path))),
            Ok(_) => {
                field.add("is no file", "user_data_file = \"worker.sh\", beside this file");
                None
            }
            Err(error) => {
                let help = "relative paths are relative to the configuration file's directory";
                field.add(format!("{} cannot be read: {error}", path.display()), help);
                None
            }
        };
    }
    literal.and_then(|field| field.text()).map(value)
}

/// Reads a list, item by item.
fn list(
    section: &mut Section<'_>,
    key: &'static str,
    item: impl Fn(&Field<'_>) -> Option<Value>,
) -> Option<Value> {
    let items = section.get(key)?.items()?;
    Some(Value::Array(items.iter().filter_map(item).collect()))
}

fn ssh_key(field: &Field<'_>) -> Option<Value> {
    const HELP: &str = "ssh_keys = [\"ssh-ed25519 AAAA... name\"], a line of a .pub file";
    let text = field.text()?;
    if text.literal().is_some_and(|key| key.contains("PRIVATE KEY")) {
        field.add_hidden("must be a public key, and this is a private one", HELP);
        return None;
    }
    let is_key = |key: &str| {
        KEY_KINDS.iter().any(|kind| key.starts_with(kind))
            && key.split_whitespace().count() >= 2
            && !key.contains('\n')
    };
    if text.literal().is_some_and(|key| !is_key(key)) {
        field.add("must be a public key as OpenSSH writes it", HELP);
        return None;
    }
    Some(value(text))
}

fn network(field: &Field<'_>) -> Option<Value> {
    let text = field.text()?;
    let known = |text: &str| matches!(text, "public" | "utility") || is_uuid(text);
    if let Some(literal) = text.literal().filter(|text| !known(text)) {
        let message =
            format!("must be \"public\", \"utility\" or the UUID of a private network, not {literal:?}");
        field.add(message, "networks = [\"public\", \"utility\"]");
        return None;
    }
    Some(value(text))
}

/// Reads the user's own labels. UpCloud: keys of 2 to 32 printable characters, values of up to 255.
fn labels(field: &Field<'_>) -> Option<Value> {
    const HELP: &str = "labels = { team = \"jobs\" }";
    let section = field.section()?;
    let mut labels = Map::new();
    for (key, span, field) in section.entries() {
        let problem = if key.starts_with(PREFIX) {
            Some(format!("keys that begin with `{PREFIX}` are the daemon's own"))
        } else if key.starts_with('_')
            || !(2..=32).contains(&key.len())
            || !key.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        {
            Some(
                "UpCloud takes keys of 2 to 32 printable ASCII characters that do not begin with `_`"
                    .to_owned(),
            )
        } else {
            None
        };
        if let Some(problem) = problem {
            field.report.add(&span, &field.key, problem, HELP);
        }
        let Some(text) = field.text() else { continue };
        if text.literal().is_some_and(|text| text.chars().count() > 255) {
            field.add("UpCloud takes at most 255 characters", HELP);
        }
        labels.insert(key.to_owned(), value(text));
    }
    Some(Value::Object(labels))
}

fn configuration(section: &mut Section<'_>) -> Option<Value> {
    let field = section.get("configuration")?;
    field.section()?;
    json_of(&field)
}

/// Gives the provider's own payload as JSON, references kept.
fn json_of(field: &Field<'_>) -> Option<Value> {
    match field.value {
        DeValue::String(text) => {
            // A label as the provider writes it: `{ key = "...", value = "..." }`.
            if field.name() == "key" && text.starts_with(PREFIX) {
                field.add(
                    format!("keys that begin with `{PREFIX}` are the daemon's own"),
                    "choose another key",
                );
            }
            Some(Value::String(text.clone().into_owned()))
        }
        DeValue::Boolean(boolean) => Some(Value::Bool(*boolean)),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
            if number.is_none() {
                field.add("is a larger number than can be sent", "write it as a text");
            }
            number.map(Value::from)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            if number.is_none() {
                field.add("is no number that JSON knows", "write it as a text");
            }
            number.map(Value::Number)
        }
        DeValue::Array(_) => Some(Value::Array(field.items()?.iter().filter_map(json_of).collect())),
        DeValue::Table(_) => match field.as_reference() {
            Some(reference) => Some(referred(reference)),
            None => object(field),
        },
        DeValue::Datetime(_) => {
            field.add(format!("must be a text or a number, not {}", kind(field.value)), "write it in quotes");
            None
        }
    }
}

fn object(field: &Field<'_>) -> Option<Value> {
    let section = field.section()?;
    let mut object = Map::new();
    for (key, span, field) in section.entries() {
        if key.starts_with(PREFIX) {
            let message = format!("keys that begin with `{PREFIX}` are the daemon's own");
            field.report.add(&span, &field.key, message, "choose another key");
        }
        if let Some(value) = json_of(&field) {
            object.insert(key.to_owned(), value);
        }
    }
    Some(Value::Object(object))
}
