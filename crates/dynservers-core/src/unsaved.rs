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
    /// Written first: whoever is adopted may bear the number of one that was forgotten just before.
    pub(crate) forgotten: Vec<ServerId>,
    pub(crate) others: Vec<Change>,
}

impl Ledger {
    pub(crate) fn has_unsaved(&self) -> bool {
        let Unsaved { fleet, servers, forgotten, others } = &self.unsaved;
        *fleet || !(servers.is_empty() && forgotten.is_empty() && others.is_empty())
    }

    /// Takes everything that is not durable yet, each record once as it is now.
    pub(crate) fn take_unsaved(&mut self, now: Time) -> Vec<Change> {
        let unsaved = core::mem::take(&mut self.unsaved);
        Arc::make_mut(&mut self.fleet).time = self.fleet.time.max(now);
        let most = 1 + unsaved.forgotten.len() + unsaved.servers.len() + unsaved.others.len();
        let mut changes = Vec::with_capacity(most);
        if unsaved.fleet {
            changes.push(Change::Fleet(Arc::clone(&self.fleet)));
        }
        changes.extend(unsaved.forgotten.into_iter().map(Change::Forget));
        let servers = self.split().0;
        for id in unsaved.servers {
            let Some(server) = servers.get_mut(id).filter(|server| server.is_unsaved) else { continue };
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
