//! How many are made, who goes, who is kept and who is replaced, to the last one.

use alloc::vec;
use core::time::Duration;

use super::*;
use crate::ids::Token;
use crate::look::ProviderState;
use crate::record::{Found, FoundRecord};
use crate::removal::Drain;

/// A type with so many places, of which so many are wanted, and no word that forbids anything.
fn bounds(desired: u32, max: u32) -> Bounds {
    Bounds {
        desired: Some(desired),
        min: 0,
        max,
        retired: false,
        may_grow: true,
        may_shrink: true,
        may_replace: true,
        slow_since: None,
        paid: None,
    }
}

/// A server with a number and a status, bound unless it is new.
fn server(number: u64, status: Status) -> ServerRecord {
    let (server_type, provider) = names();
    let wanted = ServerRecord::wanted(ServerId(number), server_type, provider, None, Time::ZERO);
    let provider_id = ProviderId::new(number.to_string()).ok().filter(|_| status != Status::New);
    ServerRecord { status, provider_id, ..wanted }
}

fn standing_in(number: u64, status: Status, replaces: u64) -> ServerRecord {
    ServerRecord { replaces: Some(ServerId(replaces)), ..server(number, status) }
}

fn going(number: u64, status: Status, drains: bool) -> ServerRecord {
    let mut record = server(number, status);
    record.doom(Why::Surplus, Time::ZERO);
    let drain = Drain { since: Time::ZERO, deadline: Time::ZERO, done: false };
    record.removal.as_mut().unwrap().drain = drains.then_some(drain);
    record
}

fn names() -> (TypeName, ProviderName) {
    (TypeName::new("default").unwrap(), ProviderName::new("cloud").unwrap())
}

fn found(number: u64, kind: Found) -> FoundRecord {
    let (server_type, provider) = names();
    FoundRecord {
        provider,
        provider_id: ProviderId::new(number.to_string()).unwrap(),
        name: "found".to_string(),
        kind,
        owner: None,
        server_type: Some(server_type),
        server: None,
        token: Some(Token(7)),
        spec: None,
        state: ProviderState::Running,
        first_seen: Time::ZERO,
    }
}

fn scaled(servers: Vec<ServerRecord>, others: Vec<FoundRecord>, bounds: &Bounds) -> Scaling {
    let fleet = FleetName::new("fleet").unwrap();
    let mut stored = Stored::empty(fleet.clone(), OwnerId::of_fleet(&fleet));
    (stored.servers, stored.found) = (servers, others);
    plan(&Ledger::restore(stored), &names().0, bounds)
}

fn orders(servers: Vec<ServerRecord>, bounds: &Bounds) -> Vec<Order> {
    scaled(servers, Vec::new(), bounds).orders
}

fn dooms(numbers: &[u64]) -> Vec<Order> {
    numbers.iter().map(|number| Order::Doom(ServerId(*number), Why::Surplus)).collect()
}

fn stand_ins(numbers: &[u64]) -> Vec<Order> {
    numbers.iter().map(|number| Order::Make { replaces: Some(ServerId(*number)) }).collect()
}

const NEW: Order = Order::Make { replaces: None };

#[test]
fn what_others_hold_and_what_is_not_yet_taken_in_stands_in_for_ours() {
    let servers = vec![server(1, Status::Running), server(2, Status::Starting), server(3, Status::New)];
    let others = vec![found(8, Found::Held), found(9, Found::Orphan), found(10, Found::Orphan)];
    let scaling = scaled(servers.clone(), others.clone(), &bounds(8, 20));
    assert_eq!((scaling.orders, scaling.limited_to), (vec![NEW; 2], None));
    assert_eq!(scaled(servers.clone(), others.clone(), &bounds(6, 20)).orders, []);
    assert_eq!(
        scaled(servers.clone(), others.clone(), &bounds(5, 20)).orders,
        dooms(&[3]),
        "in place of the new"
    );
    assert_eq!(
        scaled(servers.clone(), others.clone(), &bounds(2, 20)).orders,
        dooms(&[3]),
        "and is never a surplus"
    );
    assert_eq!(scaled(servers, others, &bounds(1, 20)).orders, dooms(&[3, 2]));
}

