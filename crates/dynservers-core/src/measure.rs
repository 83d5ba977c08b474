//! Measurements: the work there is, and an operator's word against it, become the desired number.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use crate::clamp::{self, Facts, Paid};
use crate::decision::{Decision, Judgement, Orders, Trigger, VICTIMS_NAMED, Victim};
use crate::demand::{Demand, DemandRecord, Override};
use crate::event::EventKind;
use crate::ids::TypeName;
use crate::index::TypeIndex;
use crate::output::{Done, Refusal, Reply};
use crate::policy::{Billing, PolicyConfig};
use crate::reconciler::Reconciler;
use crate::record::Change;
use crate::rule::Crew;
use crate::scale::Order;
use crate::server::Class;

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

    /// Takes the measurement that waits, if there is one, and gives what the policy makes of it.
    pub(crate) fn take_measurement(&mut self, server_type: &TypeName) -> Option<Judgement> {
        let demand = self.measured.remove(server_type)?;
        let policy = self.config.server_types.get(server_type)?.policy.clone()?;
        let facts = self.facts(server_type, &policy)?;
        let known = self.type_record(server_type).and_then(|record| record.demand.clone());
        let was_known = known.as_ref().is_none_or(|known| known.unknown_since.is_none());
        let was_believed = known.as_ref().is_none_or(|known| known.jump.is_none());
        let mut known = known.unwrap_or_else(|| DemandRecord::begin(self.target(server_type), self.now));
        let judgement = clamp::judge(&mut known, demand, &policy, &facts);
        let (unknown, jumps) = (known.unknown.clone(), known.jump.is_some());
        self.commanded.insert(server_type.clone());
        self.ledger.update_type(server_type, |record| record.demand = Some(known));
        match unknown {
            Some(reason) if was_known => {
                self.notify(EventKind::DemandUnknown { server_type: server_type.clone(), reason });
            }
            None if !was_known => self.notify(EventKind::DemandKnown { server_type: server_type.clone() }),
            Some(_) | None => {}
        }
        if jumps && was_believed {
            let (server_type, asked) = (server_type.clone(), judgement.raw);
            let held = judgement.decided;
            self.notify(EventKind::DemandJumped { server_type, asked, held, until: self.now + policy.hold });
        }
        Some(judgement)
    }

    /// Gives what a decision depends on besides the work: the servers there are, and the bounds.
    fn facts(&self, server_type: &TypeName, policy: &PolicyConfig) -> Option<Facts> {
        let config = self.config.server_types.get(server_type)?;
        let none = TypeIndex::default();
        let index = self.ledger.types.get(server_type).unwrap_or(&none);
        let on_their_way = || index.class(Class::New).iter().chain(index.class(Class::Starting));
        let ordered = on_their_way().filter_map(|id| self.ledger.server(*id)).map(|record| record.created_at);
        let crew = Crew {
            running: index.count(Class::Up),
            starting: index.count(Class::New) + index.count(Class::Starting),
            ordered_at: ordered.max(),
        };
        // Whoever comes near the end of a unit before the next measurement must go by now.
        let measured = self.type_record(server_type).and_then(|record| record.demand.as_ref());
        let passed = measured.map_or(Duration::ZERO, |demand| self.now.since(demand.at));
        let paid = policy.billing.map(|billing| self.paid(index, billing, passed));
        Some(Facts { now: self.now, min: config.min, max: config.max, crew, paid })
    }

    fn paid(&self, index: &TypeIndex, billing: Billing, passed: Duration) -> Paid {
        let margin = billing.margin().max(passed);
        let mut paid = Paid { spare: index.count(Class::New), ..Paid::default() };
        paid.present = paid.spare;
        for id in index.class(Class::Starting).iter().chain(index.class(Class::Up)) {
            let Some(record) = self.ledger.server(*id) else { continue };
            let left = billing.left(record.age(self.now));
            paid.present += 1;
            if record.protected {
                // It does not go, whatever is lost by it.
            } else if left <= margin {
                paid.spare += 1;
            } else {
                let next = self.now + left.saturating_sub(margin);
                paid.next = Some(paid.next.map_or(next, |at| at.min(next)));
            }
        }
        paid
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
            self.overridden.entry(server_type.clone()).or_insert(from);
            self.ledger.update_type(server_type, |record| record.overriding = None);
        }
        let Some(to) = overriding.map(|over| over.count).or(by_policy) else { return };
        let to = to.clamp(min, max);
        if from != Some(to) {
            self.ledger.update_type(server_type, |record| record.desired = Some(to));
            self.notify(EventKind::DesiredChanged { server_type: server_type.clone(), from, to });
        }
    }

    /// Keeps what was decided for a type with a policy, and what is done about it.
    pub(crate) fn record_decision(
        &mut self,
        server_type: &TypeName,
        before: Option<u32>,
        judgement: Option<Judgement>,
        orders: &[Order],
    ) {
        let overridden = self.overridden.remove(server_type);
        if self.config.server_types.get(server_type).is_none_or(|config| config.policy.is_none()) {
            return;
        }
        let (trigger, before) = match (&judgement, overridden) {
            (Some(_), earlier) => (Trigger::Measured, earlier.unwrap_or(before)),
            (None, Some(earlier)) => (Trigger::Overridden, earlier),
            // Who only watches would order the same again whenever anything moves.
            (None, None) if orders.is_empty() || self.config.shadow => return,
            (None, None) => (Trigger::Fleet, before),
        };
        let mut ordered = Orders::default();
        for order in orders {
            match order {
                Order::Make { .. } => ordered.made += 1,
                Order::Reprieve(_) => ordered.kept += 1,
                Order::Doom(server, why) => {
                    ordered.gone += 1;
                    if ordered.victims.len() < VICTIMS_NAMED {
                        let score = self.score_of(*server);
                        ordered.victims.push(Victim { server: *server, why: *why, score });
                    }
                }
            }
        }
        let record = self.type_record(server_type);
        let decision = Decision {
            at: self.now,
            server_type: server_type.clone(),
            trigger,
            judgement,
            overriding: record.and_then(|record| record.overriding),
            before,
            desired: record.and_then(|record| record.desired),
            running: self.count_class(server_type, Class::Up),
            starting: self.count_class(server_type, Class::New)
                + self.count_class(server_type, Class::Starting),
            orders: ordered,
            shadow: self.config.shadow,
        };
        self.ledger.unsaved.others.push(Change::Decision(Box::new(decision)));
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
        let before = self.type_record(server_type).and_then(|record| record.desired);
        self.overridden.entry(server_type.clone()).or_insert(before);
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
