//! The template: what a server type asks of UpCloud.

use std::collections::BTreeMap;
use std::path::Path;

use dynservers_http::{Reference, Text, template};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::labels;

/// What a server type asks of UpCloud: the body of its [`dynservers_core::Spec`].
///
/// Every [`Text`] may hold placeholders (`{name}`, `{hostname}`, `{type}`, `{id}`) or be a reference; so may every
/// string value within `configuration`. [`dynservers_http::template`] says what exactly is filled. Two things are not
/// to be chosen: the host name, which is made from the server's name, and labels that begin with `dynservers-`.
///
/// ```
/// # use dynservers_upcloud::Template;
/// let template = Template {
///     networks: vec!["public".into(), "utility".into()],
///     labels: [("team".to_owned(), "jobs".into())].into(),
///     ..Template::new("de-fra1", "2xCPU-4GB", "01000000-0000-4000-8000-000000000001")
/// };
/// assert_eq!(template.validate(), Ok(()));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The zone, for example `de-fra1`.
    pub zone: Text,
    /// The plan, for example `2xCPU-4GB`.
    pub plan: Text,
    /// The UUID of the custom image or disk to clone; a custom image lives in one zone.
    pub snapshot: Text,
    /// The tier of the disk, `maxiops`, `standard` or `hdd`; that of the snapshot if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_tier: Option<Text>,
    /// A script, or the URL of one, that the guest runs when it boots for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<Text>,
    /// Public keys that may log in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_keys: Vec<Text>,
    /// `public`, `utility`, or the UUID of a private network; if empty, what UpCloud gives by itself: public and
    /// utility.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Text>,
    /// The UUID of the server group to put the server into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_group: Option<Text>,
    /// Labels beside ours. Keys hold no placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Text>,
    /// UpCloud's own fields of `server`, merged (RFC 7386) over all that the other keys make: objects merge, lists are
    /// replaced whole, null takes away.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub configuration: Map<String, Value>,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A text that must not be empty is.
    #[error("{key} is empty")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// A text that must be a UUID is not.
    #[error("{key} is {value:?}, which is not a UUID like \"01000000-0000-4000-8000-000000000001\"")]
    NotAUuid {
        /// The key.
        key: &'static str,
        /// The text.
        value: String,
    },
    /// There is no such tier.
    #[error("storage_tier is {value:?}: \"maxiops\", \"standard\" or \"hdd\" was expected")]
    UnknownTier {
        /// The text.
        value: String,
    },
    /// There is no such network.
    #[error("networks has {value:?}: \"public\", \"utility\" or the UUID of a private network was expected")]
    UnknownNetwork {
        /// The text.
        value: String,
    },
    /// A label's key begins as ours do.
    #[error("{key} has a label {label:?}: labels that begin with \"dynservers-\" are reserved")]
    ReservedLabel {
        /// The key in the template.
        key: &'static str,
        /// The label's key.
        label: String,
    },
    /// UpCloud does not take a label's key.
    #[error(
        "{key} has a label {label:?}: 2 to 32 printable ASCII characters, the first not '_', were expected"
    )]
    InvalidLabelKey {
        /// The key in the template.
        key: &'static str,
        /// The label's key.
        label: String,
    },
    /// UpCloud does not take a label's value.
    #[error("{key} has a label {label:?} whose value is longer than 255 characters")]
    LabelValueTooLong {
        /// The key in the template.
        key: &'static str,
        /// The label's key.
        label: String,
    },
    /// The labels in `configuration` are not written as UpCloud writes them.
    #[error("configuration.labels must be {{ label = [{{ key = \"...\", value = \"...\" }}] }}")]
    LabelsOfConfiguration,
}

impl TemplateError {
    /// Gives the key of the template that must change.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Empty { key }
            | Self::NotAUuid { key, .. }
            | Self::ReservedLabel { key, .. }
            | Self::InvalidLabelKey { key, .. }
            | Self::LabelValueTooLong { key, .. } => key,
            Self::UnknownTier { .. } => "storage_tier",
            Self::UnknownNetwork { .. } => "networks",
            Self::LabelsOfConfiguration => "configuration",
        }
    }
}

impl Template {
    /// Makes a template of what every server needs.
    #[must_use]
    pub fn new(zone: impl Into<Text>, plan: impl Into<Text>, snapshot: impl Into<Text>) -> Self {
        Self {
            zone: zone.into(),
            plan: plan.into(),
            snapshot: snapshot.into(),
            storage_tier: None,
            user_data: None,
            ssh_keys: Vec::new(),
            networks: Vec::new(),
            server_group: None,
            labels: BTreeMap::new(),
            configuration: Map::new(),
        }
    }

