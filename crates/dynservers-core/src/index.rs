//! Indexes: counts and sets that make an input cost O(log n), kept by what a record says before and after.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::ids::{ProviderId, ServerId};
use crate::record::FoundRecord;
use crate::server::{Class, Server};
use crate::status::Status;
use crate::time::Time;

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

    pub(crate) fn leave(&mut self, id: ServerId, keys: &Keys) {
        self.counts[keys.status as usize] -= u32::from(keys.class != Class::Left);
        self.classes[keys.class.index()].remove(&id);
        self.existing -= u32::from(keys.exists);
        self.flagged.remove(&id);
        self.replacing.remove(&id);
        self.reprievable.remove(&id);
    }

    pub(crate) fn enter(&mut self, id: ServerId, keys: &Keys) {
        // A server that is no longer ours is no server of the type, whatever its row says.
        self.counts[keys.status as usize] += u32::from(keys.class != Class::Left);
        self.classes[keys.class.index()].insert(id);
        self.existing += u32::from(keys.exists);
        if keys.flagged {
            self.flagged.insert(id);
        }
        if keys.replacing.is_some() {
            self.replacing.insert(id);
        }
        if keys.reprievable {
            self.reprievable.insert(id);
        }
    }
}

/// The servers at one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProviderIndex {
    pub(crate) by_id: BTreeMap<ProviderId, ServerId>,
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
}

impl ProviderIndex {
    pub(crate) fn leave(&mut self, id: ServerId, keys: &Keys) {
        self.existing -= u32::from(keys.exists);
        self.uncounted -= u32::from(keys.uncounted);
        self.restless -= u32::from(keys.restless);
        self.suspected -= u32::from(keys.suspected);
        self.watched.remove(&id);
        self.left.remove(&id);
    }

    pub(crate) fn enter(&mut self, id: ServerId, keys: &Keys) {
        self.existing += u32::from(keys.exists);
        self.uncounted += u32::from(keys.uncounted);
        self.restless += u32::from(keys.restless);
        self.suspected += u32::from(keys.suspected);
        if keys.watched {
            self.watched.insert(id);
        }
        if keys.class == Class::Left {
            self.left.insert(id);
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

impl Keys {
    pub(crate) fn of(server: &Server) -> Self {
        let Server { record, live } = server;
        let class = record.class();
        let lives = matches!(class, Class::New | Class::Starting | Class::Up | Class::Failed);
        Self {
            status: record.status,
            class,
            exists: record.may_exist(),
            uncounted: record.may_exist() && !live.counted,
            restless: record.is_restless(),
            suspected: live.suspected && record.status != Status::Deleted,
            watched: server.is_watched(),
            flagged: class == Class::Up
                && record.status == Status::Running
                && record.reboot_requested_at.is_some(),
            replacing: record.replaces.filter(|_| lives),
            reprievable: class == Class::Going && record.is_reprievable(),
        }
    }
}
