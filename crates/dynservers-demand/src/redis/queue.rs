//! Queues in Redis: which keys hold what, and how that is counted.

use std::time::Duration;

use redis::{Connection, ConnectionLike as _, Pipeline, RedisError, Value};
use serde_json::Value as Json;

use dynservers_hooks::words::{MOST_QUOTED, sanitized};

use super::Counting;
use crate::signal::Signal;

/// A queue in Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Queue {
    /// A list: each item is a job that waits.
    List {
        /// Its key.
        key: String,
    },
    /// A sorted set: each member is a job that waits.
    SortedSet {
        /// Its key.
        key: String,
    },
    /// A stream that a consumer group reads: what the group was not given yet waits, and what it has not acknowledged is in
    /// hand. Needs Redis 7.0, which tells how much waits.
    Stream {
        /// Its key.
        key: String,
        /// The group.
        group: String,
    },
    /// A queue of Laravel's `redis` driver, with or without Horizon.
    Laravel {
        /// What the application's Redis connection puts before every key, such as `laravel_database_`.
        prefix: String,
        /// The queue, such as `default`.
        queue: String,
    },
    /// A queue of Sidekiq.
    Sidekiq {
        /// The queue, such as `default`.
        queue: String,
    },
    /// A queue of `BullMQ`.
    BullMq {
        /// What stands before every key; `bull` unless it was told otherwise.
        prefix: String,
        /// The queue.
        queue: String,
    },
}

impl Queue {
    pub(super) fn count(&self, connection: &mut Connection) -> Result<Signal, Counting> {
        match self {
            Self::List { key } => Ok(waiting(self.ask(connection, &[&["LLEN", key]])?.number()?)),
            Self::SortedSet { key } => Ok(waiting(self.ask(connection, &[&["ZCARD", key]])?.number()?)),
            Self::Stream { key, group } => self.stream(connection, key, group),
            Self::Laravel { prefix, queue } => self.laravel(connection, &format!("{prefix}queues:{queue}")),
            Self::Sidekiq { queue } => self.sidekiq(connection, queue),
            Self::BullMq { prefix, queue } => self.bull_mq(connection, &format!("{prefix}:{queue}")),
        }
    }

    /// Jobs wait in a list; those that were delayed and are due wait too; those in hand are in a set of their own.
    fn laravel(&self, connection: &mut Connection, key: &str) -> Result<Signal, Counting> {
        let now = self.ask(connection, &[&["TIME"]])?.time()?;
        let (delayed, reserved) = (format!("{key}:delayed"), format!("{key}:reserved"));
        let due = now.as_secs().to_string();
        let mut answers = self.ask(
            connection,
            &[
                &["LLEN", key],
                &["ZCOUNT", &delayed, "-inf", &due],
                &["ZCARD", &reserved],
                &["LINDEX", key, "0"],
            ],
        )?;
        let waiting = answers.number()?.saturating_add(answers.number()?);
        let in_flight = answers.number()?;
        // `pushedAt` is Horizon's, a text of seconds; `createdAt` the framework's.
        let oldest_wait = answers.job()?.and_then(|job| since(&job, &["pushedAt", "createdAt"], now));
        Ok(Signal { waiting, in_flight, oldest_wait })
    }

    /// Jobs are put before the others and taken from the end. Each process tells in a hash what it has in hand.
    fn sidekiq(&self, connection: &mut Connection, queue: &str) -> Result<Signal, Counting> {
        let key = format!("queue:{queue}");
        let mut answers = self.ask(
            connection,
            &[&["TIME"], &["LLEN", &key], &["LINDEX", &key, "-1"], &["SMEMBERS", "processes"]],
        )?;
        let (now, waiting) = (answers.time()?, answers.number()?);
        let oldest_wait = answers.job()?.and_then(|job| since(&job, &["enqueued_at"], now));
        let mut in_flight = 0;
        let processes = answers.texts()?;
        let keys: Vec<String> = processes.iter().map(|process| format!("{process}:work")).collect();
        let commands: Vec<[&str; 2]> = keys.iter().map(|key| ["HVALS", key.as_str()]).collect();
        let commands: Vec<&[&str]> = commands.iter().map(<[&str; 2]>::as_slice).collect();
        if !commands.is_empty() {
            let mut answers = self.ask(connection, &commands)?;
            for _ in &keys {
                let works = answers.texts()?;
                let is_of_this = |work: &&String| {
                    serde_json::from_str::<Json>(work)
                        .is_ok_and(|work| work.get("queue").and_then(Json::as_str) == Some(queue))
                };
                in_flight += works.iter().filter(is_of_this).count() as u64;
            }
        }
        Ok(Signal { waiting, in_flight, oldest_wait })
    }

    /// Jobs wait in a list, or by priority in a set; delayed ones that are due wait too. A paused queue's jobs are nobody's work.
    fn bull_mq(&self, connection: &mut Connection, key: &str) -> Result<Signal, Counting> {
        let now = self.ask(connection, &[&["TIME"]])?.time()?;
        let [wait, prioritized, delayed, active] =
            ["wait", "prioritized", "delayed", "active"].map(|part| format!("{key}:{part}"));
        // The score of a delayed job is its time in milliseconds, with twelve bits below it for the order.
        let due = now.as_millis().saturating_mul(0x1000).saturating_add(0xfff).to_string();
        let mut answers = self.ask(
            connection,
            &[
                &["LLEN", &wait],
                &["ZCARD", &prioritized],
                &["ZCOUNT", &delayed, "-inf", &due],
                &["LLEN", &active],
            ],
        )?;
        let waiting = answers.number()?.saturating_add(answers.number()?).saturating_add(answers.number()?);
        Ok(Signal { waiting, in_flight: answers.number()?, oldest_wait: None })
    }

