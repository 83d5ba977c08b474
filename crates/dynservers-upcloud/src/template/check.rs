//! What is wrong with a template: all that UpCloud would refuse, as far as that can be told without asking.

use std::fmt;

use dynservers_http::Text;
use serde::Deserialize as _;
use serde_json::Value;
use thiserror::Error;

use super::Template;
use crate::labels;

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{location}: {problem}")]
#[non_exhaustive]
pub struct TemplateError {
    /// Where.
    pub location: Location,
    /// What.
    pub problem: TemplateProblem,
}

/// A place in a template. Shown as `networks[1]` or `configuration.labels.label[0].key`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Location {
    /// The way there, from the outside in; begins with a key of the template.
    pub segments: Vec<Segment>,
    /// Which part of the entry at the end of the way.
    pub part: Part,
}

/// One step of the way to a place. Closed: JSON has nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Into the value of a key.
    Key(String),
    /// Into an item of a list, counted from 0.
    Item(usize),
}

/// A part of an entry. Closed: an entry has nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key itself.
    Key,
    /// The value of the key, or the item.
    Value,
}

/// What can be wrong. None holds an SSH key, which may be a private one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// A text that must not be empty is.
    #[error("must not be empty")]
    Empty,
    /// A name of UpCloud's has characters that none of them has.
    #[error("must be one word of printable ASCII characters, not {value:?}")]
    NotAWord {
        /// The text.
        value: String,
    },
    /// A text that must be a UUID is not.
    #[error("must be a UUID, not {value:?}")]
    NotAUuid {
        /// The text.
        value: String,
    },
    /// There is no such tier.
    #[error("must be \"maxiops\", \"standard\" or \"hdd\", not {value:?}")]
    UnknownTier {
        /// The text.
        value: String,
    },
    /// There is no such network.
    #[error("must be \"public\", \"utility\" or the UUID of a private network, not {value:?}")]
    UnknownNetwork {
        /// The text.
        value: String,
    },
    /// A private key stands where a public one was expected.
    #[error("must be a public key, and this is a private one")]
    PrivateKey,
    /// A text is not one line of a public key.
    #[error("must be a public key as OpenSSH writes it")]
    NotAPublicKey,
    /// A key begins as those of our labels do.
    #[error("keys that begin with `dynservers-` are the fleet's own")]
    ReservedKey,
    /// UpCloud does not take a label's key.
    #[error("UpCloud takes keys of 2 to 32 printable ASCII characters that do not begin with `_`")]
    InvalidLabelKey,
    /// UpCloud does not take a label's value.
    #[error("UpCloud takes at most {} characters", labels::VALUE_MOST)]
    LabelValueTooLong,
    /// Labels in `configuration` are not written as UpCloud writes them.
    #[error("must be {{ label = [{{ key = \"...\", value = \"...\" }}] }}")]
    LabelsOfConfiguration,
}

impl Location {
    /// Gives the key of the template that must change.
    #[must_use]
    pub fn key(&self) -> &str {
        match self.segments.first() {
            Some(Segment::Key(key)) => key,
            Some(Segment::Item(_)) | None => "",
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Key(key) if index == 0 => formatter.write_str(key)?,
                Segment::Key(key) => write!(formatter, ".{key}")?,
                Segment::Item(item) => write!(formatter, "[{item}]")?,
            }
        }
        Ok(())
    }
}

impl Template {
    /// The tiers that a disk can have.
    pub const TIERS: [&str; 3] = ["maxiops", "standard", "hdd"];

    /// Finds everything in it that UpCloud would refuse, as far as that can be told without asking.
    ///
    /// Texts that are references are not read; texts with placeholders are taken as written.
    ///
    /// # Errors
    ///
    /// All that is wrong, never an empty list.
    pub fn validate(&self) -> Result<(), Vec<TemplateError>> {
        let mut check = Check::default();
        check.texts(self);
        check.labels(self);
        check.configuration(self);
        if check.errors.is_empty() { Ok(()) } else { Err(check.errors) }
    }
}

/// A check on its way through a template.
#[derive(Default)]
struct Check {
    way: Vec<Segment>,
    errors: Vec<TemplateError>,
}

impl Check {
    fn within(&mut self, segment: Segment, check: impl FnOnce(&mut Self)) {
        self.way.push(segment);
        check(self);
        self.way.pop();
    }

    fn within_key(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        self.within(Segment::Key(key.to_owned()), check);
    }

    fn within_items<T>(&mut self, items: &[T], mut check: impl FnMut(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            self.within(Segment::Item(index), |within| check(within, item));
        }
    }

    fn add(&mut self, part: Part, problem: TemplateProblem) {
        let location = Location { segments: self.way.clone(), part };
        self.errors.push(TemplateError { location, problem });
    }

