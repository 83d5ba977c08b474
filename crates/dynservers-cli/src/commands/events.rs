//! `events`: what happened, one a line, and with `--follow` what happens.

use std::collections::VecDeque;
use std::time::Duration;

use dynservers_core::{EventId, TypeName};
use dynservers_store::Sqlite;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::api::client::ClientError;
use crate::commands::{CommandError, emit};
use crate::exit::Exit;
use crate::site::Site;
use crate::terminal::{complain, shown};
use crate::time::timestamp;

/// How many events are shown unless somebody says otherwise.
const SHOWN: u32 = 50;
/// How many are asked for at once; the daemon gives no more.
const PAGE: u32 = 1_000;
/// Between two questions for what is new.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long a daemon that is followed may be away before that is told.
const AWAY: Duration = Duration::from_secs(5);

/// What somebody wants to see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Whether to go on with what happens from now on.
    pub(crate) follow: bool,
    /// The event to begin after.
    pub(crate) after: Option<u64>,
    /// Only events of this name.
    pub(crate) name: Option<String>,
    /// Only events of this type.
    pub(crate) server_type: Option<TypeName>,
    /// How many.
    pub(crate) limit: Option<u32>,
    /// Whether a machine reads it.
    pub(crate) json: bool,
}

/// Shows the events.
pub(crate) async fn events(site: &Site, wish: &Wish) -> Result<Exit, CommandError> {
    let mut log = Log { site, told: false };
    let mut last = wish.after.unwrap_or(0);
    let limit = wish.limit.unwrap_or(SHOWN) as usize;
    let mut kept: VecDeque<Value> = VecDeque::new();
    'reading: loop {
        let page = log.page(last).await?;
        if page.is_empty() {
            break;
        }
        for event in page {
            last = number(&event).unwrap_or(last);
            if !wish.wants(&event) {
                continue;
            }
            // After a place the next ones are meant, and else the last ones.
            if wish.after.is_none() && kept.len() == limit {
                kept.pop_front();
            }
            kept.push_back(event);
            if wish.after.is_some() && kept.len() == limit && !wish.follow {
                break 'reading;
            }
        }
    }
    for event in &kept {
        emit(&wish.line(event))?;
    }
    if kept.is_empty() && !wish.follow && !wish.json {
        complain("There are no such events.");
    }
    if wish.follow { log.follow(wish, last).await } else { Ok(Exit::Done) }
}

impl Wish {
    fn wants(&self, event: &Value) -> bool {
        let is = |key: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| event[key] == wanted);
        is("event", self.name.as_deref())
            && is("server_type", self.server_type.as_ref().map(TypeName::as_str))
    }

    fn line(&self, event: &Value) -> String {
        if self.json { format!("{event}\n") } else { for_people(event) }
    }
}

/// The fleet's log, by the daemon's word or by what it left.
struct Log<'s> {
    site: &'s Site,
    /// Whether it was said that the daemon is down.
    told: bool,
}

impl Log<'_> {
    /// Gives the events after one, oldest first; those of the store while the daemon is down.
    async fn page(&mut self, after: u64) -> Result<Vec<Value>, CommandError> {
        match self.site.client().events(after, PAGE).await {
            Err(error @ ClientError::NoDaemon { .. }) if self.site.store.exists() => {
                if !self.told {
                    self.told = true;
                    let place = self.site.store.display();
                    complain(format_args!("The daemon is down. This is what it left in {place}."));
                }
                tracing::debug!(%error, "reading the store");
                self.stored(after).await
            }
            answer => Ok(answer?),
        }
    }

    async fn stored(&self, after: u64) -> Result<Vec<Value>, CommandError> {
        let (path, fleet) = (self.site.store.clone(), self.site.fleet.clone());
        let events = tokio::task::spawn_blocking(move || {
            Sqlite::open_read_only(&path, Some(&fleet))?.events(EventId(after), PAGE as usize)
        });
        let events = events.await.map_err(|_| CommandError::Broken)??;
        let value = |event| serde_json::to_value(event).expect("events have a JSON form");
        Ok(events.iter().map(value).collect())
    }

    /// Shows what happens, for ever. The number of the last event is all that is kept, so that a daemon that is
    /// started again is simply asked on.
    async fn follow(&mut self, wish: &Wish, mut last: u64) -> Result<Exit, CommandError> {
        let mut seen = Instant::now();
        loop {
            match self.site.client().events(last, PAGE).await {
                Ok(page) => {
                    seen = Instant::now();
                    self.told = false;
                    for event in &page {
                        last = number(event).unwrap_or(last);
                        if wish.wants(event) {
                            emit(&wish.line(event))?;
                        }
                    }
                    if page.len() == PAGE as usize {
                        continue;
                    }
                }
                // What it does not do, it will not do later either.
                Err(error @ ClientError::Refused(_)) => return Err(error.into()),
                Err(error) if !self.told && seen.elapsed() >= AWAY => {
                    self.told = true;
                    complain(format_args!("waiting for the daemon: {error}"));
                }
                Err(error) => tracing::debug!(%error, "the daemon is away"),
            }
            sleep(INTERVAL).await;
        }
    }
}

fn number(event: &Value) -> Option<u64> {
    event["id"].as_u64()
}

