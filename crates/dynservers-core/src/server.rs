//! A server: its record, what this process knows of it besides, and its only legal moves.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::time::Duration;

use crate::ask::Question;
use crate::event::ServerEvent;
use crate::ids::{EffectId, ProviderName, ServerId, TypeName};
use crate::look::ProviderState;
use crate::record::{Phase, Retry, ServerRecord};
use crate::removal::Removal;
use crate::status::Status;
use crate::time::Time;
use crate::why::Why;

/// A server in memory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Server {
    /// Shared with the write under way, and copied only if it changes before that is done.
    pub(crate) record: Arc<ServerRecord>,
    pub(crate) live: Live,
    /// It is noted among the unsaved.
    pub(crate) is_unsaved: bool,
}

/// What this process knows of a server and would learn again after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that hold or not, each by itself")]
pub(crate) struct Live {
    /// The effect under way for it.
    pub(crate) flight: Option<EffectId>,
    /// What the latest look showed.
    pub(crate) seen: Option<Sighting>,
    /// The next step of its end needs a sighting from a look begun later than this.
    pub(crate) act_after: Time,
    /// It was missed, and the provider is to be asked about it.
    pub(crate) suspected: bool,
    /// A listing showed it.
    pub(crate) listed: bool,
    /// The provider said that there is no such server.
    pub(crate) absent: bool,
    /// It is to be read once, for its addresses or since only that shows it.
    pub(crate) inspect: bool,
    /// How many looks in a row that were read to their end missed it.
    pub(crate) misses: u8,
    /// When the first of them began.
    pub(crate) missed_at: Time,
    /// How many searches for its token in a row found nothing.
    pub(crate) searches: u8,
    /// The provider said that its token is taken: one search at once, which proves nothing if it finds nothing.
    pub(crate) exists: bool,
    /// When the latest of them ended.
    pub(crate) searched_at: Option<Time>,
    /// When it may be read again after a read that failed.
    pub(crate) retry: Option<Retry>,
    /// The account's total that is known includes it.
    pub(crate) counted: bool,
    /// The question that its worker was asked, and when.
    pub(crate) asked: Option<(Question, Time)>,
    /// Its worker is not asked again before this.
    pub(crate) ask_after: Time,
    /// What its worker said of how busy it is.
    pub(crate) score: Option<Score>,
    /// It waits among those that its provider is to be asked about.
    pub(crate) is_queued: bool,
    /// Its entry among the timers.
    pub(crate) wake: Option<Time>,
}

impl Live {
    /// Forgets that looks lacked it.
    pub(crate) fn miss_no_more(&mut self) {
        // Nearly always there is nothing to forget, and a look passes by every server.
        if self.misses > 0 {
            (self.misses, self.missed_at) = (0, Time::ZERO);
        }
    }

    /// Counts one more look that lacked it.
    pub(crate) fn missed(&mut self, begun: Time) -> u8 {
        if self.misses == 0 {
            self.missed_at = begun;
        }
        self.misses = self.misses.saturating_add(1);
        self.misses
    }
}

/// What a worker said of how busy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Score {
    /// How much it has in hand; none if it did not answer.
    pub(crate) value: Option<u64>,
    pub(crate) at: Time,
}

/// What one look showed of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// When the look began: what it shows is not older.
    pub(crate) begun: Time,
    /// The state shown.
    pub(crate) state: ProviderState,
    /// Whether a listing showed it, and not a reading of it alone.
    pub(crate) is_listed: bool,
}

/// What a record is to the counts: each is in exactly one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Wanted, nothing asked for.
    New,
    /// Asked for, not yet up.
    Starting,
    /// Up.
    Up,
    /// Failed, and may come back.
    Failed,
    /// On its way out.
    Going,
    /// No longer ours, and left alone.
    Left,
    /// Refused: there is no server.
    Refused,
    /// Seen gone.
    Ended,
}

