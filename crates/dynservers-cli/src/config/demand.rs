//! `[[server_types.NAME.sources]]`: how much work there is for a type, beside the policy that makes a number of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use dynservers_core::{Billing, PolicyConfig};
use dynservers_http::Text;

use super::call::{Asked, headers, plain_http, url};
use super::field::Field;
use super::policy::{self, SlotSettings};
use super::postgres::{self, PostgresSettings};
use super::rabbitmq::{self, RabbitMqSettings};
use super::reader::{Kinds, Section};
use super::redis::{self, RedisSettings};

/// Where it is read how much work there is for a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemandSettings {
    /// From one measurement to the next.
    pub(crate) interval: Duration,
    /// What is added up.
    pub(crate) sources: Vec<SourceSettings>,
    /// The bounds that hold at certain times.
    pub(crate) schedule: Vec<SlotSettings>,
}

/// One place where work is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceSettings {
    /// A program that prints the number, or JSON with `waiting` and perhaps `in_flight`.
    Command {
        /// It and its arguments; it runs in the configuration's directory.
        command: Vec<String>,
        /// How long it may take.
        timeout: Duration,
    },
    /// An address that answers with JSON.
    Http {
        /// The address.
        url: String,
        /// Whether it may be asked in the clear although it is another machine.
        plain: bool,
        /// Where in the JSON the number of waiting jobs is.
        pointer: String,
        /// Where in the JSON the number of jobs in hand is.
        in_flight: Option<String>,
        /// The headers, with references unresolved.
        headers: BTreeMap<String, Text>,
        /// How long the answer may take.
        timeout: Duration,
    },
    /// Queues in a PostgreSQL.
    Postgres(PostgresSettings),
    /// A Prometheus that is asked by instant queries.
    Prometheus {
        /// Its address.
        url: String,
        /// Whether it may be asked in the clear although it is another machine.
        plain: bool,
        /// What gives the number of waiting jobs.
        query: String,
        /// What gives the number of jobs in hand.
        in_flight: Option<String>,
        /// The headers, with references unresolved.
        headers: BTreeMap<String, Text>,
        /// How long all of it may take.
        timeout: Duration,
    },
    /// Queues in a `RabbitMQ`.
    RabbitMq(RabbitMqSettings),
    /// Queues in a Redis.
    Redis(RedisSettings),
    /// A directory with a file for each job.
    Spool {
        /// The directory; absolute.
        directory: PathBuf,
    },
}

#[derive(Clone, Copy)]
enum SourceKind {
    Command,
    Http,
    Postgres,
    Prometheus,
    RabbitMq,
    Redis,
    Spool,
}

const KINDS: [(&str, SourceKind); 7] = [
    ("command", SourceKind::Command),
    ("http", SourceKind::Http),
    ("postgres", SourceKind::Postgres),
    ("prometheus", SourceKind::Prometheus),
    ("rabbitmq", SourceKind::RabbitMq),
    ("redis", SourceKind::Redis),
    ("spool", SourceKind::Spool),
];
/// The keys that sources of some kinds have only.
const KEYS: Kinds = &[
    ("command", &["command"]),
    ("http", &["url", "headers", "plain_http", "pointer", "in_flight"]),
    ("postgres", postgres::KEYS),
    ("prometheus", &["url", "headers", "plain_http", "query", "in_flight"]),
    ("rabbitmq", rabbitmq::KEYS),
    ("redis", redis::KEYS),
    ("spool", &["directory"]),
];
/// The sources of one type, each of which is asked at every measurement.
const SOURCES_MOST: usize = 16;
const INTERVAL: Duration = Duration::from_secs(60);
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(86_400);
const TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);

/// Reads sources and policy, which go together; `servers` is how many servers the type may have, `billing` what they are
/// paid for unless that is said.
pub(super) fn read(
    section: &mut Section<'_>,
    servers: RangeInclusive<u32>,
    billing: Option<Billing>,
) -> Option<(PolicyConfig, DemandSettings)> {
    let (sources, policy) = (section.get("sources"), section.get("policy"));
    let interval = section.get("demand_interval");
    match (sources, policy) {
        (Some(sources), Some(policy)) => {
            let interval = interval.map_or(Some(INTERVAL), |field| field.duration(INTERVALS));
            let (sources, policy) = (self::sources(&sources), policy::read(&policy, servers, billing));
            let (policy, schedule) = policy?;
            Some((policy, DemandSettings { interval: interval?, sources: sources?, schedule }))
        }
        (Some(sources), None) => {
            sources.add(
                "says how much work there is, and nothing says how many servers that asks for",
                POLICY_HELP,
            );
            None
        }
        (None, given) => {
            let interval = interval.filter(|_| given.is_none());
            for field in given.into_iter().chain(interval) {
                field.add("is of no use without sources: nothing says how much work there is", SOURCES_HELP);
            }
            None
        }
    }
}

