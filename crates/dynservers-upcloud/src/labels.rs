//! Labels: the users' beside ours, and ours last.

use dynservers_core::labels::PREFIX;
use dynservers_core::{Failure, Labels};
use serde_json::{Value, json};

/// The fewest and the most characters of a label's key.
const KEY_LENGTH: std::ops::RangeInclusive<usize> = 2..=32;
/// The most characters of a label's value.
pub(crate) const VALUE_MOST: usize = 255;

/// Whether a key is one of those by which we know our servers.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Whether UpCloud takes a label's key: 2 to 32 printable ASCII characters, the first not `_`.
pub(crate) fn is_key(key: &str) -> bool {
    KEY_LENGTH.contains(&key.len())
        && key.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !key.starts_with('_')
}

/// Whether UpCloud takes a label's value.
pub(crate) fn is_value(value: &str) -> bool {
    value.chars().count() <= VALUE_MOST
}

/// Gives the keys and values of a wrapped list of labels, or nothing if it is none.
pub(crate) fn pairs(labels: &Value) -> Option<Vec<(&str, &str)>> {
    labels
        .get("label")
        .unwrap_or(labels)
        .as_array()?
        .iter()
        .map(|label| Some((label.get("key")?.as_str()?, label.get("value")?.as_str()?)))
        .collect()
}

/// Wraps labels as UpCloud wants them: the user's, if any, then ours.
///
/// Fails if the user's are no labels, or claim to be ours.
pub(crate) fn with_ours(user: Option<&Value>, ours: &Labels) -> Result<Value, Failure> {
    let user = match user {
        None => Vec::new(),
        Some(labels) => pairs(labels).ok_or_else(|| {
            Failure::new(
                "the labels in configuration are not of the form {\"label\": [{\"key\", \"value\"}]}",
            )
        })?,
    };
    if user.iter().any(|(key, _)| is_reserved(key)) {
        return Err(Failure::new("labels that begin with dynservers- are reserved"));
    }
    let ours = ours.pairs();
    let ours = ours.iter().map(|(key, value)| (*key, value.as_str()));
    let all: Vec<Value> = user.into_iter().chain(ours).map(|(key, value)| label(key, value)).collect();
    Ok(json!({ "label": all }))
}

/// Makes one label.
pub(crate) fn label(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value })
}
