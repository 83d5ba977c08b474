//! `[[hooks]]`: who is told of events.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use dynservers_http::Reference;

use super::call::{Asked, plain_http, url};
use super::field::Field;
use super::reader::nearest;

/// Somebody who is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HookSettings {
    /// Its name: what it was told already is remembered by it.
    pub(crate) name: String,
    /// The names of the events that it is told of; empty means all.
    pub(crate) events: BTreeSet<&'static str>,
    /// How it is told.
    pub(crate) target: HookTarget,
    /// How long it may take each time.
    pub(crate) timeout: Duration,
}

/// How somebody is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HookTarget {
    /// By a request.
    Web {
        /// Where to.
        url: String,
        /// Whether it may go there in the clear although it is another machine.
        plain: bool,
        /// With what it is signed.
        secret: Reference,
    },
    /// By a program and its arguments, which runs in the configuration's directory.
    Command(Vec<String>),
}

const SECRET_HELP: &str = "secret = { env = \"HOOK_SECRET\" }, of `openssl rand -base64 24`";
const TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);
/// More hooks than anybody has; each has a task of its own.
const HOOKS_MOST: usize = 32;
const NAME_MOST: usize = 63;

/// The names of all events, as the core gives them.
pub(crate) const EVENTS: [&str; 32] = [
    "creating",
    "running",
    "draining",
    "undrained",
    "stopping",
    "stopped",
    "deleting",
    "deleted",
    "rebooting",
    "errored",
    "hanging",
    "limit_hit",
    "adopted",
    "returned",
    "disowned",
    "orphan_found",
    "other_owner_found",
    "second_controller",
    "taken_over",
    "ledger_restored",
    "held",
    "resumed",
    "credentials_rejected",
    "provider_unreachable",
    "provider_reachable",
    "create_refused",
    "demand_unknown",
    "demand_known",
    "demand_jumped",
    "count_unknown",
    "count_known",
    "desired_changed",
];

/// Reads the hooks, each of which has a name of its own.
pub(super) fn read(field: &Field<'_>) -> Option<Vec<HookSettings>> {
    let items = field.items()?;
    if items.len() > HOOKS_MOST {
        field.add(format!("has {} hooks, and {HOOKS_MOST} are the most", items.len()), "leave some out");
    }
    let mut names = BTreeSet::new();
    let hooks: Vec<Option<HookSettings>> = items.iter().map(|item| hook(item, &mut names)).collect();
    hooks.into_iter().collect()
}

fn hook(field: &Field<'_>, names: &mut BTreeSet<String>) -> Option<HookSettings> {
    let mut section = field.section()?;
    let name = section.required("name", "name = \"chat\"").and_then(|field| name(&field, names));
    let events = match section.get("events") {
        Some(field) => events(&field),
        None => Some(BTreeSet::new()),
    };
    let (web, command, secret) = (section.get("url"), section.get("command"), section.get("secret"));
    let asked = plain_http(&mut section);
    let timeout = section.get("timeout").map_or(Some(TIMEOUT), |field| field.duration(TIMEOUTS));
    let target = match (web, command) {
        (Some(web), None) => {
            let url = url(&web, &BTreeMap::new(), asked);
            if secret.is_none() {
                section.add("must have `secret`: how else is the receiver to know who speaks?", SECRET_HELP);
            }
            let secret = secret.and_then(|field| field.secret("HOOK_SECRET"));
            let plain = asked == Asked::Once { plain: true };
            url.and_then(|url| Some(HookTarget::Web { url, plain, secret: secret? }))
        }
        (None, Some(command)) => {
            if let Some(secret) = secret {
                secret.add_hidden("signs requests, and this hook is a command", "remove it");
            }
            command.command().map(HookTarget::Command)
        }
        (Some(_), Some(command)) => {
            command.add("is given beside `url`", "leave one of the two out, or make two hooks");
            None
        }
        (None, None) => {
            section.add("must have `url` or `command`", "url = \"https://example.com/hook\"");
            None
        }
    };
    section.finish();
    Some(HookSettings { name: name?, events: events?, target: target?, timeout: timeout? })
}

fn name(field: &Field<'_>, names: &mut BTreeSet<String>) -> Option<String> {
    let text = field.resolved()?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if text.text.is_empty() || text.text.len() > NAME_MOST || !text.text.bytes().all(is_plain) {
        let help = format!("1 to {NAME_MOST} of a-z, 0-9, - and _");
        field.add(format!("{text} is not a valid name of a hook"), help);
        return None;
    }
    if !names.insert(text.text.clone()) {
        field.add(
            format!("there are two hooks {text}"),
            "give each its own: what it was told is remembered by it",
        );
        return None;
    }
    Some(text.text)
}

fn events(field: &Field<'_>) -> Option<BTreeSet<&'static str>> {
    let event = |field: &Field<'_>| {
        let text = field.resolved()?;
        let known = EVENTS.iter().find(|name| **name == text.text).copied();
        if known.is_none() {
            let help = match nearest(&text.text, EVENTS) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("there are {}", EVENTS.join(", ")),
            };
            field.add(format!("there is no event {text}"), help);
        }
        known
    };
    let events: Vec<Option<&'static str>> = field.items()?.iter().map(event).collect();
    events.into_iter().collect()
}
