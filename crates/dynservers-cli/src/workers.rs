//! Workers: how those of each type are asked, as the configuration says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dynservers_core::Asker;
use dynservers_hooks::ask::{Form, InvalidForm, Worker, Workers};
use dynservers_hooks::{Header, InvalidWeb, Program, Web};
use dynservers_http::Text;
use thiserror::Error;

use crate::config::{AskSettings, Call, Configuration};

/// Why something of the user's cannot be called at all. Nothing was called.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum CallError {
    /// A program.
    #[error("error: {key}: {source}")]
    Program {
        /// Where the configuration says it.
        key: String,
        /// What is wrong with it.
        source: InvalidForm,
    },
    /// An address.
    #[error("error: {key}: {source}")]
    Web {
        /// Where the configuration says it.
        key: String,
        /// What is wrong with it.
        source: InvalidWeb,
    },
}

/// Gives who asks the workers of a configuration's types.
pub(crate) fn asker(configuration: &Configuration) -> Result<Arc<dyn Asker>, CallError> {
    let mut types = BTreeMap::new();
    for (name, settings) in &configuration.server_types {
        let form = |ask: &Option<AskSettings>, word: &str| {
            let key = || format!("server_types.{name}.{word}");
            ask.as_ref().map(|ask| form(ask, &configuration.directory, &key)).transpose()
        };
        let drain = form(&settings.workers.drain, "drain")?;
        let busy = form(&settings.workers.busy, "busy")?;
        types.insert(name.clone(), Worker { drain, busy, networks: Vec::new() });
    }
    Ok(Arc::new(Workers::new(types)))
}

fn form(ask: &AskSettings, directory: &Path, key: &dyn Fn() -> String) -> Result<Form, CallError> {
    match &ask.call {
        Call::Command(argv) => {
            let directory = Some(directory.to_owned());
            Form::command(Program { argv: argv.clone(), timeout: ask.timeout, directory })
                .map_err(|source| CallError::Program { key: key(), source })
        }
        // Workers are in networks of their own, where nobody has certificates for addresses that come and go.
        Call::Http { url, headers } => Web::over_plain_http(url, self::headers(headers), ask.timeout)
            .map(Form::from)
            .map_err(|source| CallError::Web { key: key(), source }),
    }
}

/// Gives headers as they are sent.
pub(crate) fn headers(headers: &BTreeMap<String, Text>) -> Vec<Header> {
    headers.iter().map(|(name, value)| Header::new(name.clone(), value.clone())).collect()
}