impl Class {
    pub(crate) const COUNT: usize = 8;

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl ServerRecord {
    /// Makes the record of a server that is wanted.
    pub(crate) fn wanted(
        id: ServerId,
        server_type: TypeName,
        provider: ProviderName,
        replaces: Option<ServerId>,
        now: Time,
    ) -> Self {
        Self {
            id,
            server_type,
            provider,
            name: Arc::from(""),
            status: Status::New,
            previous_status: None,
            status_since: now,
            created_at: now,
            why: replaces.map_or(Why::Wanted, Why::Replaces),
            spec: None,
            attempt: None,
            abandoned: alloc::vec::Vec::new(),
            provider_id: None,
            bound_at: None,
            unfinished: None,
            addresses: alloc::vec::Vec::new(),
            removal: None,
            reboot_requested_at: None,
            reboot: None,
            replaces,
            failure: None,
            failed_at: None,
            retry: None,
            recall: None,
            protected: false,
            meta: BTreeMap::new(),
            disowned: false,
        }
    }

    /// Moves to another status. An illegal move is a fault of the machine: asserted in tests, not made otherwise.
    pub(crate) fn move_to(&mut self, next: Status, now: Time) {
        if self.status == next {
            return;
        }
        debug_assert!(self.status.may_become(next), "server {}: {} to {next}", self.id, self.status);
        if self.status.may_become(next) {
            self.previous_status = Some(self.status);
            self.status = next;
            self.status_since = now;
        }
    }

    /// Gives how long there has been something to pay for.
    pub(crate) fn age(&self, now: Time) -> Duration {
        now.since(self.bound_at.unwrap_or(self.created_at))
    }

    /// Begins the end, unless it has begun.
    pub(crate) fn doom(&mut self, why: Why, now: Time) {
        if self.removal.is_none() {
            self.removal = Some(Box::new(Removal { why, since: now, drain: None, stop: None, delete: None }));
            self.retry = None;
        }
    }

    /// Whether there may be a server of ours at the provider: what ceilings count.
    pub(crate) fn may_exist(&self) -> bool {
        self.status != Status::Deleted
            && !self.disowned
            && (self.provider_id.is_some() || self.is_undecided())
    }

    /// Whether a create was issued and it is not known what became of it.
    pub(crate) fn is_undecided(&self) -> bool {
        self.provider_id.is_none()
            && self
                .attempt
                .as_ref()
                .is_some_and(|attempt| matches!(attempt.phase, Phase::Issued | Phase::Uncertain))
    }

    /// Whether its end can still be undone: nothing of it was issued, and only the count or its type's end wanted it.
    pub(crate) fn is_reprievable(&self) -> bool {
        self.removal.as_ref().is_some_and(|removal| {
            removal.stop.is_none()
                && removal.delete.is_none()
                && removal.drain.is_none_or(|drain| !drain.done)
                && matches!(removal.why, Why::Surplus | Why::Superseded | Why::Retired)
        }) && (self.status.is_provisioned() || self.status == Status::Draining)
    }

    pub(crate) fn class(&self) -> Class {
        match self.status {
            Status::Deleted => Class::Ended,
            _ if self.disowned => Class::Left,
            _ if self.removal.is_some() => Class::Going,
            Status::New => Class::New,
            Status::Starting => Class::Starting,
            Status::Running | Status::Rebooting | Status::Draining => Class::Up,
            Status::Hanging => Class::Failed,
            Status::Errored => {
                if self.may_exist() {
                    Class::Failed
                } else {
                    Class::Refused
                }
            }
            Status::Stopping | Status::Stopped | Status::Deleting | Status::Paused => Class::Going,
        }
    }

    /// Whether something is expected to happen to it soon, so that it is worth looking.
    pub(crate) fn is_restless(&self) -> bool {
        match self.class() {
            Class::Starting | Class::Going => true,
            Class::Up => self.status != Status::Running,
            Class::Failed => self.status == Status::Hanging,
            Class::New | Class::Left | Class::Refused | Class::Ended => false,
        }
    }

    /// Tells of it in an event. Why it was made is not why it failed or is gone.
    pub(crate) fn tell(&self) -> ServerEvent {
        let made = match self.status {
            Status::Errored | Status::Hanging | Status::Deleted => None,
            Status::New
            | Status::Starting
            | Status::Running
            | Status::Rebooting
            | Status::Draining
            | Status::Stopping
            | Status::Stopped
            | Status::Deleting
            | Status::Paused => Some(self.why),
        };
        ServerEvent {
            server: self.id,
            server_type: self.server_type.clone(),
            name: self.name.clone(),
            provider_id: self.provider_id.clone(),
            previous_status: self.previous_status,
            why: self.removal.as_ref().map(|removal| removal.why).or(made),
            failure: self.failure.clone(),
        }
    }
}

impl Server {
    pub(crate) fn new(record: ServerRecord, live: Live) -> Self {
        Self { record: Arc::new(record), live, is_unsaved: false }
    }

    /// Whether the delete of it was accepted, so that its absence is no surprise.
    pub(crate) fn deleted_at(&self) -> Option<Time> {
        self.record.removal.as_ref().and_then(|removal| removal.delete).and_then(|delete| delete.accepted_at)
    }

    /// Whether a request of its deletion is under way, whose answer explains what a look lacks meanwhile.
    pub(crate) fn is_being_deleted(&self) -> bool {
        self.live.flight.is_some()
            && self.record.removal.as_ref().is_some_and(|removal| removal.delete.is_some())
    }

    /// Whether its absence is a surprise: listings showed it before, and nobody here asked for its deletion.
    pub(crate) fn is_expected(&self) -> bool {
        let was_there = match self.live.seen {
            Some(_) => self.live.listed,
            None => self.record.status != Status::Starting,
        };
        was_there && self.record.removal.as_ref().is_none_or(|removal| removal.delete.is_none())
    }

    /// Whether it takes part in looks: bound, not gone, and still ours.
    pub(crate) fn is_watched(&self) -> bool {
        self.record.provider_id.is_some() && self.record.status != Status::Deleted && !self.record.disowned
    }
}

#[cfg(test)]
mod tests;