const POLICY_HELP: &str = "policy = { jobs_per_server = 10 }, in the type's own table";
const SOURCES_HELP: &str = "sources = [{ kind = \"spool\", directory = \"jobs\" }], or remove it";

fn sources(field: &Field<'_>) -> Option<Vec<SourceSettings>> {
    let items = field.items()?;
    if items.is_empty() {
        field.add("is empty", SOURCES_HELP);
    } else if items.len() > SOURCES_MOST {
        field.add(format!("has {} sources, and {SOURCES_MOST} are the most", items.len()), "leave some out");
    }
    let sources: Vec<Option<SourceSettings>> = items.iter().map(source).collect();
    sources.into_iter().collect()
}

fn source(field: &Field<'_>) -> Option<SourceSettings> {
    let mut section = field.section()?;
    let kind = section.required(
        "kind",
        "kind = \"command\", \"http\", \"postgres\", \"prometheus\", \"rabbitmq\", \"redis\" or \"spool\"",
    );
    let (word, kind) =
        kind.and_then(|field| field.choice(&KINDS.map(|(word, kind)| (word, (word, kind)))))?;
    let source = match kind {
        SourceKind::Command => {
            let command = section.required("command", "command = [\"./queue-length\"]");
            let command = command.and_then(|field| field.command());
            let timeout = timeout(&mut section);
            command.and_then(|command| Some(SourceSettings::Command { command, timeout: timeout? }))
        }
        SourceKind::Http => {
            let url = section.required("url", "url = \"https://queue.example/stats\"");
            let (headers, asked) = (headers(&mut section), plain_http(&mut section));
            let url = url.and_then(|field| self::url(&field, &headers, asked));
            let plain = asked == Asked::Once { plain: true };
            let waiting = section.get("pointer").map_or(Some(String::new()), |field| pointer(&field));
            let in_flight = section.get("in_flight").map_or(Some(None), |field| pointer(&field).map(Some));
            let timeout = timeout(&mut section);
            url.and_then(|url| {
                let (pointer, in_flight, timeout) = (waiting?, in_flight?, timeout?);
                Some(SourceSettings::Http { url, plain, pointer, in_flight, headers, timeout })
            })
        }
        SourceKind::Postgres => {
            let timeout = timeout(&mut section);
            postgres::read(&mut section, timeout).map(SourceSettings::Postgres)
        }
        SourceKind::Prometheus => {
            let url = section.required("url", "url = \"http://127.0.0.1:9090\"");
            let (headers, asked) = (headers(&mut section), plain_http(&mut section));
            let url = url.and_then(|field| self::url(&field, &headers, asked));
            let plain = asked == Asked::Once { plain: true };
            let query = section.required("query", "query = \"sum(jobs_waiting)\"");
            let query = query.and_then(|field| self::query(&field));
            let in_flight =
                section.get("in_flight").map_or(Some(None), |field| self::query(&field).map(Some));
            let timeout = timeout(&mut section);
            url.and_then(|url| {
                let (query, in_flight, timeout) = (query?, in_flight?, timeout?);
                Some(SourceSettings::Prometheus { url, plain, query, in_flight, headers, timeout })
            })
        }
        SourceKind::RabbitMq => {
            let timeout = timeout(&mut section);
            rabbitmq::read(&mut section, timeout).map(SourceSettings::RabbitMq)
        }
        SourceKind::Redis => {
            let timeout = timeout(&mut section);
            redis::read(&mut section, timeout).map(SourceSettings::Redis)
        }
        SourceKind::Spool => {
            let directory = section.required("directory", "directory = \"jobs\"");
            let directory = directory.and_then(|field| field.path());
            directory.map(|directory| SourceSettings::Spool { directory })
        }
    };
    section.finish_among(KEYS, "{} sources", &format!("this one is of kind \"{word}\""));
    source
}

fn query(field: &Field<'_>) -> Option<String> {
    let query = field.resolved()?.text;
    if query.trim().is_empty() {
        field.add("is empty", format!("{} = \"sum(jobs_waiting)\"", field.name()));
        return None;
    }
    Some(query)
}

fn timeout(section: &mut Section<'_>) -> Option<Duration> {
    section.get("timeout").map_or(Some(TIMEOUT), |field| field.duration(TIMEOUTS))
}

/// Reads where in JSON a number is (RFC 6901); an empty one is all there is.
fn pointer(field: &Field<'_>) -> Option<String> {
    let text = field.resolved()?;
    let dangling = text.text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
    if dangling || !text.text.is_empty() && !text.text.starts_with('/') {
        let help = format!("{} = \"/queues/mail/waiting\"", field.name());
        field.add(format!("is no JSON pointer: {text}"), help);
        return None;
    }
    Some(text.text)
}
