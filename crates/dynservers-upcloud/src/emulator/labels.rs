//! Labels: reading, checking, writing.

use serde_json::{Value, json};

use super::attributes::Attributes;
use super::problem::Problem;

/// Labels in the order in which they were given; keys are unique.
pub(super) type Labels = Vec<(String, String)>;

/// Reads `{"label":[{"key":..,"value":..}]}`.
pub(super) fn read(value: &Value) -> Result<Labels, Problem> {
    let mut labels = Labels::new();
    for entry in Attributes::list(value, "labels", "label")? {
        let entry = Attributes::of(entry, "label", &["key", "value"])?;
        let key = entry.text("key", "INVALID_LABEL_KEY")?.unwrap_or_default();
        let value = entry.text("value", "INVALID_LABEL_VALUE")?.unwrap_or_default();
        check(key, value)?;
        if labels.iter().any(|(other, _)| other == key) {
            return Err(Problem::invalid("DUPLICATE_LABEL_KEYS", format!("The label {key} is given twice.")));
        }
        labels.push((key.to_owned(), value.to_owned()));
    }
    Ok(labels)
}

/// Checks one label. Keys that begin with an underscore are the provider's own.
pub(super) fn check(key: &str, value: &str) -> Result<(), Problem> {
    let printable = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !(2..=32).contains(&key.len()) || !printable || key.starts_with('_') {
        return Err(Problem::invalid("INVALID_LABEL_KEY", format!("The label key {key:?} is invalid.")));
    }
    if value.chars().count() > 255 {
        return Err(Problem::invalid(
            "INVALID_LABEL_VALUE",
            format!("The value of label {key} is too long."),
        ));
    }
    Ok(())
}

pub(super) fn write(labels: &Labels) -> Value {
    let labels: Vec<_> = labels.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({"label": labels})
}

pub(super) fn value_of<'a>(labels: &'a Labels, key: &str) -> Option<&'a str> {
    labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(value: &Value) -> &'static str {
        read(value).unwrap_err().code
    }

    fn one(key: &str, value: &str) -> Value {
        json!({"label": [{"key": key, "value": value}]})
    }

    #[test]
    fn what_is_read_is_written_in_the_same_order() {
        let labels = json!({"label": [{"key": "zz", "value": "1"}, {"key": "aa", "value": ""}]});
        assert_eq!(write(&read(&labels).unwrap()), labels);
        assert!(read(&one(&"k".repeat(32), &"ä".repeat(255))).is_ok());
    }

    #[test]
    fn what_the_provider_refuses_is_refused() {
        for key in ["", "k", "_own", "k\u{e4}y", "tab\there", &"k".repeat(33)] {
            assert_eq!(code(&one(key, "")), "INVALID_LABEL_KEY", "{key:?}");
        }
        assert_eq!(code(&one("key", &"v".repeat(256))), "INVALID_LABEL_VALUE");
        assert_eq!(code(&json!({"label": [{"key": "key", "value": 1}]})), "INVALID_LABEL_VALUE");
        let twice = json!({"label": [{"key": "kk", "value": "1"}, {"key": "kk", "value": "2"}]});
        assert_eq!(code(&twice), "DUPLICATE_LABEL_KEYS");
        for bare in [json!([{"key": "kk", "value": "v"}]), json!({}), json!({"label": [{"name": "kk"}]})] {
            assert_eq!(code(&bare), "UNKNOWN_ATTRIBUTE", "{bare}");
        }
    }
}
