//! Starts: a server's program is set going under its lock, with an environment that holds nothing of the daemon's own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use dynservers_core::{Failure, labels};
use secrecy::ExposeSecret as _;
use thiserror::Error;

use crate::children;
use crate::files::{self, During as _, FileError};
use crate::intent::Intent;
use crate::lock::Lock;
use crate::place::Place;
use crate::process::TOKEN_VARIABLE;
use crate::site::Site;

/// What a server gets of the daemon's environment; also everything that begins with `LC_`.
const KEPT: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"];

/// Why a server's program could not be set going.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// A reference cannot be read.
    #[error("{0}")]
    Secret(Failure),
    /// A reference leads to what no variable can hold.
    #[error("the value of variable {name} contains the character NUL, which no variable can hold")]
    Nul { name: String },
    /// The log cannot be opened.
    #[error(transparent)]
    File(#[from] FileError),
    /// The guard cannot be started.
    #[error("cannot start the guard {}: {source}", guard.to_string_lossy())]
    Spawn { guard: OsString, source: io::Error },
}

impl Site {
    /// Starts the guard of a server, which becomes its program and holds the lock from before it exists.
    pub(crate) fn start(&self, place: &Place, intent: &Intent, lock: Lock) -> Result<(), StartError> {
        let environment = self.environment(place, intent)?;
        let path = place.log();
        files::make_way(&path)?;
        let mut options = std::fs::OpenOptions::new();
        let log = options.append(true).create(true).mode(0o600).open(&path).during("open", &path)?;
        let errors = log.try_clone().during("open", &path)?;
        let (program, arguments) = self.settings.guard.split_first().expect("a site is opened with a guard");
        let mut guard = Command::new(program);
        guard.args(arguments).arg(place.path()).current_dir(place.path());
        guard.stdin(lock.into_stdio()).stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        guard.env_clear().envs(environment).process_group(0);
        let child = guard.spawn();
        let child = child.map_err(|source| StartError::Spawn { guard: program.clone(), source })?;
        children::add(child, path);
        Ok(())
    }

    /// Gives all that a server's processes find in their environment.
    fn environment(
        &self,
        place: &Place,
        intent: &Intent,
    ) -> Result<BTreeMap<OsString, OsString>, StartError> {
        let mut all: BTreeMap<OsString, OsString> =
            std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_kept)).collect();
        for (name, text) in &intent.env {
            let value = match text.reference() {
                Some(reference) => self.secrets.read(&reference).map_err(StartError::Secret)?,
                None => text.literal().unwrap_or_default().to_owned().into(),
            };
            if value.expose_secret().contains('\0') {
                return Err(StartError::Nul { name: name.clone() });
            }
            all.insert(name.into(), value.expose_secret().into());
        }
        let label = |name: &str| intent.labels.get(name).cloned().unwrap_or_default();
        for (name, value) in [
            ("DYNSERVERS_FLEET", label(labels::FLEET)),
            ("DYNSERVERS_SERVER_NAME", intent.name.clone()),
            ("DYNSERVERS_SERVER_TYPE", label(labels::TYPE)),
            ("DYNSERVERS_SERVER_ID", label(labels::ID)),
            (TOKEN_VARIABLE, place.token().to_string()),
        ] {
            all.insert(name.into(), value.into());
        }
        all.insert("DYNSERVERS_SERVER_DIR".into(), place.root().into());
        Ok(all)
    }
}

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name) || name.starts_with("LC_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_where_and_in_which_language_is_kept() {
        for kept in ["PATH", "HOME", "LC_ALL", "TZ"] {
            assert!(is_kept(kept), "{kept}");
        }
        for secret in ["UPCLOUD_TOKEN", "AWS_SECRET_ACCESS_KEY", "PATHS", "lc_all", "LD_PRELOAD", ""] {
            assert!(!is_kept(secret), "{secret}");
        }
    }
}
