//! What is counted in PostgreSQL: the user's own query, and the tables of queues.

use dynservers_hooks::words::{MOST_QUOTED, sanitized};
use futures_lite::StreamExt as _;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::InvalidPostgres;
use super::connection::{Counting, failed};
use super::number::Number;
use crate::signal::Signal;

/// A queue in PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Queue {
    /// What a query of the user's gives: one row with `waiting`, and perhaps `in_flight` and `oldest_wait`.
    Query {
        /// The query.
        sql: String,
    },
    /// The jobs of one type of apalis.
    Apalis {
        /// The type, as in the column `job_type`.
        job_type: String,
    },
    /// A queue of the extension pgmq.
    Pgmq {
        /// The queue.
        queue: String,
    },
    /// A channel of sqlxmq.
    Sqlxmq {
        /// The channel.
        channel: String,
    },
}

/// What failed and has attempts left is due again at once, as the library's own `get_jobs` has it.
const APALIS: &str = "
SELECT count(*) FILTER (WHERE due) AS waiting,
       count(*) FILTER (WHERE status IN ('Queued', 'Running')) AS in_flight,
       now() - min(run_at) FILTER (WHERE due) AS oldest_wait
  FROM (SELECT status, run_at,
               run_at <= now() AND (status = 'Pending' OR status = 'Failed' AND attempts < max_attempts) AS due
          FROM apalis.jobs
         WHERE job_type = $1 AND status IN ('Pending', 'Failed', 'Queued', 'Running')) AS jobs";

/// Whoever reads a message hides it for a while; one that was sent with a delay is hidden too, and was never read.
const PGMQ: &str = "
SELECT count(*) FILTER (WHERE vt <= now()) AS waiting,
       count(*) FILTER (WHERE vt > now() AND read_ct > 0) AS in_flight,
       now() - min(enqueued_at) FILTER (WHERE vt <= now()) AS oldest_wait
  FROM pgmq.";

/// What `mq_poll` would give out waits. Whoever takes a message puts its next attempt off, by no more than the backoff that is
/// stored then, and again and again while the job runs.
const SQLXMQ: &str = "
SELECT count(*) FILTER (WHERE attempt_at <= now()) AS waiting,
       count(*) FILTER (WHERE attempt_at > now() AND attempt_at <= now() + retry_backoff) AS in_flight,
       now() - min(attempt_at) FILTER (WHERE attempt_at <= now()) AS oldest_wait
  FROM mq_msgs
 WHERE channel_name = $1 AND commit_interval IS NULL
   AND id <> '00000000-0000-0000-0000-000000000000'
   AND (after_message_id IS NULL OR after_message_id = '00000000-0000-0000-0000-000000000000')";

/// The longest name of a queue of pgmq.
const PGMQ_MOST: usize = 47;

impl Queue {
    /// Refuses what can never be counted.
    pub(super) fn check(&self) -> Result<(), InvalidPostgres> {
        let refused = |of, rule| Err(InvalidPostgres::Queue { name: self.name().to_owned(), of, rule });
        if self.name().trim().is_empty() || self.name().contains('\0') {
            return refused("PostgreSQL", "it must be a text, without the character NUL");
        }
        match self {
            // So the extension has it, but for quotes, which it takes in a name and not in what it makes of it.
            Self::Pgmq { queue }
                if queue.len() > PGMQ_MOST
                    || queue.contains("--")
                    || queue.contains(['$', ';', '\'', '"']) =>
            {
                refused("pgmq", "at most 47 characters, none of them a quote, \"$\", \";\" or \"--\"")
            }
            Self::Query { .. } | Self::Apalis { .. } | Self::Pgmq { .. } | Self::Sqlxmq { .. } => Ok(()),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Query { sql: name }
            | Self::Apalis { job_type: name }
            | Self::Pgmq { queue: name }
            | Self::Sqlxmq { channel: name } => name,
        }
    }

    /// Counts, in the transaction that is open.
    pub(super) async fn count(&self, client: &Client) -> Result<Signal, Counting> {
        let (sql, name) = match self {
            Self::Query { sql } => (sql.clone(), None),
            Self::Apalis { job_type } => (APALIS.to_owned(), Some(job_type)),
            // Its tables are in lower case, however the queue is written. No quote is in it, as was checked.
            Self::Pgmq { queue } => (format!("{PGMQ}\"q_{}\"", queue.to_lowercase()), None),
            Self::Sqlxmq { channel } => (SQLXMQ.to_owned(), Some(channel)),
        };
        let told = |counting| match counting {
            Counting::Said(what) => Counting::Said(format!("{}: {what}", self.shown())),
            lost @ Counting::Lost(_) => lost,
        };
        // Without a statement that stays: behind a pooler the next transaction may be another server process's.
        let rows = client.query_typed_raw(&sql, name.map(|name| (name, Type::TEXT)));
        let rows = rows.await.map_err(|error| told(failed(&error)))?;
        let mut rows = std::pin::pin!(rows);
        let mut first = None;
        // However many there are, no more than two are held.
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| told(failed(&error)))?;
            if first.replace(row).is_some() {
                let what = "it gave several rows, and one says how much waits: let it count, or sum";
                return Err(told(Counting::Said(what.to_owned())));
            }
        }
        let what = "it gave no row: let it count, which gives 0 where there is nothing";
        let row = first.ok_or_else(|| told(Counting::Said(what.to_owned())))?;
        read(&row).map_err(|what| told(Counting::Said(what)))
    }

    fn shown(&self) -> String {
        match self {
            Self::Query { .. } => "the query".to_owned(),
            other => format!("{:?}", sanitized(other.name().as_bytes(), MOST_QUOTED)),
        }
    }
}

fn read(row: &Row) -> Result<Signal, String> {
    let number = |name: &str| -> Option<Result<Option<Number>, String>> {
        let index = row.columns().iter().position(|column| column.name() == name)?;
        Some(row.try_get(index).map_err(|_| {
            let of_type = row.columns()[index].type_().name().to_owned();
            format!("{name} is of type {of_type}, and no number: cast it, as in {name}::bigint")
        }))
    };
    let whole = |name: &str| {
        let whole = |value: Result<Option<Number>, String>| {
            let null = || {
                format!("{name} is NULL: where there is nothing let it be 0, as in coalesce(sum(jobs), 0)")
            };
            let number = value?.ok_or_else(null)?;
            number.whole().ok_or_else(|| format!("{name} is {number}, which is no whole number of jobs"))
        };
        number(name).map(whole).transpose()
    };
    let waiting = whole("waiting")?
        .ok_or("its row has no column \"waiting\": name one so, as in SELECT count(*) AS waiting")?;
    let in_flight = whole("in_flight")?.unwrap_or(0);
    // Of nothing there is no oldest one, which SQL tells by NULL.
    let oldest_wait = number("oldest_wait").transpose()?.flatten();
    let seconds = |number: Number| {
        number.seconds().ok_or_else(|| format!("oldest_wait is {number}, which is no number of seconds"))
    };
    Ok(Signal { waiting, in_flight, oldest_wait: oldest_wait.map(seconds).transpose()? })
}
