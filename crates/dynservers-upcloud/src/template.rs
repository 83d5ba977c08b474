//! The template: what a server type asks of UpCloud.

mod check;

use std::collections::BTreeMap;
use std::path::Path;

use dynservers_http::{Reference, Text, template};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use check::is_uuid;
pub use check::{Location, Part, Segment, TemplateError, TemplateProblem};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The body of a specification. References stay references, so that a ledger never holds a secret.
impl From<&Template> for Value {
    fn from(template: &Template) -> Self {
        serde_json::to_value(template).expect("every map in a template has keys that are strings")
    }
}
