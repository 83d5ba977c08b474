//! Strict reading of a request's JSON.

use serde_json::{Map, Value};

use super::problem::Problem;

/// A JSON object of which every key is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a>(&'a Map<String, Value>);

impl<'a> Attributes<'a> {
    /// Takes the object called `name` and refuses it if it has a key that is not `known`.
    pub(super) fn of(value: &'a Value, name: &str, known: &[&str]) -> Result<Self, Problem> {
        let object = value.as_object().ok_or_else(|| Problem::unknown_attribute(name))?;
        match object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(Problem::unknown_attribute(key)),
            None => Ok(Self(object)),
        }
    }

    /// Reads a body that is one object in a wrapper, such as `{"server":{..}}`.
    pub(super) fn wrapped(body: &Value, wrapper: &str) -> Result<Value, Problem> {
        let outer = Attributes::of(body, wrapper, &[wrapper])?;
        outer.get(wrapper).cloned().ok_or_else(|| Problem::unknown_attribute(wrapper))
    }

    /// Reads a list in a wrapper, such as `{"label":[..]}`.
    pub(super) fn list(value: &'a Value, name: &str, wrapper: &str) -> Result<&'a [Value], Problem> {
        let outer = Attributes::of(value, name, &[wrapper])?;
        let list = outer.get(wrapper).ok_or_else(|| Problem::unknown_attribute(name))?;
        list.as_array().map(Vec::as_slice).ok_or_else(|| Problem::unknown_attribute(wrapper))
    }

    pub(super) fn get(self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    /// Gives a text, or refuses what is none with `code`.
    pub(super) fn text(self, key: &str, code: &'static str) -> Result<Option<&'a str>, Problem> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::invalid(code, format!("The value of {key} is not a text."))),
        }
    }

    /// Gives a text that is one of a few, or refuses it with `code`.
    pub(super) fn one_of(
        self,
        key: &str,
        code: &'static str,
        choices: &[&str],
    ) -> Result<Option<&'a str>, Problem> {
        let text = self.text(key, code)?;
        match text {
            Some(text) if !choices.contains(&text) => {
                let message = format!("The value of {key} is {text:?}, which is not one of {choices:?}.");
                Err(Problem::invalid(code, message))
            }
            _ => Ok(text),
        }
    }

    /// Gives a whole number, written as one or as a text.
    pub(super) fn number(self, key: &str, code: &'static str) -> Result<Option<u64>, Problem> {
        let refused = || Problem::invalid(code, format!("The value of {key} is not a whole number."));
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| refused()),
            Some(value) => value.as_u64().map(Some).ok_or_else(refused),
        }
    }
}
