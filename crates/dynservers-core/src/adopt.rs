//! Adoption: servers with our labels that have no record, and how they get one.

use alloc::vec::Vec;

use crate::config::{OrphanPolicy, OtherOwnerPolicy};
use crate::event::EventKind;
use crate::ids::{ProviderName, ServerId, TypeName};
use crate::look::{Observed, ProviderState};
use crate::reconciler::Reconciler;
use crate::record::{Attempt, Found, FoundRecord, Phase, Retry, ServerRecord};
use crate::server::Sighting;
use crate::status::Status;
use crate::time::Time;
use crate::why::Why;

impl Reconciler {
    /// Notes a server of this fleet that no record knows.
    pub(crate) fn observe_unknown(&mut self, name: &ProviderName, observed: &Observed, begun: Time) {
        let takes =
            self.provider_config(name).is_some_and(|config| config.other_owner == OtherOwnerPolicy::Takeover);
        if takes && !self.is_ours(observed) {
            // Remembered, since the labels stay: the next look must not take it for somebody else's.
            self.take_owner(observed.labels.owner.as_ref());
        }
        let kind = if self.is_ours(observed) { Found::Orphan } else { Found::Held };
        let known = self.ledger.providers.get(name).and_then(|index| index.found.get(&observed.provider_id));
        let first_seen = known.map_or(self.now, |found| found.record.first_seen);
        let is_new = known.is_none_or(|found| found.record.kind != kind);
        let record = FoundRecord {
            provider: name.clone(),
            provider_id: observed.provider_id.clone(),
            name: observed.name.clone(),
            kind,
            owner: observed.labels.owner.clone(),
            server_type: observed.labels.server_type.clone(),
            server: observed.labels.server,
            token: observed.labels.token,
            spec: observed.labels.spec,
            state: observed.state,
            first_seen,
        };
        if known.is_none_or(|found| found.record != record) {
            self.ledger.put_found(record, Some(begun));
        } else if let Some(found) = self.ledger.provider_index(name).found.get_mut(&observed.provider_id) {
            found.seen = Some(begun);
            found.misses = 0;
        }
        if is_new {
            self.tell_found(name, observed, kind);
        }
    }

    fn tell_found(&mut self, name: &ProviderName, observed: &Observed, kind: Found) {
        let (provider, provider_id) = (name.clone(), observed.provider_id.clone());
        let is_first_look = self.provider(name).is_none_or(|live| !live.surveyed);
        match kind {
            Found::Orphan => {
                if is_first_look {
                    self.provider_mut(name).first_orphans += 1;
                }
                self.notify(EventKind::OrphanFound { provider, provider_id });
            }
            Found::Held => {
                let owner = observed.labels.owner.clone();
                self.notify(EventKind::OtherOwnerFound { provider, provider_id, owner });
                if !is_first_look {
                    self.note_second_controller(name);
                }
            }
        }
    }

    /// Another owner's server that was not there when we began: somebody makes them.
    fn note_second_controller(&mut self, name: &ProviderName) {
        let is_known = self.ledger.fleet().providers.get(name).is_some_and(|record| record.second_controller);
        if !is_known {
            self.ledger.update_fleet(|fleet| {
                fleet.providers.entry(name.clone()).or_default().second_controller = true;
            });
            self.notify(EventKind::SecondController { provider: name.clone() });
        }
    }

    /// A first look that shows unknown servers of our own means a ledger restored from an older copy: what was
    /// wanted since is not known, and nothing is created before they are taken in.
    pub(crate) fn note_restored(&mut self, name: &ProviderName) {
        let servers = self.provider(name).map_or(0, |live| live.first_orphans);
        if servers == 0 {
            return;
        }
        let until = self.now + self.grace(name);
        self.provider_mut(name).restored_until = Some(until);
        let types = self.config.server_types.iter().filter(|(_, config)| config.provider == *name);
        let silent = types.map(|(name, _)| name.clone()).filter(|name| !self.commanded.contains(name));
        let silent: Vec<TypeName> = silent.collect();
        for server_type in silent {
            // Nor by what was measured then.
            self.forget_demand(&server_type);
            self.ledger.update_type(&server_type, |record| record.desired = None);
        }
        self.notify(EventKind::LedgerRestored { provider: name.clone(), servers });
    }

    /// How long an unknown server of our own is watched before it becomes a record.
    fn grace(&self, name: &ProviderName) -> core::time::Duration {
        self.provider_config(name).map(|config| config.request_timeout + config.list_lag).unwrap_or_default()
    }

