//! The commands that operate a fleet: what they ask of the daemon, and what they tell a person.

mod change;
mod cost;
mod events;
mod explain;
mod list;
mod overriding;
mod plan;
mod status;
pub(crate) mod table;
mod tell;
mod wait;

use std::io::{self, Write as _};

use dynservers_core::{StoreError, TypeName};
use thiserror::Error;

use crate::api::client::{Client, ClientError};
use crate::exit::Exit;
use crate::rehearsal::RehearsalError;
use crate::site::Site;

pub(crate) use change::Change;
pub(crate) use events::{Wish, events};
pub(crate) use explain::{Question, explain};
pub(crate) use list::list;
pub(crate) use overriding::overriding;
pub(crate) use plan::plan;
pub(crate) use status::{sentences as alarms_of, status};

impl Site {
    /// Gives a way to the daemon.
    fn client(&self) -> Client {
        Client::new(self.endpoint.clone())
    }

    /// Gives the type that is meant: the one named, or the only one.
    pub(crate) fn server_type(&self, named: Option<TypeName>) -> Result<TypeName, CommandError> {
        match (named, self.types.as_slice()) {
            (Some(named), _) => Ok(named),
            (None, [only]) => Ok(only.clone()),
            (None, types) => Err(CommandError::WhichType { types: types.to_vec() }),
        }
    }
}

/// Why a command came to nothing.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// The daemon could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon is down, and its store cannot be read.
    #[error("the daemon is down, and what it left cannot be read: {0}")]
    Store(#[from] StoreError),
    /// There are several types, or none, and none was named.
    #[error("{}", which_type(types))]
    WhichType {
        /// The types there are.
        types: Vec<TypeName>,
    },
    /// The words of a command say nothing that can be done.
    #[error("{message}")]
    Words {
        /// What is wrong with them, and what would be right.
        message: String,
    },
    /// What was found out could not be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    /// There was nothing to plan by.
    #[error("{}", .0.to_string().trim_start_matches("error: "))]
    Rehearsal(#[from] RehearsalError),
    /// A task of this process broke down.
    #[error("the store's reader broke down")]
    Broken,
}

fn which_type(types: &[TypeName]) -> String {
    if types.is_empty() {
        return "no server type is configured: add a [server_types.NAME] table".to_owned();
    }
    let names = types.iter().map(TypeName::as_str).collect::<Vec<_>>().join(", ");
    format!("there are several server types: say which by --type ({names})")
}

impl CommandError {
    /// Gives the code that the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Client(ClientError::NoDaemon { .. }) => Exit::NoDaemon,
            Self::Client(ClientError::Refused(problem)) if problem.is_usage() => Exit::Usage,
            Self::Client(
                ClientError::Refused(_)
                | ClientError::Unreachable { .. }
                | ClientError::NoToken { .. }
                | ClientError::NoAnswer { .. }
                | ClientError::Strange { .. }
                | ClientError::NoRandom(_),
            )
            | Self::Store(_)
            | Self::Output(_)
            | Self::Broken => Exit::Failed,
            Self::WhichType { .. } | Self::Words { .. } => Exit::Usage,
            Self::Rehearsal(error) => error.exit(),
        }
    }
}

/// Writes a result; a reader that has seen enough is no error.
pub(crate) fn emit(text: &str) -> Result<(), CommandError> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a value as JSON for machines.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("answers have a JSON form");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use dynservers_core::{FleetName, Refusal};

    use super::*;
    use crate::api::Endpoint;
    use crate::api::report::AddressChoice;

    fn site(types: &[&str]) -> Site {
        Site {
            fleet: FleetName::new("workers").unwrap(),
            types: types.iter().map(|name| TypeName::new(*name).unwrap()).collect(),
            endpoint: Endpoint::Unix(PathBuf::from("/nonexistent/api.sock")),
            store: PathBuf::from("/nonexistent/fleet.db"),
            addresses: AddressChoice::new(),
            costs: crate::site::Costs::new(),
            last_words: crate::site::LastWords::new(),
        }
    }

    #[test]
    fn the_type_may_be_left_out_if_there_is_one() {
        assert_eq!(site(&["web"]).server_type(None).unwrap().as_str(), "web");
        let named = Some(TypeName::new("db").unwrap());
        assert_eq!(site(&["web"]).server_type(named.clone()).unwrap().as_str(), "db");
        assert_eq!(site(&["a", "b"]).server_type(named).unwrap().as_str(), "db");
        let error = site(&["a", "b"]).server_type(None).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert_eq!(error.to_string(), "there are several server types: say which by --type (a, b)");
        assert!(site(&[]).server_type(None).unwrap_err().to_string().contains("[server_types.NAME]"));
    }

    #[test]
    fn a_name_that_is_wrong_is_bad_usage_and_any_other_refusal_a_failure() {
        let exit = |refusal: Refusal| CommandError::Client(ClientError::Refused(refusal.into())).exit();
        let server_type = TypeName::new("db").unwrap();
        assert_eq!(exit(Refusal::RetiredType { server_type: server_type.clone() }), Exit::Usage);
        assert_eq!(exit(Refusal::UnknownType { server_type, known: Vec::new() }), Exit::Usage);
        assert_eq!(exit(Refusal::NotSeenYet), Exit::Failed);
        assert_eq!(exit(Refusal::ShuttingDown), Exit::Failed);
    }

    #[tokio::test]
    async fn without_daemon_and_store_there_is_no_daemon() {
        let site = site(&["web"]);
        assert_eq!(list(&site, false, false, true).await.unwrap_err().exit(), Exit::NoDaemon);
        assert_eq!(status(&site, true).await.unwrap_err().exit(), Exit::NoDaemon);
        let takeover = Change::Takeover.carry_out(&site).await.unwrap_err();
        assert_eq!(takeover.exit(), Exit::NoDaemon);
    }
}
