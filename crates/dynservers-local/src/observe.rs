//! Observations: how a server is, derived each time anew from its lock, its files and the machine's processes.

use std::cell::OnceCell;

use dynservers_core::{
    Account, Address, Failure, Network, Observed, Outcome, Page, ProviderId, ProviderState, Seam, Token,
};

use crate::children;
use crate::files::{During as _, FileError};
use crate::intent::Intent;
use crate::lock::Lock;
use crate::place::Place;
use crate::process::{Process, Table};
use crate::site::{Site, unreadable};
use crate::wish::{STARTS_MOST, What, Wish};

/// The machine's processes at one moment, read when somebody first asks.
#[derive(Debug, Default)]
pub(crate) struct Processes(OnceCell<Table>);

impl Processes {
    /// Whether any process of a server lives.
    fn any(&self, place: &Place, process: Option<&Process>) -> Result<bool, FileError> {
        let table = if let Some(table) = self.0.get() {
            table
        } else {
            let table = Table::read().during("list the processes for", place.path())?;
            self.0.get_or_init(|| table)
        };
        Ok(!table.members(place.token(), process).is_empty())
    }
}

/// What is known of a server without asking anybody.
#[derive(Debug)]
pub(crate) struct Known {
    /// Whether its lock is held: it is being made, or a process of it lives.
    pub(crate) held: bool,
    /// Its first process, of whatever boot.
    pub(crate) process: Option<Process>,
    /// What is wished of it.
    pub(crate) wish: Option<Wish>,
}

impl Known {
    pub(crate) fn read(place: &Place) -> Result<Self, FileError> {
        // The lock first: a process that is started in between writes itself down, and so is not taken for the old one.
        let held = Lock::is_held(&place.lock())?;
        Ok(Self { held, process: Process::read(place)?, wish: Wish::read(place)? })
    }

    /// Whether it has a process of this boot on record.
    pub(crate) fn has_process(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.is_of_this_boot().unwrap_or(false))
    }

    /// Whether anything of it lives: it holds the lock, or closed it as some programs do with whatever they inherit.
    pub(crate) fn is_alive(&self, place: &Place, processes: &Processes) -> Result<bool, FileError> {
        Ok(self.held || (self.has_process() && processes.any(place, self.process.as_ref())?))
    }

    /// Whether a restart of it is under way.
    pub(crate) fn restarts(&self) -> bool {
        let Some(Wish { what: What::Restart { starts, .. }, .. }) = &self.wish else { return false };
        let is_open = self.wish.as_ref().is_some_and(|wish| wish.restarts(self.process.as_ref()));
        is_open && (self.held || *starts < STARTS_MOST)
    }

    fn state(&self, place: &Place, processes: &Processes) -> Result<ProviderState, FileError> {
        let is_deleted = matches!(&self.wish, Some(Wish { what: What::Delete, .. }));
        Ok(match (self.held, self.has_process()) {
            (true, _) if is_deleted => ProviderState::Deleting,
            _ if self.restarts() => ProviderState::InProgress,
            (true, false) => ProviderState::InProgress,
            (true, true) => ProviderState::Running,
            (false, _) if self.is_alive(place, processes)? => ProviderState::Running,
            (false, _) => ProviderState::Stopped,
        })
    }
}

/// Shows one server.
pub(crate) fn observe(place: &Place, intent: &Intent, processes: &Processes) -> Result<Observed, FileError> {
    Ok(Observed {
        provider_id: id_of(place.token()),
        name: intent.name.clone(),
        labels: intent.found(),
        state: Known::read(place)?.state(place, processes)?,
        addresses: vec![Address { network: Network::Private, address: "127.0.0.1".to_owned() }],
    })
}

impl Site {
    /// Lists all servers of the fleet, having done for each what is overdue.
    pub(crate) fn look(&self) -> Outcome {
        self.try_look().unwrap_or_else(|outcome| outcome)
    }

    fn try_look(&self) -> Result<Outcome, Outcome> {
        self.require_home()?;
        children::reap();
        self.sweep();
        self.enforce_all();
        let places = self.places().map_err(|error| unreadable(&error))?;
        let processes = Processes::default();
        let mut servers = Vec::new();
        for place in places {
            // What resists is shown as it is.
            let _ = self.drop_unborn(&place);
            servers.extend(self.see(&place, &processes)?);
        }
        self.bell.ring();
        Ok(page(servers))
    }

    /// Lists the one server that bears a token.
    pub(crate) fn find_token(&self, token: Token) -> Outcome {
        self.try_find_token(token).unwrap_or_else(|outcome| outcome)
    }

    fn try_find_token(&self, token: Token) -> Result<Outcome, Outcome> {
        self.require_home()?;
        let place = self.home.server(token);
        let _ = self.drop_unborn(&place);
        let seen = self.see(&place, &Processes::default())?;
        let is_unread = seen.is_none() && Intent::read(&place).is_ok_and(|intent| intent.is_none());
        if is_unread && place.path().exists() {
            // It is there, and an empty listing would say that it is not.
            let message =
                format!("{} cannot be read as a server's: mend or remove it", place.intent().display());
            return Err(Outcome::Lost(Failure::new(message)));
        }
        Ok(page(seen.into_iter().collect()))
    }

    /// Shows a server of the fleet; none for what is not, or was removed meanwhile.
    fn see(&self, place: &Place, processes: &Processes) -> Result<Option<Observed>, Outcome> {
        let seen = self
            .ours(place)
            .and_then(|intent| intent.map(|intent| observe(place, &intent, processes)).transpose());
        match seen {
            Ok(Some(_)) if !place.path().exists() => Ok(None),
            Ok(seen) => Ok(seen),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Shows one server, or says that there is none. What is not ours is shown without labels.
    pub(crate) fn inspect(&self, id: &ProviderId) -> Outcome {
        self.try_inspect(id).unwrap_or_else(|outcome| outcome)
    }

    fn try_inspect(&self, id: &ProviderId) -> Result<Outcome, Outcome> {
        self.require_home()?;
        let place = self.place(id)?;
        if let Some(observed) = self.see(&place, &Processes::default())? {
            return Ok(Outcome::Inspected(observed));
        }
        // Again, since it may have been removed meanwhile.
        let place = self.place(id)?;
        let intent = Intent::read(&place).map_err(|error| unreadable(&error))?;
        Ok(Outcome::Inspected(Observed {
            provider_id: id.clone(),
            name: intent.as_ref().map(|intent| intent.name.clone()).unwrap_or_default(),
            labels: intent.map(|intent| intent.found()).unwrap_or_default(),
            state: ProviderState::Unknown,
            addresses: Vec::new(),
        }))
    }

    /// Tells who we are here and how many servers there are, whoever's.
    pub(crate) fn account(&self) -> Outcome {
        if let Err(outcome) = self.require_home() {
            return outcome;
        }
        match self.places() {
            Ok(places) => Outcome::Account(Account {
                total: Some(places.len() as u64),
                limit: None,
                identity: Some(self.identity.clone()),
            }),
            Err(error) => unreadable(&error),
        }
    }
}

/// Gives the id of a server: its token, so that a token finds its server and no two can be made of one.
fn id_of(token: Token) -> ProviderId {
    ProviderId::new(token.to_string()).expect("hexadecimal digits are a valid id")
}

fn page(servers: Vec<Observed>) -> Outcome {
    let total = Some(servers.len() as u64);
    Outcome::Page(Page { servers, total, seam: Seam::Overlapping })
}