#[test]
fn while_nobody_said_a_number_it_is_as_many_as_are_found() {
    let servers = || {
        vec![
            server(1, Status::Running),
            server(2, Status::Starting),
            server(3, Status::New),
            server(4, Status::Errored),
            going(5, Status::Stopping, false),
        ]
    };
    let others = || vec![found(8, Found::Held), found(9, Found::Orphan), found(10, Found::Orphan)];
    let unknown = Bounds { desired: None, ..bounds(0, 20) };
    let target = scaled(servers(), others(), &unknown).target;
    assert_eq!(target, 6, "what was never asked for is not found");
    assert_eq!(scaled(servers(), Vec::new(), &unknown).orders, dooms(&[3]), "and goes");
    let back = vec![server(1, Status::Running), standing_in(2, Status::Starting, 1)];
    assert_eq!(scaled(back, Vec::new(), &unknown).target, 1, "nor is whoever stands in for one that is back");
    assert_eq!(scaled(servers(), others(), &Bounds { min: 9, ..unknown }).orders, vec![NEW; 2]);
    let retired = Bounds { retired: true, ..unknown };
    assert_eq!(scaled(servers(), others(), &retired).target, 0);
}

#[test]
fn the_maximum_counts_all_that_exists_and_tells_what_it_allows() {
    // A failed server that has a stand-in fills a place and is none of those wanted.
    let servers =
        || vec![server(1, Status::Errored), standing_in(2, Status::Running, 1), server(3, Status::Running)];
    let scaling = scaled(servers(), Vec::new(), &bounds(4, 4));
    assert_eq!((scaling.orders, scaling.limited_to), (vec![NEW], Some(3)));
    let scaling = scaled(servers(), vec![found(9, Found::Held)], &bounds(4, 4));
    assert_eq!((scaling.orders, scaling.limited_to), (vec![], Some(3)), "what is held has a place too");
    let scaling = scaled(servers(), Vec::new(), &bounds(4, 6));
    assert_eq!((scaling.orders, scaling.limited_to), (vec![NEW; 2], None));
    let with_new = [servers(), vec![server(4, Status::New)]].concat();
    let scaling = scaled(with_new, Vec::new(), &bounds(4, 4));
    assert_eq!((scaling.orders, scaling.limited_to), (vec![], Some(3)), "nor is there a place for one more");
    let with_going = [servers(), vec![going(4, Status::Stopping, false)]].concat();
    let scaling = scaled(with_going, Vec::new(), &bounds(4, 4));
    assert_eq!((scaling.orders, scaling.limited_to), (vec![], None), "its place is free soon");
    let paused = Bounds { may_grow: false, ..bounds(4, 6) };
    assert_eq!(orders(servers(), &paused), []);
}

#[test]
fn those_come_back_first_whose_workers_were_told_nothing_and_of_equals_the_newest() {
    let servers = || {
        vec![
            going(1, Status::Running, false),
            going(2, Status::Draining, true),
            going(3, Status::Running, false),
            going(4, Status::Draining, true),
            going(5, Status::Stopping, false),
        ]
    };
    let kept = |numbers: &[u64]| -> Vec<Order> {
        numbers.iter().map(|number| Order::Reprieve(ServerId(*number))).collect()
    };
    assert_eq!(orders(servers(), &bounds(1, 9)), kept(&[3]));
    assert_eq!(orders(servers(), &bounds(3, 9)), kept(&[3, 1, 4]));
    let all = [kept(&[3, 1, 4, 2]), vec![NEW; 2]].concat();
    assert_eq!(orders(servers(), &bounds(6, 9)), all, "and what is still wanted then is made");
}

#[test]
fn those_go_first_who_have_least_to_lose() {
    let servers = || {
        vec![
            server(1, Status::Running),
            server(2, Status::Running),
            server(3, Status::Errored),
            server(4, Status::Starting),
            server(5, Status::Starting),
            standing_in(6, Status::Starting, 1),
            standing_in(7, Status::Running, 2),
            server(8, Status::New),
            server(9, Status::New),
        ]
    };
    let order = [9, 8, 6, 3, 5, 4, 7, 1, 2];
    let chosen = |bounds: &Bounds| -> Vec<u64> {
        let number = |order: &Order| match order {
            Order::Doom(id, _) => id.0,
            Order::Make { .. } | Order::Reprieve(_) => panic!("{order:?}"),
        };
        orders(servers(), bounds).iter().map(number).collect()
    };
    for left in 0..=9 {
        assert_eq!(chosen(&bounds(left, 20)), order[..9 - left as usize], "{left} are left");
    }
    assert_eq!(
        chosen(&Bounds { may_shrink: false, ..bounds(0, 20) }),
        [9, 8],
        "nobody else has nothing to lose"
    );
}

