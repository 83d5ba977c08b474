//! The plan for one type: within its bounds whatever there is, and whom it chooses in which order.

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
            Bounds { desired, min, max, retired, may_grow, may_shrink, may_replace, slow_since: None, paid: None };
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

mod choices;
