//! The disk: what is durable, batch by batch.

use std::sync::Arc;

use dynservers_core::{Batch, Change, OwnerId, ServerRecord, Stored, Token};

use super::bounds::fleet_name;

/// What a store holds that was never written to.
pub(crate) fn empty() -> Stored {
    Stored::empty(fleet_name(), OwnerId::from_random(1))
}

/// Makes a batch durable. Rows stay in the order of their numbers, so that equal contents are equal.
pub(crate) fn write(stored: &mut Stored, batch: &Batch) {
    for change in &batch.changes {
        match change.clone() {
            Change::Fleet(fleet) => stored.fleet = Arc::unwrap_or_clone(fleet),
            Change::Server(record) => {
                stored.servers.retain(|known| known.id != record.id);
                stored.servers.push(Arc::unwrap_or_clone(record));
                stored.servers.sort_by_key(|record| record.id);
            }
            Change::Forget(id) => stored.servers.retain(|known| known.id != id),
            Change::Spec(spec) => stored.specs.push(Arc::unwrap_or_clone(spec)),
            Change::Found(found) => {
                stored.found.retain(|known| known.provider_id != found.provider_id);
                stored.found.push(*found);
                stored.found.sort_by(|one, other| one.provider_id.cmp(&other.provider_id));
            }
            Change::FoundNoMore(_, id) => stored.found.retain(|known| known.provider_id != *id),
            Change::Event(_) | Change::Decision(_) => {}
            Change::Command(command) => stored.commands.push(*command),
        }
    }
    stored.fleet.time = stored.fleet.time.max(batch.at);
}

/// Gives every token that a record knows: of its latest attempt, and of those that were given up.
pub(crate) fn tokens(record: &ServerRecord) -> impl Iterator<Item = Token> {
    record.abandoned.iter().copied().chain(record.attempt.as_ref().map(|attempt| attempt.token))
}
