//! Commands: what people and programs wish for, done once however often it is said.

use alloc::string::ToString;
use alloc::vec::Vec;

use serde_json::Value;

use crate::config::TypeConfig;
use crate::effect::{META_BYTES_MOST, META_ENTRIES_MOST};
use crate::event::EventKind;
use crate::ids::{ProviderName, ServerId, TypeName};
use crate::input::{Action, Command};
use crate::output::{Done, Output, Refusal, Reply};
use crate::provider::Provider;
use crate::reconciler::Reconciler;
use crate::record::{CommandRecord, Found, Hold, TypeRecord};
use crate::status::Status;

impl Reconciler {
    pub(crate) fn handle_command(&mut self, command: Command) {
        let id = command.id.clone();
        let known = self.ledger.command(&id);
        let reply = match known {
            Some(known) if known.command == command => known.reply.clone(),
            Some(_) => Err(Refusal::KeyReused),
            None if self.is_shutting_down => Err(Refusal::ShuttingDown),
            None => {
                let reply = self.carry_out(&command.action);
                // What was refused did nothing, so saying it again may as well be tried again.
                if reply.is_ok() {
                    self.ledger.keep_command(CommandRecord { command, reply: reply.clone(), at: self.now });
                }
                reply
            }
        };
        self.gate.send_after_write(Output::Reply { command: id, reply });
    }

    fn carry_out(&mut self, action: &Action) -> Reply {
        match action {
            Action::Ensure { server_type, count } => self.set_desired(server_type, |_| Ok(*count)),
            Action::Increase { server_type, by } => {
                self.set_desired(server_type, |before| before.map(|count| count.saturating_add(*by)))
            }
            Action::Decrease { server_type, by } => {
                self.set_desired(server_type, |before| before.map(|count| count.saturating_sub(*by)))
            }
            Action::Override { server_type, count, duration } => {
                self.set_override(server_type, *count, *duration)
            }
            Action::Reboot { server_type, at_a_time } => self.request_reboot(server_type, *at_a_time),
            Action::Protect { server, protected } => self.protect(*server, *protected),
            Action::AddMeta { server, key, value } => self.add_meta(*server, key, value),
            Action::Pause { out, inward } => Ok(self.pause(*out, *inward)),
            Action::Takeover { provider } => self.take_over(provider.as_ref()),
            Action::Resume { provider } => self.resume(provider.as_ref()),
        }
    }

    /// Sets the desired number from the one before, which is the number found while nobody said anything.
    fn set_desired(
        &mut self,
        server_type: &TypeName,
        next: impl FnOnce(Result<u32, Refusal>) -> Result<u32, Refusal>,
    ) -> Reply {
        let config = self.configured(server_type)?;
        if config.policy.is_some() {
            return Err(Refusal::HasSources { server_type: server_type.clone() });
        }
        let (min, max, provider) = (config.min, config.max, config.provider.clone());
        let before = self.ledger.fleet().types.get(server_type).and_then(|record| record.desired);
        let has_looked = self.providers.get(&provider).is_some_and(|provider| provider.surveyed);
        let from = match before {
            Some(before) => Ok(before),
            None if has_looked => Ok(self.target(server_type)),
            None => Err(Refusal::NotSeenYet),
        };
        let requested = next(from)?;
        let desired = requested.clamp(min, max);
        self.commanded.insert(server_type.clone());
        if before != Some(desired) {
            let own_name = self.config.own_type_name(server_type);
            self.ledger.update_type(&own_name, |record| record.desired = Some(desired));
            self.notify(EventKind::DesiredChanged {
                server_type: server_type.clone(),
                from: before,
                to: desired,
            });
        }
        Ok(Done::Desired { server_type: server_type.clone(), before, requested, desired })
    }

    /// Gives the configuration of a type that servers may be wanted of.
    pub(crate) fn configured(&self, server_type: &TypeName) -> Result<&TypeConfig, Refusal> {
        if self.config.retired_types.contains(server_type) {
            return Err(Refusal::RetiredType { server_type: server_type.clone() });
        }
        self.config.server_types.get(server_type).ok_or_else(|| {
            let known = self.config.server_types.keys().cloned().collect();
            Refusal::UnknownType { server_type: server_type.clone(), known }
        })
    }

    fn request_reboot(&mut self, server_type: &TypeName, at_a_time: Option<u32>) -> Reply {
        if !self.config.server_types.contains_key(server_type) {
            let known = self.config.server_types.keys().cloned().collect();
            return Err(Refusal::UnknownType { server_type: server_type.clone(), known });
        }
        let now = self.now;
        let is_rebooted = |status| matches!(status, Status::Starting | Status::Running | Status::Rebooting);
        let ids: Vec<ServerId> = self
            .ledger
            .servers()
            .filter(|record| {
                record.server_type == *server_type && is_rebooted(record.status) && !record.disowned
            })
            .map(|record| record.id)
            .collect();
        for id in &ids {
            self.ledger.update(*id, |record| record.reboot_requested_at = Some(now));
        }
        self.ledger.update_type(server_type, |record| {
            record.reboot_at_a_time = at_a_time.map(|count| count.max(1));
        });
        let servers = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        Ok(Done::Rebooting { server_type: server_type.clone(), servers })
    }

