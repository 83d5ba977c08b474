//! Who lives, by fleet and by identity: what tells a leak or a double apart from a fleet.

use std::collections::{BTreeMap, BTreeSet};

use dynservers_core::labels::{FLEET, ID, OWNER, TOKEN};
use serde::{Deserialize, Serialize};

use super::labels::{self, Labels};

/// What two living servers must not share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Identity {
    /// The token of one attempt to create.
    Token(String),
    /// One record of one ledger.
    Record {
        /// The ledger.
        owner: String,
        /// The record.
        id: String,
    },
}

/// Counts and peaks over the servers that exist.
#[derive(Clone, Debug, Default)]
pub(super) struct Census {
    pub(super) living: u64,
    pub(super) peak: u64,
    pub(super) peak_by_fleet: BTreeMap<String, u64>,
    by_fleet: BTreeMap<String, u64>,
    bearers: BTreeMap<Identity, BTreeSet<u64>>,
    /// Identities that two living servers shared at any time.
    pub(super) ever_doubled: BTreeSet<Identity>,
}

impl Census {
    pub(super) fn enter(&mut self, server: u64, labels: &Labels) {
        self.living += 1;
        self.peak = self.peak.max(self.living);
        if let Some(fleet) = labels::value_of(labels, FLEET) {
            let count = self.by_fleet.entry(fleet.to_owned()).or_default();
            *count += 1;
            let peak = self.peak_by_fleet.entry(fleet.to_owned()).or_default();
            *peak = (*peak).max(*count);
        }
        for identity in identities(labels) {
            let bearers = self.bearers.entry(identity.clone()).or_default();
            bearers.insert(server);
            if bearers.len() > 1 {
                self.ever_doubled.insert(identity);
            }
        }
    }

    pub(super) fn leave(&mut self, server: u64, labels: &Labels) {
        self.living = self.living.saturating_sub(1);
        if let Some(count) = labels::value_of(labels, FLEET).and_then(|fleet| self.by_fleet.get_mut(fleet)) {
            *count = count.saturating_sub(1);
        }
        for identity in identities(labels) {
            let emptied = self.bearers.get_mut(&identity).is_some_and(|bearers| {
                bearers.remove(&server);
                bearers.is_empty()
            });
            if emptied {
                self.bearers.remove(&identity);
            }
        }
    }

    /// Gives the identities that living servers share, with the numbers of those servers.
    pub(super) fn doubled(&self) -> impl Iterator<Item = (&Identity, &BTreeSet<u64>)> {
        self.bearers.iter().filter(|(_, bearers)| bearers.len() > 1)
    }
}

fn identities(labels: &Labels) -> impl Iterator<Item = Identity> + use<> {
    let text = |key| labels::value_of(labels, key).map(ToOwned::to_owned);
    let token = text(TOKEN).map(Identity::Token);
    let record = text(OWNER).zip(text(ID)).map(|(owner, id)| Identity::Record { owner, id });
    token.into_iter().chain(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_seen_while_they_live_and_remembered_after() {
        let labels = |token: &str| -> Labels {
            [(FLEET, "workers"), (OWNER, "me"), (ID, "7"), (TOKEN, token)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into()
        };
        let mut census = Census::default();
        census.enter(1, &labels("a"));
        assert_eq!(census.doubled().count(), 0);
        census.enter(2, &labels("b"));
        let record = Identity::Record { owner: "me".into(), id: "7".into() };
        assert_eq!(census.doubled().map(|(identity, _)| identity).collect::<Vec<_>>(), [&record]);
        census.leave(1, &labels("a"));
        assert_eq!(census.doubled().count(), 0);
        assert!(census.ever_doubled.contains(&record));
        assert_eq!((census.living, census.peak, census.peak_by_fleet["workers"]), (1, 2, 2));
    }
}
