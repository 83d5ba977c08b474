//! The ledger: every record, with the counts and indexes that make an input cost O(log n).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::COMMANDS_KEPT;
use crate::event::{Event, EventKind};
use crate::ids::{CommandId, EventId, ProviderId, ProviderName, ServerId, SpecHash, Token, TypeName};
use crate::index::{FoundServer, Indexes, Keys, LiveKeys, Names, ProviderIndex, TypeIndex, entry};
use crate::record::{
    Change, CommandRecord, FleetRecord, Found, FoundRecord, ServerRecord, Stored, TypeRecord,
};
use crate::server::{Live, Server};
use crate::servers::Servers;
use crate::spec::Spec;
use crate::status::Status;
use crate::tables::{NumberHasher, Table};
use crate::time::Time;
use crate::touched::Touched;
use crate::unsaved::Unsaved;

/// The durable truth in memory, and what of it is not durable yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// Shared with the write under way, as the servers' records are.
    pub(crate) fleet: Arc<FleetRecord>,
    servers: Servers,
    specs: BTreeMap<SpecHash, Arc<Spec>>,
    commands: BTreeMap<CommandId, CommandRecord>,
    command_order: VecDeque<CommandId>,
    tokens: Table<Token, ServerId, NumberHasher>,
    replaced: BTreeMap<ServerId, ServerId>,
    pub(crate) types: BTreeMap<TypeName, TypeIndex>,
    pub(crate) providers: BTreeMap<ProviderName, ProviderIndex>,
    pub(crate) touched: Touched<ServerId>,
    pub(crate) touched_types: Touched<TypeName>,
    pub(crate) unsaved: Unsaved,
}

impl Ledger {
    /// Takes a ledger as a store gave it back.
    #[must_use]
    pub fn restore(stored: Stored) -> Self {
        let mut ledger = Self {
            fleet: Arc::new(stored.fleet),
            servers: Servers::default(),
            specs: stored.specs.into_iter().map(|spec| (spec.hash(), Arc::new(spec))).collect(),
            commands: BTreeMap::new(),
            command_order: VecDeque::new(),
            tokens: Table::default(),
            replaced: BTreeMap::new(),
            types: BTreeMap::new(),
            providers: BTreeMap::new(),
            touched: Touched::default(),
            touched_types: Touched::default(),
            unsaved: Unsaved::default(),
        };
        Arc::make_mut(&mut ledger.fleet).mend_numbers();
        for record in stored.servers {
            ledger.skip_server_ids(record.id);
            ledger.insert(record);
        }
        for record in stored.found {
            ledger.put_found(record, None);
        }
        for command in stored.commands {
            ledger.keep_command(command);
        }
        ledger.forget_unsaved();
        ledger
    }

    /// Gives every record, in the order of their numbers.
    pub fn servers(&self) -> impl Iterator<Item = &ServerRecord> {
        self.servers.ids().into_iter().filter_map(|id| self.server(id))
    }

    /// Gives one record.
    #[must_use]
    pub fn server(&self, id: ServerId) -> Option<&ServerRecord> {
        self.servers.get(id).map(|server| &*server.record)
    }

    /// Gives the servers without a record.
    pub fn found(&self) -> impl Iterator<Item = &FoundRecord> {
        self.providers.values().flat_map(|index| index.found.values().map(|found| &found.record))
    }

    /// Gives the fleet's row.
    #[must_use]
    pub fn fleet(&self) -> &FleetRecord {
        &self.fleet
    }

    /// Gives how many servers of a type have a status, without those that are no longer ours.
    #[must_use]
    pub fn count(&self, server_type: &TypeName, status: Status) -> u32 {
        self.types.get(server_type).map_or(0, |index| index.counts[status as usize])
    }

    /// Gives how many servers of a type count towards the desired number: new, starting, running and rebooting.
    #[must_use]
    pub fn provisioned(&self, server_type: &TypeName) -> u32 {
        let counted = Status::ALL.into_iter().filter(|status| status.is_provisioned());
        counted.map(|status| self.count(server_type, status)).sum()
    }

