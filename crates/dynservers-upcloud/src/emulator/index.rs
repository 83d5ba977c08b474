//! What listings show, in the order of creation, with an index by label.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::Labels;

/// The numbers of listed servers, by label.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    all: BTreeSet<u64>,
    by_key: BTreeMap<String, BTreeSet<u64>>,
    by_pair: BTreeMap<String, BTreeMap<String, BTreeSet<u64>>>,
}

/// One label filter; several are combined by "and".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// The label is there.
    Has(String),
    /// The label has this value.
    Is(String, String),
}

impl Filter {
    /// Reads `key` or `key=value`.
    pub(super) fn of(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) => Self::Is(key.to_owned(), value.to_owned()),
            None => Self::Has(text.to_owned()),
        }
    }
}

/// The servers that pass every filter.
pub(super) struct Matches<'a> {
    /// The smallest of the sets to pass.
    smallest: &'a BTreeSet<u64>,
    rest: Vec<&'a BTreeSet<u64>>,
}

impl Index {
    pub(super) fn insert(&mut self, server: u64, labels: &Labels) {
        self.all.insert(server);
        for (key, value) in labels {
            self.by_key.entry(key.clone()).or_default().insert(server);
            let values = self.by_pair.entry(key.clone()).or_default();
            values.entry(value.clone()).or_default().insert(server);
        }
    }

    pub(super) fn remove(&mut self, server: u64, labels: &Labels) {
        self.all.remove(&server);
        for (key, value) in labels {
            if let Some(servers) = self.by_key.get_mut(key) {
                servers.remove(&server);
            }
            if let Some(values) = self.by_pair.get_mut(key) {
                // Tokens are unique: a value that nobody bears any more would stay for ever.
                if let Some(servers) = values.get_mut(value) {
                    servers.remove(&server);
                    if servers.is_empty() {
                        values.remove(value);
                    }
                }
            }
        }
    }

    pub(super) fn matches(&self, filters: &[Filter]) -> Matches<'_> {
        static NOBODY: BTreeSet<u64> = BTreeSet::new();
        let set = |filter: &Filter| match filter {
            Filter::Has(key) => self.by_key.get(key),
            Filter::Is(key, value) => self.by_pair.get(key).and_then(|values| values.get(value)),
        };
        let mut sets: Vec<_> = filters.iter().map(|filter| set(filter).unwrap_or(&NOBODY)).collect();
        sets.sort_by_key(|set| set.len());
        let mut sets = sets.into_iter();
        Matches { smallest: sets.next().unwrap_or(&self.all), rest: sets.collect() }
    }
}

impl<'a> Matches<'a> {
    /// Gives the servers in the order of creation.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + use<'_, 'a> {
        let passes = |server: &u64| self.rest.iter().all(|set| set.contains(server));
        self.smallest.iter().copied().filter(passes)
    }

    /// Counts them, at once where there is but one filter.
    pub(super) fn count(&self) -> usize {
        if self.rest.is_empty() { self.smallest.len() } else { self.iter().count() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_anded_and_the_order_is_that_of_creation() {
        let mut index = Index::default();
        let labels = |fleet: &str, token: &str| {
            vec![("fleet".to_owned(), fleet.to_owned()), ("token".to_owned(), token.to_owned())]
        };
        for (server, fleet) in [(3, "a"), (1, "a"), (2, "b")] {
            index.insert(server, &labels(fleet, &server.to_string()));
        }
        index.insert(4, &Labels::new());
        let found = |index: &Index, filters: &[&str]| {
            let filters: Vec<_> = filters.iter().map(|text| Filter::of(text)).collect();
            let matches = index.matches(&filters);
            let found: Vec<_> = matches.iter().collect();
            assert_eq!(found.len(), matches.count());
            found
        };
        assert_eq!(found(&index, &[]), [1, 2, 3, 4]);
        assert_eq!(found(&index, &["fleet"]), [1, 2, 3]);
        assert_eq!(found(&index, &["fleet=a"]), [1, 3]);
        assert_eq!(found(&index, &["fleet=a", "token=3"]), [3]);
        assert_eq!(found(&index, &["fleet=a", "token=2"]), Vec::<u64>::new());
        assert_eq!(found(&index, &["other"]), Vec::<u64>::new());
        index.remove(3, &labels("a", "3"));
        assert_eq!(found(&index, &["fleet=a"]), [1]);
        assert_eq!(found(&index, &["token=3"]), Vec::<u64>::new());
    }
}
