//! Indexes: counts and sets that make an input cost O(log n), kept by what a record says before and after.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::ids::{ProviderId, ProviderName, ServerId, Token, TypeName};
use crate::record::{FoundRecord, ServerRecord};
use crate::server::{Class, Live, Server};
use crate::status::Status;
use crate::tables::{NumberHasher, Table, TextHasher};
use crate::time::Time;
use crate::touched::Touched;

/// The servers of one type, by what they count as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TypeIndex {
    pub(crate) counts: [u32; Status::ALL.len()],
    classes: [BTreeSet<ServerId>; Class::COUNT],
    pub(crate) existing: u32,
    /// Running servers that are to be rebooted.
    pub(crate) flagged: BTreeSet<ServerId>,
    /// Living servers that stand in for failed ones.
    pub(crate) replacing: BTreeSet<ServerId>,
    /// Those on their way out whose end can still be undone.
    pub(crate) reprievable: BTreeSet<ServerId>,
    pub(crate) held: u32,
    pub(crate) orphans: u32,
}

impl TypeIndex {
    pub(crate) fn class(&self, class: Class) -> &BTreeSet<ServerId> {
        &self.classes[class.index()]
    }

    pub(crate) fn count(&self, class: Class) -> u32 {
        u32::try_from(self.class(class).len()).unwrap_or(u32::MAX)
    }

    /// Moves a server from where it was to where it is. What stays the same is left alone.
    pub(crate) fn shift(&mut self, id: ServerId, before: Option<&Keys>, after: Option<&Keys>) {
        // A server that is no longer ours is no server of the type, whatever its row says.
        let counted = |keys: &&Keys| keys.class != Class::Left;
        if let Some(keys) = before.filter(counted) {
            self.counts[keys.status as usize] -= 1;
        }
        if let Some(keys) = after.filter(counted) {
            self.counts[keys.status as usize] += 1;
        }
        let (was, is) = (before.map(|keys| keys.class), after.map(|keys| keys.class));
        if was != is {
            if let Some(class) = was {
                self.classes[class.index()].remove(&id);
            }
            if let Some(class) = is {
                self.classes[class.index()].insert(id);
            }
        }
        let change = Change { id, before, after };
        change.count(&mut self.existing, |keys| keys.exists);
        change.sort(&mut self.flagged, |keys| keys.flagged);
        change.sort(&mut self.replacing, |keys| keys.replacing.is_some());
        change.sort(&mut self.reprievable, |keys| keys.reprievable);
    }
}

/// The servers at one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProviderIndex {
    pub(crate) by_id: Table<ProviderId, ServerId, TextHasher>,
    /// The provider once gave one id to two servers: then the index alone says whose it is.
    pub(crate) is_ambiguous: bool,
    pub(crate) found: BTreeMap<ProviderId, FoundServer>,
    /// Those that take part in looks: bound, not gone, and still ours.
    pub(crate) watched: BTreeSet<ServerId>,
    /// Those that somebody took from us.
    pub(crate) left: BTreeSet<ServerId>,
    /// How many may exist there, whatever state they are in.
    pub(crate) existing: u32,
    /// How many of those no known total of the account includes.
    pub(crate) uncounted: u32,
    /// How many are worth looking for soon.
    pub(crate) restless: u32,
    /// How many were missed and not yet asked about.
    pub(crate) suspected: u32,
    /// How often one of those that take part in looks ceased to.
    pub(crate) departed: u64,
}

impl ProviderIndex {
    /// Moves a server from where it was to where it is. What stays the same is left alone.
    pub(crate) fn shift(&mut self, id: ServerId, before: Option<&Keys>, after: Option<&Keys>) {
        let change = Change { id, before, after };
        change.count(&mut self.existing, |keys| keys.exists);
        change.count(&mut self.uncounted, |keys| keys.uncounted);
        change.count(&mut self.restless, |keys| keys.restless);
        change.count(&mut self.suspected, |keys| keys.suspected);
        let watched = |keys: &Keys| keys.watched;
        self.departed += u64::from(before.is_some_and(watched) && !after.is_some_and(watched));
        change.sort(&mut self.watched, watched);
        change.sort(&mut self.left, |keys| keys.class == Class::Left);
    }
}

