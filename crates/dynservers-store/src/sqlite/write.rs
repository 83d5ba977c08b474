//! Writing a batch: changes into rows, and the bounds of what grows.

use std::path::Path;
use std::time::Duration;

use dynservers_core::{
    Batch, COMMANDS_KEPT, Change, CommandRecord, DECISIONS_KEPT, Decision, Event, FleetRecord, FoundRecord,
    OwnerId, ServerRecord, Spec, StoreError, Time,
};
use rusqlite::{Params, Transaction};
use serde::Serialize;

use super::error::{broken, invalid};

/// Events older than this may go.
pub(super) const EVENTS_KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Events beyond so many may go, the oldest first.
pub(super) const EVENTS_KEPT: i64 = 1_000_000;

/// Writes JSON as a column keeps it.
pub(super) fn json(value: &impl Serialize, place: &Path) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| invalid(place, format!("a record cannot be written as JSON: {error}")))
}

/// Gives a number as SQLite keeps it, if it can: its integers have a sign.
pub(super) fn stored_number(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

/// The end of time, for moments beyond what SQLite can keep.
fn stored_time(time: Time) -> i64 {
    stored_number(time.as_millis()).unwrap_or(i64::MAX)
}

/// Writes the changes of a batch in a transaction.
pub(super) struct Writer<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) place: &'a Path,
    pub(super) owner: &'a OwnerId,
    pub(super) term: i64,
}

