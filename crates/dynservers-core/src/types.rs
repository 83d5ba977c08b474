//! A server type: carries out the plan for its count, its reboots and its episodes.

use alloc::vec::Vec;

use crate::backoff;
use crate::event::{EventKind, Limit};
use crate::ids::{ProviderName, ServerId, TypeName};
use crate::policy::Billing;
use crate::reconciler::{Reconciler, Timer};
use crate::record::{Retry, ServerRecord};
use crate::scale::{self, Bounds, Order, Scaling};
use crate::server::Class;
use crate::status::Status;
use crate::why::Why;

/// A boot that takes this many times as long as the longest one known is not merely slow.
pub(crate) const SLOW: u32 = 3;

impl Reconciler {
    pub(crate) fn step_type(&mut self, server_type: &TypeName) {
        if let Some(config) = self.config.server_types.get(server_type) {
            self.step_type_at(server_type, &config.provider.clone());
            return;
        }
        // Nothing more is made of it, so that it leaves each of its providers for itself.
        let providers: Vec<ProviderName> = self.ledger.providers.keys().cloned().collect();
        for provider in providers {
            self.step_type_at(server_type, &provider);
        }
    }

    fn step_type_at(&mut self, server_type: &TypeName, provider: &ProviderName) {
        if self.provider(provider).is_none_or(|live| !live.surveyed) {
            return;
        }
        let before = self.type_record(server_type).and_then(|record| record.desired);
        let judgement = self.take_measurement(server_type);
        self.apply_demand(server_type);
        let bounds = self.bounds(server_type, provider);
        let mut scaling = scale::plan(&self.ledger, server_type, &bounds);
        if bounds.retired {
            scaling.orders.retain(|order| self.is_order_at(*order, provider));
        }
        self.choose_by_score(server_type, &mut scaling.orders);
        self.record_decision(server_type, before, judgement, &scaling.orders);
        if self.config.shadow {
            self.set_type_timer(server_type);
            return;
        }
        let replaces = scaling.orders.iter().any(|order| matches!(order, Order::Make { replaces: Some(_) }));
        for order in &scaling.orders {
            self.carry_out_order(server_type, provider, *order);
        }
        if replaces {
            self.back_off_replacement(server_type);
        }
        self.note_maximum(server_type, &scaling);
        self.roll_reboots(server_type);
        self.prepare_again(server_type);
        self.set_type_timer(server_type);
        self.touched_providers.insert(provider);
    }

    fn is_order_at(&self, order: Order, provider: &ProviderName) -> bool {
        match order {
            Order::Make { .. } => true,
            Order::Reprieve(id) | Order::Doom(id, _) => {
                self.ledger.server(id).is_some_and(|record| record.provider == *provider)
            }
        }
    }

    fn bounds(&self, server_type: &TypeName, provider: &ProviderName) -> Bounds {
        let record = self.type_record(server_type);
        let config = self.config.server_types.get(server_type);
        let fleet = self.ledger.fleet();
        let live = self.provider(provider);
        let suspected = self.ledger.providers.get(provider).map_or(0, |index| index.suspected);
        let is_held = fleet.providers.get(provider).is_some_and(|record| record.hold.is_some());
        let boot = record.and_then(|record| record.learned.get(&Status::Starting)).copied();
        let waits = |retry: Option<Retry>| retry.is_some_and(|retry| self.now < retry.at);
        Bounds {
            desired: record.and_then(|record| record.desired),
            min: config.map_or(0, |config| config.min),
            max: config.map_or(0, |config| config.max),
            retired: self.config.retired_types.contains(server_type),
            may_grow: !fleet.paused_out && config.is_some(),
            may_shrink: !fleet.paused_in
                && !is_held
                && suspected == 0
                && live.is_some_and(crate::provider::Provider::may_change),
            slow_since: boot.map(|boot| self.now.saturating_sub(boot.saturating_mul(SLOW))),
            may_replace: !waits(record.and_then(|record| record.replacement_backoff)),
            paid: self.billing(server_type).map(|billing| (billing, self.now)),
        }
    }

    /// Gives what the servers of a type are paid for, where that decides who goes: an operator's word is meant as it is.
    pub(crate) fn billing(&self, server_type: &TypeName) -> Option<Billing> {
        let is_overridden = self.type_record(server_type).is_some_and(|record| record.overriding.is_some());
        let policy = self.config.server_types.get(server_type)?.policy.as_ref()?;
        policy.billing.filter(|_| !is_overridden)
    }

    /// Gives how many servers of a type there should be.
    pub(crate) fn target(&self, server_type: &TypeName) -> u32 {
        let provider = self.config.server_types.get(server_type).map(|config| config.provider.clone());
        let Some(provider) = provider else { return 0 };
        scale::plan(&self.ledger, server_type, &self.bounds(server_type, &provider)).target
    }

