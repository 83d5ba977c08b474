//! Effects under way: what was issued, when, and until when an answer can be hoped for.

use alloc::collections::BTreeMap;

use crate::effect::Step;
use crate::ids::{EffectId, ProviderName, ServerId, Token};
use crate::plan::Task;
use crate::time::Time;

/// One effect under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    pub(crate) provider: ProviderName,
    pub(crate) errand: Errand,
    /// When it was issued: what its answer shows is not older.
    pub(crate) begun: Time,
    /// When an answer can no longer be hoped for.
    pub(crate) deadline: Time,
    /// No answer came in time: it counts as lost, and what comes yet is old news that may still matter.
    pub(crate) overdue: bool,
}

/// What an effect is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Who we are there.
    Check,
    /// One page of a look.
    Look,
    /// The account's total.
    Account,
    /// The creation of a server by the attempt of this token.
    Create(ServerId, Token),
    /// Anything else about one server; a search keeps its token.
    Server(ServerId, Task, Option<Token>),
}

impl Errand {
    pub(crate) const fn is_change(&self) -> bool {
        match self {
            Self::Check | Self::Look | Self::Account => false,
            Self::Create(..) => true,
            Self::Server(_, task, _) => !task.is_read(),
        }
    }

    pub(crate) const fn server(&self) -> Option<ServerId> {
        match self {
            Self::Check | Self::Look | Self::Account => None,
            Self::Create(server, _) | Self::Server(server, _, _) => Some(*server),
        }
    }
}

/// All effects under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InFlight {
    flights: BTreeMap<EffectId, Flight>,
    last: u64,
}

impl InFlight {
    pub(crate) fn add(&mut self, flight: Flight) -> EffectId {
        self.last += 1;
        self.flights.insert(EffectId(self.last), flight);
        EffectId(self.last)
    }

    /// Takes one out whose answer came.
    pub(crate) fn take(&mut self, id: EffectId) -> Option<Flight> {
        self.flights.remove(&id)
    }

    /// Marks one as overdue. A create is kept, since its late success must not be ignored; the rest is forgotten.
    pub(crate) fn expire(&mut self, id: EffectId) -> Option<Flight> {
        let flight = self.flights.get_mut(&id)?;
        flight.overdue = true;
        let flight = flight.clone();
        if !matches!(flight.errand, Errand::Create(..)) {
            self.flights.remove(&id);
        }
        Some(flight)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.flights.values().all(|flight| flight.overdue)
    }
}

/// A look, a check or a reading of the account under way, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) begun: Time,
    pub(crate) next: Option<Step>,
}
