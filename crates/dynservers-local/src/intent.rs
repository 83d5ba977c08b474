//! The intent: what a server is, written before anything else of it, and never changed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dynservers_core::{FleetName, FoundLabels};
use dynservers_http::Text;
use serde::{Deserialize, Serialize};

use crate::files::{FileError, read_json};
use crate::place::Place;

/// What a server is. References to secrets stay references: what they lead to is never on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// Its name, for people.
    pub(crate) name: String,
    /// All of our labels, as any provider would keep them.
    pub(crate) labels: BTreeMap<String, String>,
    /// What it was copied from.
    pub(crate) snapshot: PathBuf,
    /// The program and its arguments, placeholders filled.
    pub(crate) command: Vec<String>,
    /// The type's own variables, placeholders filled.
    pub(crate) env: BTreeMap<String, Text>,
    /// How many bytes its log may have.
    pub(crate) log_limit: u64,
}

impl Intent {
    /// Reads the intent of a server; none if there is none that could be ours: it is missing, broken, or of another place.
    pub(crate) fn read(place: &Place) -> Result<Option<Self>, FileError> {
        let intent: Option<Self> = read_json(&place.intent())?;
        Ok(intent.filter(|intent| intent.found().token == Some(place.token()) && !intent.command.is_empty()))
    }

    /// Gives the labels as a look shows them.
    pub(crate) fn found(&self) -> FoundLabels {
        FoundLabels::from_pairs(self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    pub(crate) fn is_of(&self, fleet: &FleetName) -> bool {
        self.found().fleet.as_ref() == Some(fleet)
    }
}