#[test]
fn the_protected_never_go_and_everybody_else_goes_for_a_reason() {
    let servers = vec![
        ServerRecord { protected: true, ..server(1, Status::Running) },
        server(2, Status::Running),
        standing_in(3, Status::Running, 1),
        // Whom it stood in for has not come back.
        server(4, Status::Errored),
        standing_in(5, Status::Running, 4),
    ];
    let doom = |number, why| Order::Doom(ServerId(number), why);
    let expected = [doom(3, Why::Superseded), doom(2, Why::Surplus), doom(5, Why::Surplus)];
    assert_eq!(orders(servers.clone(), &bounds(0, 20)), expected);
    let retired = orders(servers, &Bounds { retired: true, ..bounds(3, 20) });
    assert!(retired.contains(&doom(3, Why::Retired)) && retired.contains(&doom(2, Why::Retired)));
    assert_eq!(retired.len(), 3);
}

#[test]
fn one_in_ten_is_replaced_at_a_time_and_at_least_one() {
    let servers = |running: u64, failed: u64| -> Vec<ServerRecord> {
        let running = (100..100 + running).map(|number| server(number, Status::Running));
        (1..=failed).map(|number| server(number, Status::Errored)).chain(running).collect()
    };
    assert_eq!(orders(servers(2, 3), &bounds(5, 40)), stand_ins(&[1]));
    assert_eq!(orders(servers(15, 4), &bounds(19, 40)), stand_ins(&[1]));
    assert_eq!(orders(servers(16, 4), &bounds(20, 40)), stand_ins(&[1, 2]));
    for (status, more) in [
        (Status::New, &[2_u64][..]),
        (Status::Starting, &[2]),
        (Status::Hanging, &[2]),
        (Status::Running, &[2, 3]),
    ] {
        let with_one = [servers(16, 4), vec![standing_in(50, status, 1)]].concat();
        // One that hangs is as good as failed itself, and has no stand-in.
        assert_eq!(orders(with_one, &bounds(20, 40)), stand_ins(more), "{status}");
    }
    for forbids in [
        Bounds { may_grow: false, ..bounds(5, 40) },
        Bounds { may_replace: false, ..bounds(5, 40) },
        Bounds { may_grow: false, may_replace: false, ..bounds(5, 40) },
    ] {
        assert_eq!(orders(servers(2, 3), &forbids), [], "{forbids:?}");
    }
    let retired = Bounds { retired: true, ..bounds(0, 40) };
    assert_eq!(orders(Vec::new(), &retired), []);
}

#[test]
fn a_replacement_needs_a_place_and_its_lack_is_told() {
    let servers = || vec![server(1, Status::Errored), server(2, Status::Running)];
    let scaling = scaled(servers(), Vec::new(), &bounds(2, 2));
    assert_eq!((scaling.orders, scaling.limited_to), (vec![], Some(1)));
    let with_going = [servers(), vec![going(3, Status::Stopping, false)]].concat();
    assert_eq!(scaled(with_going, Vec::new(), &bounds(2, 2)).limited_to, None, "its place is free soon");
    let full = vec![server(1, Status::Running), server(2, Status::Running)];
    assert_eq!(scaled(full, Vec::new(), &bounds(2, 2)).limited_to, None, "nothing is lacking");
    assert_eq!(scaled(servers(), Vec::new(), &bounds(2, 3)).limited_to, None);
}

#[test]
fn one_that_may_just_be_slow_is_not_replaced() {
    let since = Time::ZERO + Duration::from_secs(60);
    let plan = |status, bound_at| {
        let slow = ServerRecord { bound_at: Some(bound_at), ..server(1, status) };
        orders(vec![slow, server(2, Status::Running)], &Bounds { slow_since: Some(since), ..bounds(2, 9) })
    };
    assert_eq!(plan(Status::Hanging, since + Duration::from_millis(1)), [], "as boots go it may still come");
    assert_eq!(plan(Status::Hanging, since), stand_ins(&[1]));
    assert_eq!(plan(Status::Hanging, Time::ZERO), stand_ins(&[1]));
    assert_eq!(plan(Status::Errored, since + Duration::from_secs(9)), stand_ins(&[1]), "it failed");
}

#[test]
fn what_is_paid_for_decides_among_those_that_run_alone() {
    let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
    let bound_at =
        |seconds, number, status| ServerRecord { bound_at: Some(at(seconds)), ..server(number, status) };
    let running = [(8_200, 1), (6_500, 2), (9_900, 3)];
    let mut fleet: Vec<ServerRecord> =
        running.map(|(seconds, number)| bound_at(seconds, number, Status::Running)).into();
    fleet.push(bound_at(8_800, 9, Status::Hanging));
    let billing = Billing { unit: Duration::from_secs(3_600) };
    let paid = Bounds { paid: Some((billing, at(10_000))), ..bounds(2, 9) };
    assert_eq!(orders(fleet, &paid), dooms(&[9, 2]), "who failed first, then whose hour ends first");
}