    fn stream(&self, connection: &mut Connection, key: &str, group: &str) -> Result<Signal, Counting> {
        if self.ask(connection, &[&["EXISTS", key]])?.number()? == 0 {
            return Ok(Signal::default());
        }
        let groups = self.ask(connection, &[&["XINFO", "GROUPS", key]])?.next()?;
        let Value::Array(groups) = groups else { return Err(self.nonsense("XINFO GROUPS gave no list")) };
        let found = groups.iter().find(|value| text(field(value, "name")).as_deref() == Some(group));
        let Some(found) = found else { return Err(self.nonsense(&format!("it has no group {group:?}"))) };
        let number = |name| match field(found, name) {
            Some(Value::Int(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let lag = "the server does not tell how much waits: that needs Redis 7.0, and a stream from whose middle nothing was deleted";
        let waiting = number("lag").ok_or_else(|| self.nonsense(lag))?;
        let in_flight =
            number("pending").ok_or_else(|| self.nonsense("XINFO GROUPS tells of no \"pending\""))?;
        Ok(Signal { waiting, in_flight, oldest_wait: None })
    }

    /// Asks several things at once.
    fn ask(&self, connection: &mut Connection, commands: &[&[&str]]) -> Result<Answers<'_>, Counting> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            let [name, arguments @ ..] = command else { continue };
            pipeline.cmd(name).arg(arguments);
        }
        let values = connection
            .req_packed_commands(&pipeline.get_packed_pipeline(), 0, commands.len())
            .map_err(|error| self.said(error))?;
        Ok(Answers { queue: self, values: values.into_iter() })
    }

    /// A server that answers with an error is there, and its connection good; all else ends the connection.
    fn said(&self, error: RedisError) -> Counting {
        if matches!(error.kind(), redis::ErrorKind::Server(_) | redis::ErrorKind::Extension) {
            self.nonsense(&error.to_string())
        } else {
            Counting::Lost(error)
        }
    }

    fn nonsense(&self, what: &str) -> Counting {
        Counting::Said(format!("{}: {}", self.shown(), sanitized(what.as_bytes(), MOST_QUOTED)))
    }

    fn shown(&self) -> String {
        let name = match self {
            Self::List { key } | Self::SortedSet { key } | Self::Stream { key, .. } => key,
            Self::Laravel { queue, .. } | Self::Sidekiq { queue } | Self::BullMq { queue, .. } => queue,
        };
        format!("{:?}", sanitized(name.as_bytes(), MOST_QUOTED))
    }
}

/// What a server answered, in order.
struct Answers<'a> {
    queue: &'a Queue,
    values: std::vec::IntoIter<Value>,
}

impl Answers<'_> {
    fn next(&mut self) -> Result<Value, Counting> {
        match self.values.next() {
            Some(Value::ServerError(error)) => Err(self.queue.said(error.into())),
            Some(value) => Ok(value),
            None => Err(self.queue.nonsense("the server answered less than it was asked")),
        }
    }

    fn number(&mut self) -> Result<u64, Counting> {
        match self.next()? {
            Value::Int(number) if number >= 0 => Ok(number.unsigned_abs()),
            other => {
                Err(self.queue.nonsense(&format!("the server answered {other:?} where a count belongs")))
            }
        }
    }

    fn texts(&mut self) -> Result<Vec<String>, Counting> {
        match self.next()? {
            Value::Array(values) | Value::Set(values) => {
                Ok(values.iter().filter_map(|value| text(Some(value))).collect())
            }
            other => Err(self.queue.nonsense(&format!("the server answered {other:?} where a list belongs"))),
        }
    }

    /// Reads the server's own clock, by which its jobs are due.
    fn time(&mut self) -> Result<Duration, Counting> {
        let texts = self.texts()?;
        let part = |index: usize| texts.get(index).and_then(|text| text.parse().ok());
        let time = part(0).zip(part(1)).map(|(seconds, micros): (u64, u64)| {
            Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros))
        });
        time.ok_or_else(|| self.queue.nonsense("the server tells no time"))
    }

    /// Reads a job's payload; one that is not there, or no JSON, tells nothing.
    fn job(&mut self) -> Result<Option<Json>, Counting> {
        Ok(match self.next()? {
            Value::BulkString(bytes) => serde_json::from_slice(&bytes).ok(),
            _ => None,
        })
    }
}

const fn waiting(waiting: u64) -> Signal {
    Signal { waiting, in_flight: 0, oldest_wait: None }
}

/// Gives how long ago a job says that it came, by the first of these that it tells: seconds, or milliseconds if it is whole
/// and large.
fn since(job: &Json, names: &[&str], now: Duration) -> Option<Duration> {
    let told = names.iter().find_map(|name| match job.get(name)? {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    })?;
    let seconds = if told >= 1e11 { told / 1_000.0 } else { told };
    let at = Duration::try_from_secs_f64(seconds).ok()?;
    Some(now.saturating_sub(at))
}

/// Gives a value by its name out of a map, or out of a list of names and values.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items
            .chunks_exact(2)
            .find(|pair| text(pair.first()).as_deref() == Some(name))
            .and_then(|pair| pair.get(1)),
        Value::Map(items) => {
            items.iter().find(|(key, _)| text(Some(key)).as_deref() == Some(name)).map(|(_, value)| value)
        }
        _ => None,
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}
