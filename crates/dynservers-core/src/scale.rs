//! The plan for one type: which servers to make and which to let go, a pure function of its counts.

use alloc::vec::Vec;
use core::num::NonZero;

use crate::ids::{ServerId, TypeName};
use crate::index::TypeIndex;
use crate::ledger::Ledger;
use crate::policy::Billing;
use crate::server::Class;
use crate::status::Status;
use crate::time::Time;
use crate::why::Why;

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
    /// What servers are paid for, if that decides who goes, and when now is.
    pub(crate) paid: Option<(Billing, Time)>,
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

/// Gives how many servers there should be, which is as many as are found while nobody said anything.
fn target(ledger: &Ledger, index: &TypeIndex, bounds: &Bounds, unreplaced: u32) -> u32 {
    if bounds.retired {
        return 0;
    }
    bounds.desired.map_or_else(
        || found(ledger, index, unreplaced).max(bounds.min),
        |desired| desired.clamp(bounds.min, bounds.max),
    )
}

/// How many were found: not whoever stood in for one that is back, nor what was wanted once and never asked for.
fn found(ledger: &Ledger, index: &TypeIndex, unreplaced: u32) -> u32 {
    let superseded = index.replacing.iter().filter(|id| is_superseded(ledger, **id)).count();
    let stands_in = |id: &&ServerId| index.replacing.contains(*id);
    let unasked = index.count(Class::New) as usize - index.class(Class::New).iter().filter(stands_in).count();
    let missing = u32::try_from(superseded + unasked).unwrap_or(u32::MAX);
    (active(index) + unreplaced + index.held + index.orphans).saturating_sub(missing)
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
    } else if let Some(covering) = NonZero::new(covered - target)
        && drop_unasked(&mut scaling, ledger, index, covering)
    {
        // What others hold, or what is about to be taken in, stands in their place.
    } else {
        replace(&mut scaling, ledger, index, bounds, target, &failed);
    }
    scaling
}

/// Lets go of those that were never asked for, as many as others cover, and tells whether there were any.
fn drop_unasked(scaling: &mut Scaling, ledger: &Ledger, index: &TypeIndex, covering: NonZero<u32>) -> bool {
    let newest = index.class(Class::New).iter().rev().copied();
    let is_free = |id: &ServerId| {
        !index.replacing.contains(id) && ledger.server(*id).is_some_and(|record| !record.protected)
    };
    let unasked = newest.filter(is_free).take(covering.get() as usize);
    scaling.orders.extend(unasked.map(|id| Order::Doom(id, Why::Surplus)));
    !scaling.orders.is_empty()
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
        .chain(by_what_is_paid(ledger, bounds, index.class(Class::Up).iter().copied()));
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

/// Puts those first whose unit ends first, where servers are paid for by the unit.
fn by_what_is_paid(
    ledger: &Ledger,
    bounds: &Bounds,
    servers: impl Iterator<Item = ServerId>,
) -> impl Iterator<Item = ServerId> {
    let mut servers: Vec<ServerId> = servers.collect();
    if let Some((billing, now)) = bounds.paid {
        servers.sort_by_cached_key(|id| ledger.server(*id).map(|record| billing.left(record.age(now))));
    }
    servers.into_iter()
}

#[cfg(test)]
mod tests;
