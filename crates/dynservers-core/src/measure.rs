//! Measurements: the work there is, and an operator's word against it, become the desired number.

use alloc::string::String;
use core::time::Duration;

use crate::demand::{self, Demand, DemandRecord, Override};
use crate::event::EventKind;
use crate::ids::TypeName;
use crate::output::{Done, Refusal, Reply};
use crate::reconciler::Reconciler;

impl Reconciler {
    /// Keeps a measurement until the type's provider was seen: what there is must be known before it is judged.
    pub(crate) fn handle_demand(&mut self, demand: Demand) {
        let config = self.config.server_types.get(&demand.server_type);
        if config.is_none_or(|config| config.policy.is_none()) {
            return;
        }
        self.ledger.touched_types.insert(&demand.server_type);
        self.measured.insert(demand.server_type.clone(), demand);
    }

    /// Notes whether the host could determine the numbers. They stay as they are either way: it has said them by command.
    pub(crate) fn handle_counted(&mut self, result: Result<(), String>) {
        let was_unknown = self.ledger.fleet().count_unknown_since.is_some();
        let now = self.now;
        match result {
            Err(reason) if !was_unknown => {
                self.ledger.update_fleet(|fleet| fleet.count_unknown_since = Some(now));
                self.notify(EventKind::CountUnknown { reason });
            }
            Ok(()) if was_unknown => {
                self.ledger.update_fleet(|fleet| fleet.count_unknown_since = None);
                self.notify(EventKind::CountKnown);
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Takes the measurement that waits, if there is one, and sets the desired number by it.
    pub(crate) fn take_measurement(&mut self, server_type: &TypeName) {
        let Some(demand) = self.measured.remove(server_type) else { return };
        let Some(config) = self.config.server_types.get(server_type) else { return };
        let (min, max, Some(policy)) = (config.min, config.max, config.policy) else { return };
        let now = self.now;
        let wanted = demand::servers_for(demand.work, &policy).clamp(min, max);
        let record = self.type_record(server_type);
        let known = record.and_then(|record| record.demand.clone());
        let was_known = known.as_ref().is_none_or(|known| known.unknown_since.is_none());
        let mut known = known.unwrap_or_else(|| DemandRecord::begin(self.target(server_type), now));
        let unknown: Option<String> = demand.unknown.clone();
        known.measure(demand, wanted, &policy, now);
        self.commanded.insert(server_type.clone());
        self.ledger.update_type(server_type, |record| record.demand = Some(known));
        match unknown {
            Some(reason) if was_known => {
                self.notify(EventKind::DemandUnknown { server_type: server_type.clone(), reason });
            }
            None if !was_known => self.notify(EventKind::DemandKnown { server_type: server_type.clone() }),
            Some(_) | None => {}
        }
        self.apply_demand(server_type);
    }

    /// Sets the desired number of a type with sources: an operator's while it holds, else the policy's.
    pub(crate) fn apply_demand(&mut self, server_type: &TypeName) {
        let Some(config) = self.config.server_types.get(server_type) else { return };
        if config.policy.is_none() {
            self.forget_demand(server_type);
            return;
        }
        let (min, max) = (config.min, config.max);
        let Some(record) = self.type_record(server_type) else { return };
        let is_over = |over: Override| over.until.is_some_and(|until| self.now >= until);
        let (overriding, ended) = match record.overriding {
            Some(over) if is_over(over) => (None, true),
            other => (other, false),
        };
        let by_policy = record.demand.as_ref().and_then(DemandRecord::wanted);
        let from = record.desired;
        if ended {
            self.ledger.update_type(server_type, |record| record.overriding = None);
        }
        let Some(to) = overriding.map(|over| over.count).or(by_policy) else { return };
        let to = to.clamp(min, max);
        if from != Some(to) {
            self.ledger.update_type(server_type, |record| record.desired = Some(to));
            self.notify(EventKind::DesiredChanged { server_type: server_type.clone(), from, to });
        }
    }

    /// Forgets what was measured and what an operator said against it, so that neither speaks up again long after.
    pub(crate) fn forget_demand(&mut self, server_type: &TypeName) {
        let known =
            |record: &crate::record::TypeRecord| record.demand.is_some() || record.overriding.is_some();
        if self.type_record(server_type).is_some_and(known) {
            self.ledger.update_type(server_type, |record| {
                record.demand = None;
                record.overriding = None;
            });
        }
    }

    /// Sets an operator's number in place of what a type's sources ask for, or takes it back.
    pub(crate) fn set_override(
        &mut self,
        server_type: &TypeName,
        count: Option<u32>,
        duration: Option<Duration>,
    ) -> Reply {
        let config = self.configured(server_type)?;
        if config.policy.is_none() {
            return Err(Refusal::NoSources { server_type: server_type.clone() });
        }
        let (min, max) = (config.min, config.max);
        let until = duration.map(|duration| self.now + duration);
        let overriding = count.map(|count| Override { count: count.clamp(min, max), until });
        self.commanded.insert(server_type.clone());
        self.ledger.update_type(server_type, |record| record.overriding = overriding);
        self.apply_demand(server_type);
        Ok(Done::Overridden {
            server_type: server_type.clone(),
            count: overriding.map(|over| over.count),
            until: overriding.and_then(|over| over.until),
            desired: self.type_record(server_type).and_then(|record| record.desired),
        })
    }
}