    /// Gives what a type's servers are made from, by its hash.
    #[must_use]
    pub fn spec(&self, hash: SpecHash) -> Option<&Arc<Spec>> {
        self.specs.get(&hash)
    }

    pub(crate) fn get(&self, id: ServerId) -> Option<&Server> {
        self.servers.get(id)
    }

    pub(crate) fn ids(&self) -> Vec<ServerId> {
        self.servers.ids()
    }

    pub(crate) fn by_token(&self, token: Token) -> Option<ServerId> {
        self.tokens.get(&token).copied()
    }

    pub(crate) fn by_provider_id(&self, provider: &ProviderName, id: &ProviderId) -> Option<ServerId> {
        self.providers.get(provider)?.by_id.get(id).copied()
    }

    pub(crate) fn forget_token(&mut self, token: Token) {
        self.tokens.remove(&token);
    }

    /// Gives the living server that stands in for a failed one.
    pub(crate) fn replacement_of(&self, failed: ServerId) -> Option<ServerId> {
        self.replaced.get(&failed).copied()
    }

    pub(crate) fn command(&self, id: &CommandId) -> Option<&CommandRecord> {
        self.commands.get(id)
    }

    pub(crate) fn type_index(&mut self, server_type: &TypeName) -> &TypeIndex {
        entry(&mut self.types, server_type)
    }

    pub(crate) fn provider_index(&mut self, provider: &ProviderName) -> &mut ProviderIndex {
        entry(&mut self.providers, provider)
    }

    /// Changes the fleet's row.
    pub(crate) fn update_fleet(&mut self, change: impl FnOnce(&mut FleetRecord)) {
        change(Arc::make_mut(&mut self.fleet));
        self.unsaved.fleet = true;
    }

    /// Changes what is remembered of a type.
    pub(crate) fn update_type(&mut self, server_type: &TypeName, change: impl FnOnce(&mut TypeRecord)) {
        change(entry(&mut Arc::make_mut(&mut self.fleet).types, server_type));
        self.unsaved.fleet = true;
        self.touched_types.insert(server_type);
    }

    /// Gives the number for a new server.
    pub(crate) fn next_server_id(&mut self) -> ServerId {
        self.unsaved.fleet = true;
        Arc::make_mut(&mut self.fleet).take_number()
    }

    /// Sees to it that no number up to this one is given again.
    pub(crate) fn skip_server_ids(&mut self, seen: ServerId) {
        self.unsaved.fleet |= Arc::make_mut(&mut self.fleet).skip_numbers(seen);
    }

    /// Adds a record.
    pub(crate) fn insert(&mut self, record: ServerRecord) {
        let id = record.id;
        let server = Server { is_unsaved: true, ..Server::new(record, Live::default()) };
        let (servers, mut indexes) = self.split();
        indexes.put_names(&server.record);
        indexes.shift(&server.record, None, Some(&Keys::of(&server)));
        servers.insert(server);
        self.unsaved.servers.push(id);
        self.touched.insert(&id);
    }

    /// Changes a record, and with it every count and index.
    pub(crate) fn update<T>(
        &mut self,
        id: ServerId,
        change: impl FnOnce(&mut ServerRecord) -> T,
    ) -> Option<T> {
        let (servers, mut indexes) = self.split();
        let server = servers.get_mut(id)?;
        let (keys, names) = (Keys::of(server), Names::of(&server.record));
        let result = change(Arc::make_mut(&mut server.record));
        if names != Names::of(&server.record) {
            indexes.put_names(&server.record);
        }
        indexes.shift(&server.record, Some(&keys), Some(&Keys::of(server)));
        if !core::mem::replace(&mut server.is_unsaved, true) {
            self.unsaved.servers.push(id);
        }
        self.touched.insert(&id);
        Some(result)
    }

    /// Changes what this process knows of a server; nothing of it is written.
    pub(crate) fn update_live<T>(&mut self, id: ServerId, change: impl FnOnce(&mut Live) -> T) -> Option<T> {
        let (servers, mut indexes) = self.split();
        let server = servers.get_mut(id)?;
        let before = LiveKeys::of(&server.live);
        let result = change(&mut server.live);
        if before != LiveKeys::of(&server.live) {
            let keys = Keys::of(server);
            indexes.shift(&server.record, Some(&keys.with(before, &server.record)), Some(&keys));
        }
        Some(result)
    }