    fn protect(&mut self, server: ServerId, protected: bool) -> Reply {
        let record = self.ledger.server(server).filter(|record| record.status != Status::Deleted);
        let Some(record) = record else { return Err(Refusal::UnknownServer { server }) };
        if protected && record.removal.is_some() {
            if !record.is_reprievable() {
                return Err(Refusal::Ending { server });
            }
            self.reprieve(server);
        }
        self.ledger.update(server, |record| record.protected = protected);
        let server_type = self.ledger.server(server).map(|record| record.server_type.clone());
        self.ledger.touched_types.extend(server_type.as_ref());
        Ok(Done::Protected { server, protected })
    }

    fn add_meta(&mut self, server: ServerId, key: &str, value: &Value) -> Reply {
        let Some(record) = self.ledger.server(server) else { return Err(Refusal::UnknownServer { server }) };
        let mut meta = record.meta.clone();
        if value.is_null() {
            meta.remove(key);
        } else {
            meta.insert(key.to_string(), value.clone());
            let bytes: usize = meta.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
            if meta.len() > META_ENTRIES_MOST || bytes > META_BYTES_MOST {
                return Err(Refusal::MetaTooLarge { server });
            }
        }
        self.ledger.update(server, |record| record.meta = meta);
        Ok(Done::MetaAdded { server, key: key.to_string() })
    }

    fn pause(&mut self, out: Option<bool>, inward: Option<bool>) -> Done {
        self.ledger.update_fleet(|fleet| {
            fleet.paused_out = out.unwrap_or(fleet.paused_out);
            fleet.paused_in = inward.unwrap_or(fleet.paused_in);
        });
        self.touch_everything();
        let fleet = self.ledger.fleet();
        Done::Paused { out: fleet.paused_out, inward: fleet.paused_in }
    }

    /// Makes other owners' servers ours: by an operator's word, since a lost ledger and a second controller look alike.
    fn take_over(&mut self, provider: Option<&ProviderName>) -> Reply {
        let providers = self.named(provider)?;
        let mut servers = 0_u32;
        for name in providers {
            let held: Vec<_> = self
                .ledger
                .found()
                .filter(|found| found.provider == name && found.kind == Found::Held)
                .cloned()
                .collect();
            for found in held {
                servers += 1;
                self.take_owner(found.owner.as_ref());
                self.adopt_or_keep(found);
            }
            self.ledger.update_fleet(|fleet| {
                fleet.providers.entry(name.clone()).or_default().second_controller = false;
            });
            self.touch_provider(&name);
        }
        Ok(Done::TakenOver { servers })
    }

    /// Makes what bears this owner's label ours, from now on and for ever.
    pub(crate) fn take_owner(&mut self, owner: Option<&crate::ids::OwnerId>) {
        let Some(owner) = owner else { return };
        let fleet = self.ledger.fleet();
        if *owner != fleet.owner && !fleet.taken_owners.contains(owner) {
            self.ledger.update_fleet(|fleet| {
                fleet.taken_owners.insert(owner.clone());
            });
            self.notify(EventKind::TakenOver { owner: owner.clone() });
        }
    }

    /// Ends the holds. What is missing in the next look is accepted as gone; the account that is found is the account.
    fn resume(&mut self, provider: Option<&ProviderName>) -> Reply {
        let mut providers = 0;
        for name in self.named(provider)? {
            let before = self.ledger.fleet().providers.get(&name).cloned().unwrap_or_default();
            if before.hold.is_none() && !before.second_controller {
                continue;
            }
            providers += 1;
            self.ledger.update_fleet(|fleet| {
                let record = fleet.providers.entry(name.clone()).or_default();
                record.second_controller = false;
                record.accept_missing = true;
                if let Some(Hold::OtherAccount { found, .. }) = record.hold.take() {
                    record.identity = Some(found);
                }
            });
            self.provider_mut(&name).next_look = self.now;
            self.notify(EventKind::Resumed { provider: name.clone() });
            self.touch_provider(&name);
        }
        Ok(Done::Resumed { providers })
    }

    fn named(&self, provider: Option<&ProviderName>) -> Result<Vec<ProviderName>, Refusal> {
        match provider {
            Some(name) if self.config.providers.contains_key(name) => Ok(alloc::vec![name.clone()]),
            Some(name) => Err(Refusal::UnknownProvider { provider: name.to_string() }),
            None => Ok(self.config.providers.keys().cloned().collect()),
        }
    }

    /// Has everything at a provider planned again.
    pub(crate) fn touch_provider(&mut self, name: &ProviderName) {
        self.touched_providers.insert(name);
        let types = self.config.server_types.iter().filter(|(_, config)| config.provider == *name);
        self.ledger.touched_types.extend(types.map(|(name, _)| name));
        self.ledger.touched_types.extend(&self.config.retired_types);
    }

    pub(crate) fn touch_everything(&mut self) {
        let names: Vec<ProviderName> = self.config.providers.keys().cloned().collect();
        for name in &names {
            self.touch_provider(name);
        }
    }

    /// Gives what is remembered of a type.
    pub(crate) fn type_record(&self, server_type: &TypeName) -> Option<&TypeRecord> {
        self.ledger.fleet().types.get(server_type)
    }

    pub(crate) fn provider(&self, name: &ProviderName) -> Option<&Provider> {
        self.providers.get(name)
    }
}
