//! `kind = "postgres"` of a source: what is counted in a PostgreSQL.

use std::time::Duration;

use dynservers_demand::postgres::{Encryption, InvalidPostgres, Login, Postgres, Queue};

use super::field::Field;
use super::reader::Section;

/// Queues in a PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostgresSettings {
    /// Its address, without credentials.
    pub(crate) address: String,
    /// Who logs in.
    pub(crate) login: Login,
    /// How it is kept from others what is said.
    pub(crate) encryption: Encryption,
    /// What is counted.
    pub(crate) queues: Vec<Queue>,
    /// How long the answer may take.
    pub(crate) timeout: Duration,
}

/// The keys that such a source has, and those of other kinds have not.
pub(super) const KEYS: &[&str] =
    &["url", "username", "password", "plain_postgres", "ca_file", "query", "preset", "queues"];
const URL_HELP: &str = "url = \"postgres://127.0.0.1:5432/app\"";
const WHAT_HELP: &str =
    "query = \"SELECT count(*) AS waiting FROM jobs\", or preset = \"apalis\" with queues = [\"mail\"]";
const QUEUES_MOST: usize = 64;

#[derive(Clone, Copy)]
enum Preset {
    Apalis,
    Pgmq,
    Sqlxmq,
}

const PRESETS: [(&str, Preset); 3] =
    [("apalis", Preset::Apalis), ("pgmq", Preset::Pgmq), ("sqlxmq", Preset::Sqlxmq)];

impl PostgresSettings {
    /// Makes the source.
    pub(crate) fn source(&self) -> Result<Postgres, InvalidPostgres> {
        let Self { address, login, encryption, queues, timeout } = self;
        Postgres::new(address, login.clone(), encryption.clone(), queues.clone(), *timeout)
    }
}

pub(super) fn read(section: &mut Section<'_>, timeout: Option<Duration>) -> Option<PostgresSettings> {
    let url = section.required("url", URL_HELP);
    let username = section.get("username").map(|field| field.text());
    let password = section.get("password").map(|field| field.secret("PGPASSWORD"));
    let encryption = encryption(section);
    let queues = queues(section);
    let login = Login {
        username: username.map_or(Some(None), |username| username.map(Some))?,
        password: password.map_or(Some(None), |password| password.map(|password| Some(password.into())))?,
    };
    let (url, encryption, (queues, named), timeout) = (url?, encryption?, queues?, timeout?);
    let address = url.resolved()?.text;
    let settings = PostgresSettings { address, login, encryption, queues, timeout };
    let Err(error) = settings.source() else { return Some(settings) };
    match error {
        InvalidPostgres::Credentials => {
            let help = "username = \"...\" and password = { env = \"PGPASSWORD\" }, beside it";
            url.add_hidden("holds a user or a password, which must not be written here", help);
        }
        InvalidPostgres::Queue { rule, .. } => named.add(error_of_queue(&error), rule),
        _ => url.add_hidden(error.to_string(), URL_HELP),
    }
    None
}

fn error_of_queue(error: &InvalidPostgres) -> String {
    match error {
        InvalidPostgres::Queue { name, of, .. } => format!("names {name:?}, which is no queue of {of}"),
        other => other.to_string(),
    }
}

fn encryption(section: &mut Section<'_>) -> Option<Encryption> {
    let ca_file = section.get("ca_file");
    let plain = section.get("plain_postgres").map(|field| (field.boolean(), field));
    match (ca_file, plain) {
        (Some(_), Some((Some(true), plain))) => {
            plain.add("stands beside ca_file, and without TLS there is nothing to verify", "leave one out");
            None
        }
        (_, Some((None, _))) => None,
        (Some(ca_file), Some((Some(false), _)) | None) => ca_file.path().map(Encryption::Ca),
        (None, Some((Some(true), _))) => Some(Encryption::Plain),
        (None, Some((Some(false), _)) | None) => Some(Encryption::Elsewhere),
    }
}

/// Reads what is counted, and which value says so: a query, or queues as a library keeps them.
fn queues<'r>(section: &mut Section<'r>) -> Option<(Vec<Queue>, Field<'r>)> {
    let [query, preset, names] = ["query", "preset", "queues"].map(|key| section.get(key));
    match (query, preset) {
        (None, None) => {
            section.required("query", WHAT_HELP);
            None
        }
        (Some(_), Some(preset)) => {
            preset.add("stands beside query", "make a source of its own of it");
            None
        }
        (Some(query), None) => {
            if let Some(names) = names {
                names.add("belongs to a preset", "remove it, or say preset = \"apalis\"");
            }
            let sql = query.resolved()?.text;
            Some((vec![Queue::Query { sql }], query))
        }
        (None, Some(preset)) => {
            let (_, preset) = preset.choice(&PRESETS.map(|(word, preset)| (word, (word, preset))))?;
            let names = names.or_else(|| section.required("queues", "queues = [\"mail\"]"))?;
            let items = names.items()?;
            if items.is_empty() || items.len() > QUEUES_MOST {
                names.add(format!("names {} queues", items.len()), format!("name 1 to {QUEUES_MOST}"));
                return None;
            }
            let items: Vec<_> = items.iter().map(|field| Some(field.resolved()?.text)).collect();
            let queue = |name: String| match preset {
                Preset::Apalis => Queue::Apalis { job_type: name },
                Preset::Pgmq => Queue::Pgmq { queue: name },
                Preset::Sqlxmq => Queue::Sqlxmq { channel: name },
            };
            Some((items.into_iter().map(|name| name.map(queue)).collect::<Option<_>>()?, names))
        }
    }
}