    fn carry_out_order(&mut self, server_type: &TypeName, provider: &ProviderName, order: Order) {
        let now = self.now;
        match order {
            Order::Make { replaces } => {
                let id = self.ledger.next_server_id();
                let record = ServerRecord::wanted(id, server_type.clone(), provider.clone(), replaces, now);
                self.ledger.insert(record);
                self.ask_to_prepare(id);
            }
            Order::Reprieve(id) => self.reprieve(id),
            Order::Doom(id, why) => {
                if self.ledger.server(id).is_some_and(|record| record.status == Status::New) {
                    self.drop_new(id);
                } else {
                    self.ledger.update(id, |record| record.doom(why, now));
                    if why == Why::Superseded {
                        // It was not needed: whatever else seems to fail is rather slow too.
                        self.back_off_replacement(server_type);
                    }
                }
            }
        }
    }

    fn back_off_replacement(&mut self, server_type: &TypeName) {
        let now = self.now;
        self.ledger.update_type(server_type, |record| {
            record.replacement_backoff = Some(backoff::REPLACEMENT.after(record.replacement_backoff, now));
        });
    }

    /// Begins or ends the episode in which the type's own maximum binds.
    fn note_maximum(&mut self, server_type: &TypeName, scaling: &Scaling) {
        let limited = self.type_record(server_type).is_some_and(|record| record.limited_since.is_some());
        match scaling.limited_to {
            Some(allowed) if !limited => {
                self.limit_hit(server_type, scaling.target, allowed, Limit::TypeMaximum);
            }
            None if limited && self.count_class(server_type, Class::New) == 0 => {
                self.ledger.update_type(server_type, |record| record.limited_since = None);
            }
            Some(_) | None => {}
        }
    }

    /// Tells once an episode that fewer servers are allowed than are wanted.
    pub(crate) fn limit_hit(&mut self, server_type: &TypeName, wanted: u32, allowed: u32, limit: Limit) {
        if self.type_record(server_type).is_some_and(|record| record.limited_since.is_some()) {
            return;
        }
        let now = self.now;
        self.ledger.update_type(server_type, |record| record.limited_since = Some(now));
        self.notify(EventKind::LimitHit { server_type: server_type.clone(), wanted, allowed, limit });
    }

    pub(crate) fn count_class(&self, server_type: &TypeName, class: Class) -> u32 {
        self.ledger.types.get(server_type).map_or(0, |index| index.count(class))
    }

    /// Lets as many flagged servers reboot as may do so at once.
    fn roll_reboots(&mut self, server_type: &TypeName) {
        let budget =
            self.type_record(server_type).and_then(|record| record.reboot_at_a_time).unwrap_or(u32::MAX);
        let under_way = self.ledger.count(server_type, Status::Rebooting);
        let index = self.ledger.type_index(server_type);
        let next: Vec<ServerId> =
            index.flagged.iter().copied().take(budget.saturating_sub(under_way) as usize).collect();
        for id in next {
            self.ledger.update(id, |record| {
                record.reboot_requested_at = None;
                record.reboot = None;
            });
            self.move_server(id, Status::Rebooting, EventKind::Rebooting);
        }
    }

    /// Asks the host again about servers that it could not prepare: one at a time, once the type's wait is over.
    fn prepare_again(&mut self, server_type: &TypeName) {
        let now = self.now;
        let waits =
            |record: &crate::record::TypeRecord| record.create_backoff.values().any(|retry| now < retry.at);
        if self.type_record(server_type).is_some_and(waits) {
            return;
        }
        if let Some(id) =
            self.unprepared.get_mut(server_type).and_then(alloc::collections::BTreeSet::pop_first)
        {
            self.ask_to_prepare(id);
        }
    }

    fn set_type_timer(&mut self, server_type: &TypeName) {
        let Some(record) = self.type_record(server_type) else { return };
        let ends = record.create_backoff.values().copied();
        let ends = ends.chain(record.replacement_backoff).chain(record.short_lives);
        let override_ends = record.overriding.and_then(|over| over.until);
        let boot = record.learned.get(&Status::Starting).copied().unwrap_or_default();
        let failed = self.ledger.types.get(server_type).map(|index| index.class(Class::Failed));
        let bound_at = |id| self.ledger.server(id).and_then(|record| record.bound_at);
        let slow = failed.into_iter().flatten().filter_map(|id| bound_at(*id));
        let slow = slow.map(|at| at + boot.saturating_mul(SLOW));
        let next =
            ends.map(|retry| retry.at).chain(slow).chain(override_ends).filter(|at| *at > self.now).min();
        let before = self.type_wakes.get(server_type).copied();
        if before == next {
            return;
        }
        if let Some(at) = before {
            self.type_wakes.remove(server_type);
            self.timers.remove(&(at, Timer::Type(server_type.clone())));
        }
        if let Some(at) = next {
            self.type_wakes.insert(server_type.clone(), at);
            self.timers.insert((at, Timer::Type(server_type.clone())));
        }
    }
}
