//! A disk: what a store holds after the last whole batch and everything before it.

use std::sync::Arc;

use dynservers_core::{Batch, Change, Decision, FleetName, OwnerId, Stored};

/// The content of a store.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) stored: Stored,
    pub(crate) decisions: Vec<Decision>,
}

impl Disk {
    pub(crate) fn new(owner: u128) -> Self {
        let stored = Stored::empty(FleetName::new("fleet").unwrap(), OwnerId::from_random(owner));
        Self { stored, decisions: Vec::new() }
    }

    pub(crate) fn append(&mut self, batch: &Batch) {
        let stored = &mut self.stored;
        for change in &batch.changes {
            match change.clone() {
                Change::Fleet(fleet) => stored.fleet = Arc::unwrap_or_clone(fleet),
                Change::Server(record) => {
                    stored.servers.retain(|known| known.id != record.id);
                    stored.servers.push(Arc::unwrap_or_clone(record));
                }
                Change::Forget(id) => stored.servers.retain(|known| known.id != id),
                Change::Spec(spec) => stored.specs.push(Arc::unwrap_or_clone(spec)),
                Change::Found(found) => {
                    stored.found.retain(|known| known.provider_id != found.provider_id);
                    stored.found.push(*found);
                }
                Change::FoundNoMore(_, id) => stored.found.retain(|known| known.provider_id != *id),
                Change::Event(_) => {}
                Change::Decision(decision) => self.decisions.push(*decision),
                Change::Command(command) => stored.commands.push(*command),
            }
        }
        stored.fleet.time = stored.fleet.time.max(batch.at);
    }
}