    /// Finds everything in it that UpCloud would refuse, as far as that can be told without asking.
    ///
    /// Texts that are references are not read; texts with placeholders are taken as written.
    pub fn validate(&self) -> Result<(), Vec<TemplateError>> {
        let mut errors = Vec::new();
        self.check_texts(&mut errors);
        self.check_labels(&mut errors);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn check_texts(&self, errors: &mut Vec<TemplateError>) {
        let present = [
            ("zone", Some(&self.zone)),
            ("plan", Some(&self.plan)),
            ("snapshot", Some(&self.snapshot)),
            ("storage_tier", self.storage_tier.as_ref()),
            ("user_data", self.user_data.as_ref()),
            ("server_group", self.server_group.as_ref()),
        ];
        let present = present.into_iter().filter_map(|(key, text)| Some((key, text?)));
        let lists = self.ssh_keys.iter().map(|text| ("ssh_keys", text));
        let lists = lists.chain(self.networks.iter().map(|text| ("networks", text)));
        for (key, text) in present.chain(lists) {
            let Some(value) = text.literal() else { continue };
            let owned = || value.to_owned();
            match key {
                _ if value.trim().is_empty() => errors.push(TemplateError::Empty { key }),
                "snapshot" | "server_group" if !is_uuid(value) => {
                    errors.push(TemplateError::NotAUuid { key, value: owned() });
                }
                "storage_tier" if !matches!(value, "maxiops" | "standard" | "hdd") => {
                    errors.push(TemplateError::UnknownTier { value: owned() });
                }
                "networks" if !matches!(value, "public" | "utility") && !is_uuid(value) => {
                    errors.push(TemplateError::UnknownNetwork { value: owned() });
                }
                _ => {}
            }
        }
    }

    fn check_labels(&self, errors: &mut Vec<TemplateError>) {
        for (label, value) in &self.labels {
            errors.extend(label_error("labels", label, value.literal().unwrap_or_default()));
        }
        // Null takes the template's own labels away, which is allowed.
        let Some(configured) = self.configuration.get("labels").filter(|labels| !labels.is_null()) else {
            return;
        };
        let Some(list) = configured.get("label").and_then(Value::as_array) else {
            errors.push(TemplateError::LabelsOfConfiguration);
            return;
        };
        for label in list {
            let value = label.get("value").and_then(|value| Text::deserialize(value).ok());
            match (label.get("key").and_then(Value::as_str), value) {
                (Some(key), Some(value)) => {
                    errors.extend(label_error("configuration", key, value.literal().unwrap_or_default()));
                }
                _ => errors.push(TemplateError::LabelsOfConfiguration),
            }
        }
    }

    /// Lists the references, so that a host can try them before it starts.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        let texts = [&self.zone, &self.plan, &self.snapshot].into_iter();
        let texts = texts.chain(&self.storage_tier).chain(&self.user_data).chain(&self.server_group);
        let texts = texts.chain(&self.ssh_keys).chain(&self.networks).chain(self.labels.values());
        let mut references: Vec<Reference> = texts.filter_map(Text::reference).collect();
        references.extend(self.configuration.values().flat_map(template::references));
        references
    }

    /// Makes relative paths of files relative to `base`, the folder of the configuration that they stand in.
    pub fn anchor_files(&mut self, base: &Path) {
        let texts = [&mut self.zone, &mut self.plan, &mut self.snapshot].into_iter();
        let texts =
            texts.chain(&mut self.storage_tier).chain(&mut self.user_data).chain(&mut self.server_group);
        let texts = texts.chain(&mut self.ssh_keys).chain(&mut self.networks).chain(self.labels.values_mut());
        texts.for_each(|text| text.anchor_file(base));
        self.configuration.values_mut().for_each(|value| template::anchor_files(value, base));
    }
}

fn label_error(key: &'static str, label: &str, value: &str) -> Option<TemplateError> {
    let label_owned = || label.to_owned();
    if labels::is_reserved(label) {
        Some(TemplateError::ReservedLabel { key, label: label_owned() })
    } else if !labels::is_key(label) {
        Some(TemplateError::InvalidLabelKey { key, label: label_owned() })
    } else if !labels::is_value(value) {
        Some(TemplateError::LabelValueTooLong { key, label: label_owned() })
    } else {
        None
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

/// The body of a specification. References stay references, so that a ledger never holds a secret.
impl From<&Template> for Value {
    fn from(template: &Template) -> Self {
        serde_json::to_value(template).expect("every map in a template has keys that are strings")
    }
}
