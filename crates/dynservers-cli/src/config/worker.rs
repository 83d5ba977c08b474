//! `drain` and `busy` of a server type: how its workers are asked.

use std::ops::RangeInclusive;
use std::time::Duration;

use dynservers_core::DrainConfig;

use super::call::{Asked, Call, headers, url};
use super::field::Field;
use super::reader::Section;

/// How the workers of a type are spoken with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkerSettings {
    /// How they are told to finish what they have.
    pub(crate) drain: Option<AskSettings>,
    /// How they are asked how much they have to do.
    pub(crate) busy: Option<AskSettings>,
}

/// How a worker is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskSettings {
    /// What is run, or who is asked; placeholders are filled for each server.
    pub(crate) call: Call,
    /// How long the answer may take.
    pub(crate) timeout: Duration,
}

const TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);
const DEADLINE: Duration = Duration::from_secs(600);
const DEADLINES: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(7 * 86_400);
const INTERVAL: Duration = Duration::from_secs(10);
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);

/// Reads how workers are asked: what the machine must know of it, and the rest.
pub(super) fn read(section: &mut Section<'_>) -> (Option<DrainConfig>, WorkerSettings) {
    let drain = section.get("drain");
    let [deadline, interval] = ["drain_deadline", "drain_interval"].map(|key| section.get(key));
    for given in [&deadline, &interval].into_iter().flatten().filter(|_| drain.is_none()) {
        let message = "is of no use without `drain`: the soft stop is the drain, and stop_timeout its bound";
        given.add(message, "drain = { command = [\"./drain\", \"{name}\"] }, or remove it");
    }
    let config = drain.is_some().then(|| DrainConfig {
        deadline: deadline.and_then(|field| field.duration(DEADLINES)).unwrap_or(DEADLINE),
        interval: interval.and_then(|field| field.duration(INTERVALS)).unwrap_or(INTERVAL),
    });
    let drain = drain.and_then(|field| ask(&field));
    let busy = section.get("busy").and_then(|field| ask(&field));
    (config, WorkerSettings { drain, busy })
}

/// Reads `{ command = [...] }` or `{ http = "..." }`.
fn ask(field: &Field<'_>) -> Option<AskSettings> {
    let mut section = field.section()?;
    let (command, http) = (section.get("command"), section.get("http"));
    let timeout = section.get("timeout");
    let timeout = timeout.map_or(Some(TIMEOUT), |field| field.duration(TIMEOUTS));
    let name = field.name();
    let help = format!("{name} = {{ command = [\"./{name}\", \"{{name}}\"] }}");
    let call = match (command, http) {
        (Some(command), None) => program(&command).map(Call::Command),
        (None, Some(http)) => {
            let headers = headers(&mut section);
            url(&http, &headers, Asked::OfEachServer).map(|url| Call::Http { url, headers })
        }
        (Some(_), Some(http)) => {
            http.add("is given beside `command`", "leave one of the two out");
            None
        }
        (None, None) => {
            section.add("must have `command` or `http`", help);
            None
        }
    };
    section.finish();
    Some(AskSettings { call: call?, timeout: timeout? })
}

/// Reads a program and its arguments, in which placeholders are filled for each server.
fn program(field: &Field<'_>) -> Option<Vec<String>> {
    let command = field.command()?;
    for (argument, item) in command.iter().zip(field.items()?) {
        if let Err(error) = dynservers_hooks::check(argument) {
            item.add(error.to_string(), "command = [\"./drain\", \"{name}\"]");
        }
    }
    Some(command)
}