    /// Gives records to orphans whose grace is over and which the look just ended has shown.
    pub(crate) fn adopt_due(&mut self, name: &ProviderName, begun: Time) {
        let policy = self.provider_config(name).map_or(OrphanPolicy::Report, |config| config.orphans);
        if policy == OrphanPolicy::Report || self.config.shadow {
            return;
        }
        let grace = self.grace(name);
        let Some(index) = self.ledger.providers.get(name) else { return };
        let is_due = |found: &&crate::index::FoundServer| {
            found.record.kind == Found::Orphan
                && found.seen == Some(begun)
                && self.now >= found.record.first_seen + grace
        };
        let due: Vec<FoundRecord> =
            index.found.values().filter(is_due).map(|found| found.record.clone()).collect();
        for found in due {
            self.adopt_or_keep(found);
        }
        let is_awaited = |found: &crate::index::FoundServer| {
            found.record.kind == Found::Orphan && self.known_type(&found.record).is_some()
        };
        let index = self.ledger.providers.get(name);
        let awaits_orphans = index.is_some_and(|index| index.found.values().any(is_awaited));
        self.provider_mut(name).awaits_orphans = awaits_orphans;
    }

    fn known_type(&self, found: &FoundRecord) -> Option<TypeName> {
        let is_known = |name: &&TypeName| {
            self.config.server_types.contains_key(*name) || self.config.retired_types.contains(*name)
        };
        found.server_type.as_ref().filter(is_known).cloned()
    }

    /// Gives a found server a record, unless its type is not known: then it is an orphan that stays reported.
    pub(crate) fn adopt_or_keep(&mut self, found: FoundRecord) {
        let policy =
            self.provider_config(&found.provider).map_or(OrphanPolicy::Report, |config| config.orphans);
        match self.known_type(&found) {
            Some(server_type) => {
                let why =
                    (policy == OrphanPolicy::Delete && found.kind == Found::Orphan).then_some(Why::Orphan);
                // Else the next look would take it for another owner's again.
                self.take_owner(found.owner.as_ref());
                self.adopt(found, server_type, why);
            }
            // One without an owner's label cannot become ours: the next look would find another controller's at work.
            None if found.kind == Found::Held && found.owner.is_some() => {
                let seen = self.provider(&found.provider).and_then(|live| live.looked);
                self.ledger.put_found(FoundRecord { kind: Found::Orphan, ..found }, seen);
            }
            None => {}
        }
    }

    /// Takes in what bears a token that was given up, or that another server bears already, and lets it go.
    pub(crate) fn adopt_duplicate(&mut self, name: &ProviderName, observed: &Observed) {
        let id = observed.labels.token.and_then(|token| self.ledger.by_token(token));
        let server_type = id.and_then(|id| self.ledger.server(id)).map(|record| record.server_type.clone());
        let Some(server_type) = server_type.filter(|_| !self.config.shadow) else { return };
        let found = FoundRecord {
            provider: name.clone(),
            provider_id: observed.provider_id.clone(),
            name: observed.name.clone(),
            kind: Found::Orphan,
            owner: observed.labels.owner.clone(),
            server_type: Some(server_type.clone()),
            server: None,
            token: None,
            spec: observed.labels.spec,
            state: observed.state,
            first_seen: self.now,
        };
        self.adopt(found, server_type, Some(Why::Duplicate));
    }

    fn adopt(&mut self, found: FoundRecord, server_type: TypeName, doom: Option<Why>) {
        let now = self.now;
        self.ledger.drop_found(&found.provider, &found.provider_id);
        let id = self.free_id(found.server);
        let begun = self.provider(&found.provider).and_then(|live| live.looked).unwrap_or(now);
        let mut record = ServerRecord::wanted(id, server_type, found.provider, None, now);
        record.why = Why::Found;
        record.name = found.name.into();
        record.status = match found.state {
            ProviderState::Running => Status::Running,
            ProviderState::Stopped => Status::Stopped,
            ProviderState::Error => Status::Errored,
            ProviderState::InProgress | ProviderState::Deleting | ProviderState::Unknown => Status::Starting,
        };
        record.spec = found.spec;
        record.attempt = found.token.map(|token| Attempt { token, not_after: now, phase: Phase::Bound });
        record.provider_id = Some(found.provider_id);
        record.bound_at = Some(found.first_seen);
        record.failed_at = (found.state == ProviderState::Error).then_some(now);
        if found.state == ProviderState::Stopped && !self.config.shadow {
            record.doom(Why::FoundStopped, now);
        }
        let config = self.config.server_types.get(&record.server_type);
        if config.is_some_and(|config| config.drain.is_some()) {
            // Whoever had it before may have told its worker that it is to go. It is asked once it runs.
            record.recall = Some(Retry { tries: 0, at: now });
        }
        if let Some(why) = doom {
            record.removal = None;
            record.doom(why, now);
        }
        let told = record.tell();
        self.ledger.insert(record);
        self.ledger.update_live(id, |live| {
            live.seen = Some(Sighting { begun, state: found.state, is_listed: true });
            live.inspect = doom.is_none();
        });
        self.notify(EventKind::Adopted(told));
    }

    /// Gives the number that a found server bears, if no record has it.
    fn free_id(&mut self, label: Option<ServerId>) -> ServerId {
        match label.filter(|id| self.ledger.server(*id).is_none() && id.0 < u64::MAX) {
            Some(id) => {
                self.ledger.skip_server_ids(id);
                id
            }
            None => self.ledger.next_server_id(),
        }
    }
}
