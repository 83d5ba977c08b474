//! The unsaved: what of the ledger is not durable yet, once each however often it changed.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ids::ServerId;
use crate::ledger::Ledger;
use crate::record::Change;
use crate::time::Time;

/// What must be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Unsaved {
    pub(crate) fleet: bool,
    /// Each once, by its own mark; those that were forgotten since are still among them.
    pub(crate) servers: Vec<ServerId>,
    pub(crate) others: Vec<Change>,
}

impl Ledger {
    pub(crate) fn has_unsaved(&self) -> bool {
        self.unsaved.fleet || !self.unsaved.servers.is_empty() || !self.unsaved.others.is_empty()
    }

    /// Takes everything that is not durable yet, each record once as it is now.
    pub(crate) fn take_unsaved(&mut self, now: Time) -> Vec<Change> {
        let unsaved = core::mem::take(&mut self.unsaved);
        Arc::make_mut(&mut self.fleet).time = self.fleet.time.max(now);
        let mut changes = Vec::with_capacity(unsaved.others.len() + unsaved.servers.len() + 1);
        if unsaved.fleet {
            changes.push(Change::Fleet(Arc::clone(&self.fleet)));
        }
        let servers = self.split().0;
        for id in unsaved.servers {
            let Some(server) = servers.get_mut(id) else { continue };
            server.is_unsaved = false;
            changes.push(Change::Server(Arc::clone(&server.record)));
        }
        changes.extend(unsaved.others);
        changes
    }

    /// Takes everything for durable, since that is where it came from.
    pub(crate) fn forget_unsaved(&mut self) {
        self.take_unsaved(Time::ZERO);
    }
}