/// Writes one event as a line: when, which, what, about whom, and why.
fn for_people(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().map(shown);
    let about = match (event["server"].as_u64(), text("name")) {
        (Some(server), Some(name)) if !name.is_empty() => format!("{server} {name}"),
        (Some(server), _) => server.to_string(),
        (None, _) => text("server_type").or_else(|| text("provider")).unwrap_or_else(|| "-".to_owned()),
    };
    let id = number(event).unwrap_or_default();
    let name = text("event").unwrap_or_else(|| "-".to_owned());
    let line = format!("{}  {id:>6}  {name:<20}  {about:<28}  {}", moment(&event["at"]), reason(event));
    format!("{}\n", line.trim_end())
}

/// Writes when it was, as the log or the control API tells it.
fn moment(at: &Value) -> String {
    let moment = match at {
        Value::Number(_) => at.as_u64().map(|millis| timestamp(dynservers_core::Time::from_millis(millis))),
        _ => at.as_str().and_then(|text| text.parse::<Timestamp>().ok()),
    };
    moment.map_or_else(|| "-".to_owned(), |moment| moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Says why, or what is to be known beyond the columns.
fn reason(event: &Value) -> String {
    if event["event"] == "desired_changed" {
        let number =
            |key: &str| event[key].as_u64().map_or_else(|| "?".to_owned(), |number| number.to_string());
        return format!("{} -> {}", number("from"), number("to"));
    }
    if event["event"] == "limit_hit" {
        return format!(
            "{} wanted, {} allowed: {}",
            event["wanted"],
            event["allowed"],
            word(&event["limit"])
        );
    }
    let why = match &event["why"] {
        Value::Null => match &event["reason"] {
            Value::Null => None,
            reason => Some(word(reason)),
        },
        why => Some(word(why)),
    };
    let failure = event["failure"]["message"].as_str().map(shown);
    [why, failure].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// Writes a word of the log for a person.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => shown(&text.replace('_', " ")),
        // Some reasons carry more than their name.
        Value::Object(fields) => {
            fields.keys().map(|key| shown(&key.replace('_', " "))).collect::<Vec<_>>().join(", ")
        }
        other => shown(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_when_what_whom_and_why() {
        let lines: Vec<String> = [
            json!({"id": 1, "at": 1_750_000_000_000_u64, "event": "desired_changed", "server_type": "web", "from": null, "to": 3}),
            json!({"id": 2, "at": "2025-06-15T15:06:40.25Z", "event": "creating", "server": 4, "server_type": "web",
                   "name": "dynamic-server-web-4", "why": "wanted"}),
            json!({"id": 13, "at": 1_750_000_000_000_u64, "event": "errored", "server": 4, "server_type": "web", "name": "",
                   "failure": {"message": "no \u{1b}[2Jroom"}}),
            json!({"id": 114, "at": 1_750_000_000_000_u64, "event": "provider_unreachable", "provider": "upcloud",
                   "failure": {"message": "connection refused"}}),
            json!({"id": 115, "at": 1_750_000_000_000_u64, "event": "limit_hit", "server_type": "web", "wanted": 9,
                   "allowed": 3, "limit": "type_maximum"}),
        ]
        .iter()
        .map(for_people)
        .collect();
        insta::assert_snapshot!(lines.concat());
    }

    /// The summary of the reference's monitor told of increases alone.
    #[test]
    fn defect_21_a_decrease_is_told_as_an_increase_is() {
        let at = 1_750_000_000_000_u64;
        let lines: Vec<String> = [
            json!({"id": 1, "at": at, "event": "desired_changed", "server_type": "web", "from": 2, "to": 5}),
            json!({"id": 2, "at": at, "event": "creating", "server": 4, "server_type": "web", "name": "web-4", "why": "wanted"}),
            json!({"id": 3, "at": at, "event": "desired_changed", "server_type": "web", "from": 5, "to": 2}),
            json!({"id": 4, "at": at, "event": "stopping", "server": 4, "server_type": "web", "name": "web-4", "why": "surplus"}),
            json!({"id": 5, "at": at, "event": "deleted", "server": 4, "server_type": "web", "name": "web-4", "why": "surplus"}),
        ]
        .iter()
        .map(for_people)
        .collect();
        insta::assert_snapshot!(lines.concat(), @r"
        2025-06-15T15:06:40Z       1  desired_changed       web                           2 -> 5
        2025-06-15T15:06:40Z       2  creating              4 web-4                       wanted
        2025-06-15T15:06:40Z       3  desired_changed       web                           5 -> 2
        2025-06-15T15:06:40Z       4  stopping              4 web-4                       surplus
        2025-06-15T15:06:40Z       5  deleted               4 web-4                       surplus
        ");
        assert!(lines[0].contains("2 -> 5") && lines[2].contains("5 -> 2"));
    }

    #[test]
    fn what_is_not_wanted_is_left_out() {
        let event = json!({"id": 1, "event": "running", "server_type": "web"});
        let wish = |name: Option<&str>, server_type: Option<&str>| Wish {
            name: name.map(str::to_owned),
            server_type: server_type.map(|name| TypeName::new(name).unwrap()),
            ..Wish::default()
        };
        assert!(wish(None, None).wants(&event));
        assert!(wish(Some("running"), Some("web")).wants(&event));
        assert!(!wish(Some("errored"), None).wants(&event));
        assert!(!wish(None, Some("db")).wants(&event));
    }
}