    fn texts(&mut self, template: &Template) {
        let rules: [(_, _, Rule); 6] = [
            ("zone", Some(&template.zone), word),
            ("plan", Some(&template.plan), word),
            ("snapshot", Some(&template.snapshot), uuid),
            ("storage_tier", template.storage_tier.as_ref(), tier),
            ("user_data", template.user_data.as_ref(), |_| None),
            ("server_group", template.server_group.as_ref(), uuid),
        ];
        for (key, text, rule) in rules {
            self.within_key(key, |within| text.into_iter().for_each(|text| within.text(text, rule)));
        }
        let lists: [(_, _, Rule); 2] =
            [("ssh_keys", &template.ssh_keys, public_key), ("networks", &template.networks, network)];
        for (key, texts, rule) in lists {
            self.within_key(key, |within| within.within_items(texts, |item, text| item.text(text, rule)));
        }
    }

    fn text(&mut self, text: &Text, rule: Rule) {
        let problem = match text.literal() {
            Some(value) if value.trim().is_empty() => Some(TemplateProblem::Empty),
            Some(value) => rule(value),
            None => None,
        };
        if let Some(problem) = problem {
            self.add(Part::Value, problem);
        }
    }

    fn labels(&mut self, template: &Template) {
        self.within_key("labels", |within| {
            for (key, value) in &template.labels {
                within.within_key(key, |within| {
                    within.reserved_key(Part::Key, key);
                    within.label_key(Part::Key, key);
                    within.label_value(value);
                });
            }
        });
    }

    fn configuration(&mut self, template: &Template) {
        self.within_key("configuration", |within| {
            for (key, value) in &template.configuration {
                within.within_key(key, |within| within.entry(key, value));
            }
            // Null takes the template's own labels away, which is allowed.
            let labels = template.configuration.get("labels").filter(|labels| !labels.is_null());
            if let Some(labels) = labels {
                within.within_key("labels", |within| within.configured_labels(labels));
            }
        });
    }

    /// Looks for reserved keys, as keys and as the keys of labels, however deep.
    fn entry(&mut self, key: &str, value: &Value) {
        self.reserved_key(Part::Key, key);
        match value {
            Value::String(text) if key == "key" => self.reserved_key(Part::Value, text),
            Value::Array(_) | Value::Object(_) => self.value(value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Array(items) => self.within_items(items, Self::value),
            Value::Object(entries) => {
                for (key, value) in entries {
                    self.within_key(key, |within| within.entry(key, value));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn configured_labels(&mut self, labels: &Value) {
        let Some(list) = labels.get("label").and_then(Value::as_array) else {
            self.add(Part::Value, TemplateProblem::LabelsOfConfiguration);
            return;
        };
        self.within_key("label", |within| within.within_items(list, Self::configured_label));
    }

    fn configured_label(&mut self, label: &Value) {
        let value = label.get("value").and_then(|value| Text::deserialize(value).ok());
        let (Some(key), Some(value)) = (label.get("key").and_then(Value::as_str), value) else {
            self.add(Part::Value, TemplateProblem::LabelsOfConfiguration);
            return;
        };
        self.within_key("key", |within| within.label_key(Part::Value, key));
        self.within_key("value", |within| within.label_value(&value));
    }

    fn reserved_key(&mut self, part: Part, key: &str) {
        if labels::is_reserved(key) {
            self.add(part, TemplateProblem::ReservedKey);
        }
    }

    /// Of a reserved key it was said that it must go, which is enough.
    fn label_key(&mut self, part: Part, key: &str) {
        if !labels::is_key(key) && !labels::is_reserved(key) {
            self.add(part, TemplateProblem::InvalidLabelKey);
        }
    }

    fn label_value(&mut self, value: &Text) {
        if value.literal().is_some_and(|value| !labels::is_value(value)) {
            self.add(Part::Value, TemplateProblem::LabelValueTooLong);
        }
    }
}

/// Tells what is wrong with a text that is not empty.
type Rule = fn(&str) -> Option<TemplateProblem>;

fn word(text: &str) -> Option<TemplateProblem> {
    let wrong = !text.bytes().all(|byte| byte.is_ascii_graphic());
    wrong.then(|| TemplateProblem::NotAWord { value: text.to_owned() })
}

fn uuid(text: &str) -> Option<TemplateProblem> {
    (!is_uuid(text)).then(|| TemplateProblem::NotAUuid { value: text.to_owned() })
}

fn tier(text: &str) -> Option<TemplateProblem> {
    (!Template::TIERS.contains(&text)).then(|| TemplateProblem::UnknownTier { value: text.to_owned() })
}

fn network(text: &str) -> Option<TemplateProblem> {
    let known = matches!(text, "public" | "utility") || is_uuid(text);
    (!known).then(|| TemplateProblem::UnknownNetwork { value: text.to_owned() })
}

fn public_key(text: &str) -> Option<TemplateProblem> {
    /// What a public key begins with.
    const KINDS: [&str; 4] = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];
    let is_key = || {
        KINDS.iter().any(|kind| text.starts_with(kind))
            && text.split_whitespace().count() >= 2
            && !text.contains('\n')
    };
    if text.contains("PRIVATE KEY") {
        Some(TemplateProblem::PrivateKey)
    } else {
        (!is_key()).then_some(TemplateProblem::NotAPublicKey)
    }
}

/// Whether a text has the form of a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut parts = text.split('-');
    lengths.iter().all(|length| {
        parts
            .next()
            .is_some_and(|part| part.len() == *length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }) && parts.next().is_none()
}
