//! The plan for one type: which servers to make and which to let go, a pure function of its counts.

use alloc::vec::Vec;

use crate::decision::Why;
use crate::ids::{ServerId, TypeName};
use crate::index::TypeIndex;
use crate::ledger::Ledger;
use crate::server::Class;
use crate::status::Status;
use crate::time::Time;

/// What a plan depends on besides the counts.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that hold or not, each by itself")]
pub(crate) struct Bounds {
    /// How many there should be, if that is known.
    pub(crate) desired: Option<u32>,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) retired: bool,
    /// Whether creating is allowed by the operator.
    pub(crate) may_grow: bool,
    /// Whether running servers may be chosen to go.
    pub(crate) may_shrink: bool,
    /// Whether the next replacement may be made by now.
    pub(crate) may_replace: bool,
    /// What was bound later than this may still come up, as boots go: slow, and not failed.
    pub(crate) slow_since: Option<Time>,
}

/// One change that the count asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Make one.
    Make { replaces: Option<ServerId> },
    /// Keep one that was to go.
    Reprieve(ServerId),
    /// Let one go.
    Doom(ServerId, Why),
}

/// A plan, and whether the type's own maximum kept it from making what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scaling {
    pub(crate) orders: Vec<Order>,
    pub(crate) target: u32,
    pub(crate) limited_to: Option<u32>,
}

/// Gives how many servers there should be, which is as many as there are while nobody said anything: whoever stood in for
/// one that is back is one too many of them.
fn target(ledger: &Ledger, index: &TypeIndex, bounds: &Bounds, unreplaced: u32) -> u32 {
    if bounds.retired {
        return 0;
    }
    let superseded = index.replacing.iter().filter(|id| is_superseded(ledger, **id)).count();
    let superseded = u32::try_from(superseded).unwrap_or(u32::MAX);
    let active = active(index).saturating_sub(superseded);
    let present = active + unreplaced + index.held + index.orphans;
    bounds.desired.map_or(present.max(bounds.min), |desired| desired.clamp(bounds.min, bounds.max))
}

/// Whether the server that another one stands in for is back.
fn is_superseded(ledger: &Ledger, id: ServerId) -> bool {
    let replaced = ledger.server(id).and_then(|record| record.replaces);
    replaced.and_then(|id| ledger.server(id)).is_some_and(|record| record.class() == Class::Up)
}

fn active(index: &TypeIndex) -> u32 {
    index.count(Class::New) + index.count(Class::Starting) + index.count(Class::Up)
}

/// Plans for one type.
pub(crate) fn plan(ledger: &Ledger, server_type: &TypeName, bounds: &Bounds) -> Scaling {
    let none = TypeIndex::default();
    let index = ledger.types.get(server_type).unwrap_or(&none);
    let failed: Vec<ServerId> = index
        .class(Class::Failed)
        .iter()
        .copied()
        .filter(|id| ledger.replacement_of(*id).is_none())
        .collect();
    let unreplaced = u32::try_from(failed.len()).unwrap_or(u32::MAX);
    let target = target(ledger, index, bounds, unreplaced);
    let mut scaling = Scaling { target, ..Scaling::default() };
    let present = active(index) + unreplaced;
    let covered = present + index.held + index.orphans;
    if target > covered {
        grow(&mut scaling, ledger, index, bounds, target - covered);
    } else if present > target {
        shrink(&mut scaling, ledger, index, bounds, present - target, &failed);
    } else {
        replace(&mut scaling, ledger, index, bounds, target, &failed);
    }
    scaling
}

fn grow(scaling: &mut Scaling, ledger: &Ledger, index: &TypeIndex, bounds: &Bounds, wanted: u32) {
    // Those first whose workers were told nothing yet; of equals the newest.
    let is_draining =
        |id: &ServerId| ledger.server(*id).is_some_and(|record| record.status == Status::Draining);
    let newest = || index.reprievable.iter().rev().copied();
    let reprieved = newest().filter(|id| !is_draining(id)).chain(newest().filter(is_draining));
    scaling.orders.extend(reprieved.take(wanted as usize).map(Order::Reprieve));
    let reprieved = u32::try_from(scaling.orders.len()).unwrap_or(u32::MAX);
    let wanted = wanted - reprieved;
    let room = room(index, bounds);
    if wanted > room && index.count(Class::Going) == reprieved {
        scaling.limited_to = Some(scaling.target - (wanted - room));
    }
    if bounds.may_grow {
        scaling.orders.extend((0..wanted.min(room)).map(|_| Order::Make { replaces: None }));
    }
}

/// How many more the type's maximum allows, whatever state the others are in.
fn room(index: &TypeIndex, bounds: &Bounds) -> u32 {
    bounds.max.saturating_sub(index.existing + index.count(Class::New) + index.held + index.orphans)
}

/// Makes stand-ins for failed servers: few at a time, since a slow clone looks like a failed one.
fn replace(
    scaling: &mut Scaling,
    ledger: &Ledger,
    index: &TypeIndex,
    bounds: &Bounds,
    target: u32,
    failed: &[ServerId],
) {
    let outstanding = index.replacing.iter().filter(|id| {
        ledger
            .server(**id)
            .is_some_and(|record| matches!(record.class(), Class::New | Class::Starting | Class::Failed))
    });
    let budget = (target / 10).max(1).saturating_sub(u32::try_from(outstanding.count()).unwrap_or(u32::MAX));
    let room = room(index, bounds);
    if room == 0 && !failed.is_empty() && index.count(Class::Going) == 0 {
        scaling.limited_to = Some(active(index));
    }
    if bounds.may_grow && bounds.may_replace && !bounds.retired {
        let is_slow = |id: &&ServerId| {
            let record = ledger.server(**id).filter(|record| record.status == Status::Hanging);
            let bound_at = record.and_then(|record| record.bound_at);
            bound_at.zip(bounds.slow_since).is_some_and(|(bound_at, since)| bound_at > since)
        };
        let make = failed.iter().filter(|id| !is_slow(id)).take(budget.min(room) as usize);
        scaling.orders.extend(make.map(|id| Order::Make { replaces: Some(*id) }));
    }
}

