//! The faulty store: what is durable after the last whole batch, and everything that can go wrong with it.

use dynservers_core::{Batch, Change, Decision, EventId, OwnerId, ServerId, ServerRecord, Stored};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::setup::fleet;
use super::step::StoreTrouble;

/// A store, and what it does that it should not.
#[derive(Clone, Debug)]
pub(crate) struct FaultyStore {
    content: Content,
    backup: Option<Content>,
    owners: u128,
    /// How long a write takes.
    pub(crate) slow: u32,
    /// How many of the next writes fail.
    pub(crate) failing: u8,
    /// What befalls the next write.
    pub(crate) next: Option<StoreTrouble>,
    /// How often the ledger was lost, or an older one put in its place.
    pub(crate) replaced: u32,
}

/// What is durable.
#[derive(Clone, Debug)]
struct Content {
    /// All but the servers, which are kept apart to be found by their numbers.
    rest: Stored,
    servers: BTreeMap<ServerId, Arc<ServerRecord>>,
    last_event: EventId,
}

impl FaultyStore {
    pub(crate) fn new() -> Self {
        Self {
            content: Content::empty(1),
            backup: None,
            owners: 1,
            slow: 0,
            failing: 0,
            next: None,
            replaced: 0,
        }
    }

    /// Makes a batch durable. Gives what is wrong with it, if anything is.
    pub(crate) fn append(&mut self, batch: &Batch) -> Option<String> {
        self.content.append(batch)
    }

    /// Gives the ledger as a new process reads it.
    pub(crate) fn load(&self) -> Stored {
        let mut stored = self.content.rest.clone();
        stored.servers = self.servers().cloned().collect();
        stored
    }

    pub(crate) fn server(&self, id: ServerId) -> Option<&ServerRecord> {
        self.content.servers.get(&id).map(|record| &**record)
    }

    pub(crate) fn servers(&self) -> impl Iterator<Item = &ServerRecord> {
        self.content.servers.values().map(|record| &**record)
    }

    /// Gives everything but the servers.
    pub(crate) fn rest(&self) -> &Stored {
        &self.content.rest
    }

    pub(crate) fn last_event(&self) -> EventId {
        self.content.last_event
    }

    /// Whether a server's owner label is ours, or of an owner whose servers were given to us.
    pub(crate) fn owns(&self, owner: &OwnerId) -> bool {
        let fleet = &self.content.rest.fleet;
        fleet.owner == *owner || fleet.taken_owners.contains(owner)
    }

    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.content.clone());
    }

    /// Puts the last backup in the ledger's place; without one nothing changes.
    pub(crate) fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else { return false };
        self.content = backup;
        self.replaced += 1;
        true
    }

    /// Loses everything: what is found next is a new ledger, with an owner of its own.
    pub(crate) fn lose(&mut self) {
        self.owners += 1;
        self.content = Content::empty(self.owners);
        self.backup = None;
        self.replaced += 1;
    }

    /// Does as it should from now on.
    pub(crate) fn heal(&mut self) {
        (self.slow, self.failing, self.next) = (0, 0, None);
    }
}

/// Gives what a decision leaves open: its number must follow from what the rule asked for, step by step.
fn unexplained(decision: &Decision) -> Option<String> {
    let judgement = decision.judgement.as_ref()?;
    let mut number = judgement.raw;
    for clamp in &judgement.clamps {
        if clamp.before != number || clamp.after == number {
            return Some(format!("{clamp:?} does not follow {number} in {decision:?}"));
        }
        number = clamp.after;
    }
    let is_followed = decision.overriding.is_some() || decision.desired == Some(number);
    (number != judgement.decided || !is_followed).then(|| format!("{decision:?} does not come to {number}"))
}

impl Content {
    fn empty(owner: u128) -> Self {
        let rest = Stored::empty(fleet(), OwnerId::from_random(owner));
        Self { rest, servers: BTreeMap::new(), last_event: EventId(0) }
    }

    fn append(&mut self, batch: &Batch) -> Option<String> {
        let mut wrong = None;
        let stored = &mut self.rest;
        for change in &batch.changes {
            match change.clone() {
                Change::Fleet(fleet) => stored.fleet = Arc::unwrap_or_clone(fleet),
                Change::Server(record) => drop(self.servers.insert(record.id, record)),
                Change::Forget(id) => drop(self.servers.remove(&id)),
                Change::Spec(spec) => stored.specs.push(Arc::unwrap_or_clone(spec)),
                Change::Found(found) => {
                    stored.found.retain(|known| known.provider_id != found.provider_id);
                    stored.found.push(*found);
                }
                Change::FoundNoMore(_, id) => stored.found.retain(|known| known.provider_id != *id),
                Change::Event(event) if event.id <= self.last_event => {
                    wrong = Some(format!("event {} was written after {}", event.id, self.last_event));
                }
                Change::Event(event) => self.last_event = event.id,
                Change::Decision(decision) => wrong = wrong.or_else(|| unexplained(&decision)),
                Change::Command(command) => stored.commands.push(*command),
            }
        }
        stored.fleet.time = stored.fleet.time.max(batch.at);
        wrong
    }
}