impl Writer<'_> {
    /// Writes the batch, or nothing if somebody else took the ledger over.
    pub(super) fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        self.claim(batch.at)?;
        for change in &batch.changes {
            match change {
                Change::Fleet(record) => self.fleet(record)?,
                Change::Server(record) => self.server(record)?,
                Change::Forget(id) => {
                    self.execute("DELETE FROM dynamic_servers WHERE id = ?1", [self.number(id.0)?])?;
                }
                Change::Spec(spec) => self.spec(spec)?,
                Change::Found(record) => self.found(record)?,
                Change::FoundNoMore(provider, id) => {
                    self.execute(
                        "DELETE FROM dynamic_server_found WHERE provider = ?1 AND provider_id = ?2",
                        (provider.as_str(), id.as_str()),
                    )?;
                }
                Change::Event(event) => self.event(event)?,
                Change::Decision(decision) => self.decision(decision)?,
                Change::Command(record) => self.command(record)?,
            }
        }
        self.tidy(batch)
    }

    /// Compares and sets: only who opened the ledger last may write.
    ///
    /// The count makes every batch change a page. Without it a batch that writes what is there already would leave
    /// nothing to sync, and the ones before it that were not synced would not be either.
    fn claim(&self, at: Time) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE dynamic_server_fleets SET time_ms = max(time_ms, ?1), batches = batches + 1 \
             WHERE owner = ?2 AND term = ?3",
            (stored_time(at), self.owner.as_str(), self.term),
        )?;
        if changed == 1 {
            return Ok(());
        }
        let found: i64 = self
            .transaction
            .query_row("SELECT coalesce(max(term), 0) FROM dynamic_server_fleets", [], |row| row.get(0))
            .map_err(broken(self.place))?;
        Err(StoreError::Fenced { term: self.term.unsigned_abs(), found: found.unsigned_abs() })
    }

    fn fleet(&self, record: &FleetRecord) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE dynamic_server_fleets SET record = ?1, time_ms = max(time_ms, ?2) \
             WHERE fleet = ?3 AND owner = ?4",
            (
                json(record, self.place)?,
                stored_time(record.time),
                record.fleet.as_str(),
                record.owner.as_str(),
            ),
        )?;
        if changed == 1 {
            return Ok(());
        }
        let (fleet, owner) = (&record.fleet, &record.owner);
        Err(invalid(self.place, format!("it does not belong to owner {owner} of fleet {fleet}")))
    }

    fn server(&self, record: &ServerRecord) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dynamic_servers (id, record) VALUES (?1, ?2) \
             ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            (self.number(record.id.0)?, json(record, self.place)?),
        )?;
        Ok(())
    }

    fn spec(&self, spec: &Spec) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dynamic_server_specs (hash, body) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING",
            (spec.hash().to_string(), json(spec.body(), self.place)?),
        )?;
        Ok(())
    }

    fn found(&self, record: &FoundRecord) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dynamic_server_found (provider, provider_id, record) VALUES (?1, ?2, ?3) \
             ON CONFLICT (provider, provider_id) DO UPDATE SET record = excluded.record",
            (record.provider.as_str(), record.provider_id.as_str(), json(record, self.place)?),
        )?;
        Ok(())
    }

    /// An event is once in the log: a number that was used before is an error, and the batch is not written.
    fn event(&self, event: &Event) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dynamic_server_events (id, at_ms, record) VALUES (?1, ?2, ?3)",
            (self.number(event.id.0)?, stored_time(event.at), json(event, self.place)?),
        )?;
        Ok(())
    }

    fn decision(&self, decision: &Decision) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO dynamic_server_decisions (at_ms, type, record) VALUES (?1, ?2, ?3)",
            (stored_time(decision.at), decision.server_type.as_str(), json(decision, self.place)?),
        )?;
        Ok(())
    }

    fn command(&self, record: &CommandRecord) -> Result<(), StoreError> {
        self.execute(
            "INSERT OR REPLACE INTO dynamic_server_commands (id, record) VALUES (?1, ?2)",
            (record.command.id.as_str(), json(record, self.place)?),
        )?;
        Ok(())
    }

    /// Drops what is beyond its bound.
    fn tidy(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.changes.iter().any(|change| matches!(change, Change::Command(_))) {
            self.execute(
                "DELETE FROM dynamic_server_commands WHERE number <= \
                 (SELECT number FROM dynamic_server_commands ORDER BY number DESC LIMIT 1 OFFSET ?1)",
                [COMMANDS_KEPT as u32],
            )?;
        }
        for change in &batch.changes {
            let Change::Decision(decision) = change else { continue };
            self.execute(
                "DELETE FROM dynamic_server_decisions WHERE type = ?1 AND number <= \
                 (SELECT number FROM dynamic_server_decisions WHERE type = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
                (decision.server_type.as_str(), DECISIONS_KEPT as u32),
            )?;
        }
        let events = batch.changes.iter().filter(|change| matches!(change, Change::Event(_))).count();
        if events > 0 {
            self.forget_events(batch.at, events)?;
        }
        Ok(())
    }

    /// Drops old events, at most twice as many as came: a long log shrinks without one batch paying for all of it.
    fn forget_events(&self, now: Time, came: usize) -> Result<(), StoreError> {
        let oldest = now.as_millis().saturating_sub(EVENTS_KEPT_FOR.as_millis() as u64);
        self.execute(
            "DELETE FROM dynamic_server_events \
             WHERE id IN (SELECT id FROM dynamic_server_events ORDER BY id LIMIT ?1) \
             AND (at_ms < ?2 OR id <= (SELECT max(id) FROM dynamic_server_events) - ?3)",
            (i64::from(came as u32) * 2, stored_time(Time::from_millis(oldest)), EVENTS_KEPT),
        )?;
        Ok(())
    }

    fn number(&self, number: u64) -> Result<i64, StoreError> {
        stored_number(number)
            .ok_or_else(|| invalid(self.place, format!("it cannot keep the number {number}")))
    }

    fn execute(&self, sql: &str, values: impl Params) -> Result<usize, StoreError> {
        let mut statement = self.transaction.prepare_cached(sql).map_err(broken(self.place))?;
        statement.execute(values).map_err(broken(self.place))
    }
}

/// Drops specifications that no server has. Only while nobody holds them in memory, and so when a ledger is opened.
pub(super) fn drop_unused_specs(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    // A server whose record cannot be read gives NULL, and then nothing is `NOT IN`: all are kept until it is mended.
    transaction.execute(
        "DELETE FROM dynamic_server_specs WHERE hash NOT IN \
         (SELECT CASE WHEN json_valid(record) THEN coalesce(record ->> '$.spec', '') END FROM dynamic_servers)",
        [],
    )?;
    Ok(())
}