    /// Gives the records, and apart from them what they are found by.
    pub(crate) fn split(&mut self) -> (&mut Servers, Indexes<'_>) {
        let Self { servers, tokens, replaced, types, providers, touched_types, .. } = self;
        (servers, Indexes { tokens, replaced, types, providers, touched_types })
    }

    /// Drops a record.
    pub(crate) fn forget(&mut self, id: ServerId) {
        let (servers, mut indexes) = self.split();
        let Some(server) = servers.remove(id) else { return };
        indexes.shift(&server.record, Some(&Keys::of(&server)), None);
        if let Some(attempt) = &server.record.attempt {
            self.tokens.remove(&attempt.token);
        }
        for token in &server.record.abandoned {
            self.tokens.remove(token);
        }
        if let Some(provider_id) = &server.record.provider_id {
            let index = self.provider_index(&server.record.provider);
            if index.by_id.get(provider_id) == Some(&id) {
                index.by_id.remove(provider_id);
            }
        }
        self.unsaved.forgotten.push(id);
    }

    /// Notes a server without a record, or news of it.
    pub(crate) fn put_found(&mut self, record: FoundRecord, seen: Option<Time>) {
        self.drop_found(&record.provider.clone(), &record.provider_id.clone());
        self.count_found(&record, 1);
        self.unsaved.others.push(Change::Found(Box::new(record.clone())));
        let found = FoundServer { seen, record, misses: 0, missed_at: Time::ZERO };
        self.provider_index(&found.record.provider.clone())
            .found
            .insert(found.record.provider_id.clone(), found);
    }

    /// Drops a server without a record: it has one now, or is gone.
    pub(crate) fn drop_found(&mut self, provider: &ProviderName, id: &ProviderId) -> Option<FoundRecord> {
        let found = self.provider_index(provider).found.remove(id)?;
        self.count_found(&found.record, -1);
        self.unsaved.others.push(Change::FoundNoMore(provider.clone(), Box::new(id.clone())));
        Some(found.record)
    }

    /// Interns a specification.
    pub(crate) fn keep_spec(&mut self, spec: Arc<Spec>) -> SpecHash {
        let hash = spec.hash();
        if let alloc::collections::btree_map::Entry::Vacant(vacant) = self.specs.entry(hash) {
            self.unsaved.others.push(Change::Spec(Arc::clone(&spec)));
            vacant.insert(spec);
        }
        hash
    }

    /// Remembers a command's answer.
    pub(crate) fn keep_command(&mut self, record: CommandRecord) {
        let id = record.command.id.clone();
        self.unsaved.others.push(Change::Command(Box::new(record.clone())));
        if self.commands.insert(id.clone(), record).is_none() {
            self.command_order.push_back(id);
        }
        if self.command_order.len() > COMMANDS_KEPT
            && let Some(oldest) = self.command_order.pop_front()
        {
            self.commands.remove(&oldest);
        }
    }

    /// Appends to the log.
    pub(crate) fn log(&mut self, kind: EventKind, now: Time) -> Arc<Event> {
        let fleet = Arc::make_mut(&mut self.fleet);
        let event = Arc::new(Event { id: EventId(fleet.next_event), at: now, kind });
        fleet.next_event = fleet.next_event.saturating_add(1);
        self.unsaved.fleet = true;
        self.unsaved.others.push(Change::Event(Arc::clone(&event)));
        event
    }

    fn count_found(&mut self, record: &FoundRecord, by: i32) {
        let Some(server_type) = &record.server_type else { return };
        let index = self.types.entry(server_type.clone()).or_default();
        let count = match record.kind {
            Found::Orphan => &mut index.orphans,
            Found::Held => &mut index.held,
        };
        *count = count.saturating_add_signed(by);
        self.touched_types.insert(server_type);
    }
}

#[cfg(test)]
mod tests;