/// What changed of a server, for counts and sets of those of which something holds.
struct Change<'a> {
    id: ServerId,
    before: Option<&'a Keys>,
    after: Option<&'a Keys>,
}

impl Change<'_> {
    fn count(&self, number: &mut u32, holds: fn(&Keys) -> bool) {
        *number -= u32::from(self.before.is_some_and(holds));
        *number += u32::from(self.after.is_some_and(holds));
    }

    fn sort(&self, set: &mut BTreeSet<ServerId>, holds: fn(&Keys) -> bool) {
        match (self.before.is_some_and(holds), self.after.is_some_and(holds)) {
            (true, false) => {
                set.remove(&self.id);
            }
            (false, true) => {
                set.insert(self.id);
            }
            (true, true) | (false, false) => {}
        }
    }
}

/// A server without a record, and when it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundServer {
    pub(crate) record: FoundRecord,
    /// When the latest look that showed it began; none before this process saw it.
    pub(crate) seen: Option<Time>,
    /// How many looks in a row that were read to their end missed it.
    pub(crate) misses: u8,
    /// When the first of them began.
    pub(crate) missed_at: Time,
}

/// What the indexes say of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that hold or not, each by itself")]
pub(crate) struct Keys {
    pub(crate) status: Status,
    pub(crate) class: Class,
    pub(crate) exists: bool,
    pub(crate) uncounted: bool,
    pub(crate) restless: bool,
    pub(crate) suspected: bool,
    pub(crate) flagged: bool,
    pub(crate) watched: bool,
    pub(crate) replacing: Option<ServerId>,
    pub(crate) reprievable: bool,
}

/// What of the keys depends on what only this process knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct LiveKeys {
    counted: bool,
    suspected: bool,
}

impl LiveKeys {
    pub(crate) const fn of(live: &Live) -> Self {
        Self { counted: live.counted, suspected: live.suspected }
    }
}

impl Keys {
    /// Gives what the keys of the same record are with another part that only this process knows.
    pub(crate) fn with(&self, live: LiveKeys, record: &ServerRecord) -> Self {
        Self {
            uncounted: self.exists && !live.counted,
            suspected: live.suspected && record.status != Status::Deleted,
            ..*self
        }
    }

    pub(crate) fn of(server: &Server) -> Self {
        let Server { record, live, .. } = server;
        let class = record.class();
        let lives = matches!(class, Class::New | Class::Starting | Class::Up | Class::Failed);
        let exists = record.may_exist();
        let keys = Self {
            status: record.status,
            class,
            exists,
            uncounted: false,
            restless: record.is_restless(),
            suspected: false,
            watched: server.is_watched(),
            flagged: class == Class::Up
                && record.status == Status::Running
                && record.reboot_requested_at.is_some(),
            replacing: record.replaces.filter(|_| lives),
            reprievable: class == Class::Going && record.is_reprievable(),
        };
        keys.with(LiveKeys::of(live), record)
    }
}

/// What a record is found by: whether the provider's id is known, and the token of its attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names(bool, Option<Token>);

impl Names {
    pub(crate) fn of(record: &ServerRecord) -> Self {
        Self(record.provider_id.is_some(), record.attempt.as_ref().map(|attempt| attempt.token))
    }
}

/// All of a ledger's indexes, apart from the records that they are of.
pub(crate) struct Indexes<'a> {
    pub(crate) tokens: &'a mut Table<Token, ServerId, NumberHasher>,
    pub(crate) replaced: &'a mut BTreeMap<ServerId, ServerId>,
    pub(crate) types: &'a mut BTreeMap<TypeName, TypeIndex>,
    pub(crate) providers: &'a mut BTreeMap<ProviderName, ProviderIndex>,
    pub(crate) touched_types: &'a mut Touched<TypeName>,
}

