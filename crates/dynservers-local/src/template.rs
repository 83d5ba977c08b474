//! The template: what a server type asks of this machine.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use dynservers_http::{Reference, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// What all variables that tell a server who it is begin with; a type may not set such.
pub const RESERVED_VARIABLES: &str = "DYNSERVERS_";
/// The least number of bytes that a log may be bounded to.
pub const LOG_LEAST: u64 = 4096;

/// What a server type asks of this machine: the body of its [`dynservers_core::Spec`].
///
/// `{name}`, `{hostname}`, `{type}` and `{id}` are filled into `command` and the values of `env`; a value of `env` may be
/// a reference instead, which is read each time the server is started and is never on the disk.
///
/// ```
/// # use dynservers_local::Template;
/// let template = Template {
///     command: vec!["./worker".into(), "--name={name}".into()],
///     env: [("QUEUE".to_owned(), "jobs".into())].into(),
///     ..Template::new("/srv/worker")
/// };
/// assert_eq!(template.check(), Ok(()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The directory that each server gets a copy of, as an absolute path.
    pub snapshot: PathBuf,
    /// The program that runs in the copy, and its arguments; a name without a slash is searched for in `PATH`.
    #[serde(default = "start")]
    pub command: Vec<String>,
    /// Variables of the server's processes, beside those that tell them who they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Text>,
    /// How many bytes the log of a server may have before it is set aside; that of the provider if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_limit: Option<u64>,
}

fn start() -> Vec<String> {
    vec!["./start".to_owned()]
}

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{location}: {problem}")]
#[non_exhaustive]
pub struct TemplateError {
    /// The key, and the entry within it, such as `env.PATH` or `command[0]`.
    pub location: String,
    /// What is wrong there.
    pub problem: TemplateProblem,
}

/// What can be wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// The snapshot's path depends on where it is read.
    #[error("must be an absolute path without `..`, not {}", path.display())]
    NotAbsolute {
        /// The path.
        path: PathBuf,
    },
    /// There is no program.
    #[error("must name a program; leave it out for ./start")]
    NoProgram,
    /// A character that no argument and no variable can have.
    #[error("must not contain the character NUL")]
    Nul,
    /// A variable cannot be called so.
    #[error("this is not the name of a variable: it must not be empty nor contain `=`")]
    NotAVariable,
    /// A variable tells servers who they are.
    #[error("variables that begin with {RESERVED_VARIABLES} tell a server who it is: use another name")]
    Reserved,
    /// A log could not hold a few lines.
    #[error("must be at least {LOG_LEAST} bytes, not {value}")]
    LogTooSmall {
        /// The value.
        value: u64,
    },
}

impl Template {
    /// Makes a template that runs `./start` in copies of a directory.
    #[must_use]
    pub fn new(snapshot: impl Into<PathBuf>) -> Self {
        Self { snapshot: snapshot.into(), command: start(), env: BTreeMap::new(), log_limit: None }
    }

    /// Finds all that is wrong with it, as far as that can be told without looking at the disk.
    ///
    /// # Errors
    ///
    /// All that is wrong, never an empty list.
    pub fn check(&self) -> Result<(), Vec<TemplateError>> {
        let mut errors = Vec::new();
        let mut add = |location: &str, problem| {
            errors.push(TemplateError { location: location.to_owned(), problem });
        };
        if !self.snapshot.is_absolute() || self.snapshot.components().any(|part| part == Component::ParentDir)
        {
            add("snapshot", TemplateProblem::NotAbsolute { path: self.snapshot.clone() });
        }
        if self.snapshot.as_os_str().as_encoded_bytes().contains(&0) {
            add("snapshot", TemplateProblem::Nul);
        }
        if self.command.first().is_none_or(String::is_empty) {
            add("command", TemplateProblem::NoProgram);
        }
        for (item, argument) in self.command.iter().enumerate() {
            if argument.contains('\0') {
                add(&format!("command[{item}]"), TemplateProblem::Nul);
            }
        }
        for (name, value) in &self.env {
            let location = format!("env.{name}");
            if name.is_empty() || name.contains('=') {
                add(&location, TemplateProblem::NotAVariable);
            }
            if name.starts_with(RESERVED_VARIABLES) {
                add(&location, TemplateProblem::Reserved);
            }
            if name.contains('\0') || value.literal().is_some_and(|value| value.contains('\0')) {
                add(&location, TemplateProblem::Nul);
            }
        }
        if let Some(value) = self.log_limit.filter(|value| *value < LOG_LEAST) {
            add("log_limit", TemplateProblem::LogTooSmall { value });
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Lists the references, so that a host can try them before it starts.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        self.env.values().filter_map(Text::reference).collect()
    }

    /// Makes relative paths relative to `base`, the folder of the configuration that they stand in.
    pub fn anchor_files(&mut self, base: &Path) {
        self.snapshot = base.join(&self.snapshot);
        self.env.values_mut().for_each(|value| value.anchor_file(base));
    }
}

/// The body of a specification. References stay references, so that a ledger never holds a secret. A path that is not
/// Unicode is written as far as it is.
impl From<&Template> for Value {
    fn from(template: &Template) -> Self {
        let mut lossless = template.clone();
        lossless.snapshot = template.snapshot.to_string_lossy().into_owned().into();
        serde_json::to_value(lossless).expect("the path is Unicode and the map's keys are strings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_out_has_a_default_and_what_is_unknown_is_refused() {
        let template: Template = serde_json::from_value(json!({"snapshot": "/srv/worker"})).unwrap();
        assert_eq!(template, Template::new("/srv/worker"));
        assert_eq!(Value::from(&template), json!({"snapshot": "/srv/worker", "command": ["./start"]}));
        let error = serde_json::from_value::<Template>(json!({"snapshot": "/a", "plan": "x"})).unwrap_err();
        assert!(error.to_string().contains("unknown field `plan`"), "{error}");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_its_place() {
        let wrong: Template = serde_json::from_value(json!({
            "snapshot": "worker",
            "command": ["", "a\u{0}"],
            "env": {"": "a", "A=B": "a", "DYNSERVERS_FLEET": "a", "NUL": "\u{0}", "FINE": {"env": "X"}},
            "log_limit": 10,
        }))
        .unwrap();
        let told: Vec<String> = wrong.check().unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "snapshot: must be an absolute path without `..`, not worker",
                "command: must name a program; leave it out for ./start",
                "command[1]: must not contain the character NUL",
                "env.: this is not the name of a variable: it must not be empty nor contain `=`",
                "env.A=B: this is not the name of a variable: it must not be empty nor contain `=`",
                "env.DYNSERVERS_FLEET: variables that begin with DYNSERVERS_ tell a server who it is: use another name",
                "env.NUL: must not contain the character NUL",
                "log_limit: must be at least 4096 bytes, not 10",
            ]
        );
        assert_eq!(wrong.references(), [Reference::Env("X".into())]);
    }

    #[test]
    fn relative_paths_are_those_of_the_configuration() {
        let mut template = Template::new("worker");
        template.env.insert("KEY".into(), Text::File { file: "key".into() });
        template.anchor_files(Path::new("/etc/fleet"));
        assert_eq!(template.snapshot, Path::new("/etc/fleet/worker"));
        assert_eq!(template.references(), [Reference::File("/etc/fleet/key".into())]);
        assert_eq!(template.check(), Ok(()));
    }
}
