//! Settling: those who wait until the fleet is as it should be.

use dynservers_core::{FleetView, Time, TypeName};

use crate::handle::{Settled, Settling};

/// Those who wait. How many there are is bounded by their seats.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Vec<(Time, Settling)>);

impl Waiters {
    pub(crate) fn admit(&mut self, settling: Settling, now: Time) {
        self.0.push((now + settling.timeout, settling));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives when the patience of the next one ends.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.0.iter().map(|(deadline, _)| *deadline).min()
    }

    /// Answers everybody whose type is settled, and everybody whose patience has ended; forgets those who left.
    pub(crate) fn look(&mut self, view: &FleetView, now: Time) {
        for (deadline, settling) in std::mem::take(&mut self.0) {
            if settling.caller.is_gone() {
                continue;
            }
            let settled = is_settled(view, settling.server_type.as_ref());
            if settled || deadline <= now {
                settling.caller.answer(Settled { settled, at: now, view: view.clone() });
            } else {
                self.0.push((deadline, settling));
            }
        }
    }
}

/// Whether a type, or every type, is settled. A type that is not there is.
fn is_settled(view: &FleetView, server_type: Option<&TypeName>) -> bool {
    match server_type {
        Some(name) => view.types.get(name).is_none_or(|server_type| server_type.settled),
        None => view.types.values().all(|server_type| server_type.settled),
    }
}