impl Indexes<'_> {
    /// Has a record found by its names.
    pub(crate) fn put_names(&mut self, record: &ServerRecord) {
        for token in
            record.abandoned.iter().copied().chain(record.attempt.as_ref().map(|attempt| attempt.token))
        {
            self.tokens.insert(token, record.id);
        }
        if let Some(provider_id) = &record.provider_id {
            let index = entry(self.providers, &record.provider);
            let before = index.by_id.insert(provider_id.clone(), record.id);
            index.is_ambiguous |= before.is_some_and(|before| before != record.id);
        }
    }

    /// Moves a record from one place in the indexes to another.
    pub(crate) fn shift(&mut self, record: &ServerRecord, before: Option<&Keys>, after: Option<&Keys>) {
        if before == after {
            return;
        }
        entry(self.types, &record.server_type).shift(record.id, before, after);
        entry(self.providers, &record.provider).shift(record.id, before, after);
        let (was, is) = (before.and_then(|keys| keys.replacing), after.and_then(|keys| keys.replacing));
        if let Some(failed) = was
            && self.replaced.get(&failed) == Some(&record.id)
        {
            self.replaced.remove(&failed);
        }
        self.replaced.extend(is.map(|failed| (failed, record.id)));
        self.touched_types.insert(&record.server_type);
    }
}

/// Gives what is kept under a name, which is copied only where it is new.
pub(crate) fn entry<'a, K: Clone + Ord, V: Default>(map: &'a mut BTreeMap<K, V>, name: &K) -> &'a mut V {
    if !map.contains_key(name) {
        map.insert(name.clone(), V::default());
    }
    map.get_mut(name).expect("it is there, since just now if not before")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FleetName, OwnerId};
    use crate::ledger::Ledger;
    use crate::record::Stored;
    use crate::why::Why;
    use proptest::prelude::*;

    /// Changes a record in one of many ways, whether or not the machine would.
    fn change(record: &mut ServerRecord, way: u8) {
        match way {
            0..12 => record.status = Status::ALL[usize::from(way)],
            12 => record.disowned = !record.disowned,
            13 => record.doom(Why::Surplus, Time::ZERO),
            14 => record.removal = None,
            15 => record.replaces = Some(ServerId(3)),
            16 => record.replaces = None,
            17 => record.reboot_requested_at = Some(Time::ZERO),
            _ => record.provider_id = ProviderId::new(alloc::format!("{}", record.id)).ok(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn indexes_that_follow_each_change_are_those_of_the_records_as_they_are(
            changes in prop::collection::vec((1_u64..5, 0_u8..20, any::<(bool, bool)>()), 0..60),
        ) {
            let stored = Stored::empty(FleetName::new("workers").unwrap(), OwnerId::from_random(1));
            let mut ledger = Ledger::restore(stored.clone());
            let (server_type, provider) = (TypeName::new("default").unwrap(), ProviderName::new("cloud").unwrap());
            for id in 1..5 {
                ledger.insert(ServerRecord::wanted(ServerId(id), server_type.clone(), provider.clone(), None, Time::ZERO));
            }
            for (id, way, (counted, suspected)) in changes {
                let id = ServerId(id);
                if way == 18 {
                    ledger.update_live(id, |live| (live.counted, live.suspected) = (counted, suspected));
                } else {
                    ledger.update(id, |record| change(record, way));
                }
            }
            let records: alloc::vec::Vec<_> = ledger.servers().cloned().collect();
            let mut again = Ledger::restore(Stored { servers: records, ..stored });
            for id in ledger.ids() {
                let live = ledger.get(id).unwrap().live.clone();
                again.update_live(id, |other| *other = live);
            }
            prop_assert_eq!(&ledger.types, &again.types);
            let (index, other) = (&ledger.providers[&provider], &again.providers[&provider]);
            let counts = |index: &ProviderIndex| (index.existing, index.uncounted, index.restless, index.suspected);
            prop_assert_eq!(counts(index), counts(other));
            prop_assert_eq!((&index.watched, &index.left, &index.by_id), (&other.watched, &other.left, &other.by_id));
        }
    }
}