/// Chooses who goes: not yet asked for, failed, being created, superseded, oldest; protected ones never.
fn shrink(
    scaling: &mut Scaling,
    ledger: &Ledger,
    index: &TypeIndex,
    bounds: &Bounds,
    surplus: u32,
    failed: &[ServerId],
) {
    let superseded = |id: &ServerId| is_superseded(ledger, *id);
    let is_free = |id: &ServerId| ledger.server(*id).is_some_and(|record| !record.protected);
    let newest = |class: Class| index.class(class).iter().rev().copied();
    let first_superseded = || index.replacing.iter().copied().filter(superseded);
    let issued = first_superseded()
        .filter(|id| !index.class(Class::Up).contains(id))
        .chain(failed.iter().copied())
        .chain(newest(Class::Starting))
        .chain(first_superseded())
        .chain(index.class(Class::Up).iter().copied());
    let chosen = newest(Class::New).chain(issued.take_while(|_| bounds.may_shrink));
    let why = |id: &ServerId| match (bounds.retired, superseded(id)) {
        (true, _) => Why::Retired,
        (false, true) => Why::Superseded,
        (false, false) => Why::Surplus,
    };
    let mut seen = alloc::collections::BTreeSet::new();
    let chosen = chosen.filter(|id| is_free(id) && seen.insert(*id));
    scaling.orders.extend(chosen.take(surplus as usize).map(|id| Order::Doom(id, why(&id))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FleetName, OwnerId, ProviderId, ProviderName};
    use crate::record::{ServerRecord, Stored};
    use alloc::string::ToString;
    use proptest::prelude::*;

    const STATUSES: [Status; 5] =
        [Status::New, Status::Starting, Status::Running, Status::Hanging, Status::Errored];

    fn ledger(servers: &[(usize, bool, bool)]) -> (Ledger, TypeName) {
        let server_type = TypeName::new("default").unwrap();
        let fleet = FleetName::new("fleet").unwrap();
        let mut stored = Stored::empty(fleet.clone(), OwnerId::of_fleet(&fleet));
        for (number, (status, protected, doomed)) in servers.iter().enumerate() {
            let id = ServerId(number as u64 + 1);
            let provider = ProviderName::new("cloud").unwrap();
            let mut record = ServerRecord::wanted(id, server_type.clone(), provider, None, Time::ZERO);
            record.status = STATUSES[*status];
            record.protected = *protected;
            if record.status != Status::New {
                record.provider_id = ProviderId::new(id.0.to_string()).ok();
                if *doomed {
                    record.doom(Why::Surplus, Time::ZERO);
                }
            }
            stored.servers.push(record);
        }
        (Ledger::restore(stored), server_type)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_plan_reaches_its_target_within_its_bounds(
            servers in prop::collection::vec((0_usize..STATUSES.len(), any::<bool>(), any::<bool>()), 0..12),
            desired in prop::option::of(0_u32..15),
            (min, more) in (0_u32..5, 0_u32..12),
            retired in any::<bool>(),
            (may_grow, may_shrink, may_replace) in any::<(bool, bool, bool)>(),
        ) {
            let (ledger, server_type) = ledger(&servers);
            let max = min + more;
            let bounds =
                Bounds { desired, min, max, retired, may_grow, may_shrink, may_replace, slow_since: None };
            let index = ledger.types.get(&server_type).cloned().unwrap_or_default();
            let Scaling { orders, target, .. } = plan(&ledger, &server_type, &bounds);
            let made = orders.iter().filter(|order| matches!(order, Order::Make { replaces: None })).count() as u32;
            let stand_ins = orders.iter().filter(|order| matches!(order, Order::Make { replaces: Some(_) })).count() as u32;
            let kept = orders.iter().filter(|order| matches!(order, Order::Reprieve(_))).count() as u32;
            let doomed: Vec<ServerId> = orders
                .iter()
                .filter_map(|order| match order {
                    Order::Doom(id, _) => Some(*id),
                    Order::Make { .. } | Order::Reprieve(_) => None,
                })
                .collect();
            let present = active(&index) + index.count(Class::Failed);

            prop_assert!(retired || target >= min);
            prop_assert!(desired.is_none() || target <= max);
            prop_assert!(may_grow || made + stand_ins == 0);
            prop_assert!(index.existing + index.count(Class::New) + made + stand_ins <= max.max(index.existing + index.count(Class::New)));
            prop_assert!(stand_ins <= (target / 10).max(1));
            prop_assert!(present + made + kept <= target.max(present), "never past the target");
            prop_assert!(present - doomed.len() as u32 >= target.min(present), "never below the target");
            for id in &doomed {
                let record = ledger.server(*id).unwrap();
                prop_assert!(!record.protected && record.removal.is_none());
                prop_assert!(may_shrink || record.status == Status::New);
            }
            let protected = ledger.servers().filter(|record| record.protected && record.removal.is_none()).count() as u32;
            if may_shrink {
                prop_assert!(present - doomed.len() as u32 <= target.max(protected));
            }
        }
    }
}
