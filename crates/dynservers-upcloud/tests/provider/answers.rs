//! Successes: what is read out of them, and what is enough.

use dynservers_core::{
    Account, Address, FoundLabels, Network, Observed, Op, Outcome, Page, ProviderId, ProviderState, Seam,
    ServerId, Step,
};
use dynservers_http::Provider as _;
use serde_json::{Value, json};

use crate::world::*;

fn listed(number: u64, state: &str) -> Value {
    json!({
        "uuid": format!("00000000-0000-4000-8000-{number:012}"),
        "title": format!("server {number}"),
        "hostname": format!("server-{number}"),
        "state": state,
        "labels": {"label": [
            {"key": "team", "value": "jobs"},
            {"key": "dynservers-fleet", "value": "workers"},
            {"key": "dynservers-id", "value": number.to_string()},
        ]},
        "tags": [],
        "created": 1_700_000_000,
        "host": 7_653_311_107_i64,
        "something_new": {"deep": [null]},
    })
}

fn listing(servers: &[Value]) -> Value {
    json!({"servers": {"server": servers}})
}

fn page_of(outcome: Outcome) -> Page {
    match outcome {
        Outcome::Page(page) => page,
        other => panic!("no page: {other:?}"),
    }
}

#[test]
fn a_page_has_every_server_its_total_and_its_seam() {
    let states = ["maintenance", "started", "stopped", "error", "pending_delete", "levitating"];
    let servers: Vec<_> = (0..).zip(states).map(|(number, state)| listed(number, state)).collect();
    let response = answer(200, &[("Upcloud-Total-Count", "6")], listing(&servers));
    let completion = upcloud().response(&Op::Look, None, &response, CLOCK);
    assert_eq!(completion.next, None);
    let page = page_of(completion.outcome);
    assert_eq!((page.total, page.seam), (Some(6), Seam::Overlapping));
    let states: Vec<_> = page.servers.iter().map(|server| server.state).collect();
    assert_eq!(
        states,
        [
            ProviderState::InProgress,
            ProviderState::Running,
            ProviderState::Stopped,
            ProviderState::Error,
            ProviderState::Deleting,
            ProviderState::Unknown,
        ]
    );
    assert_eq!(
        page.servers[3],
        Observed {
            provider_id: ProviderId::new("00000000-0000-4000-8000-000000000003").unwrap(),
            name: "server 3".into(),
            labels: FoundLabels {
                fleet: "workers".parse().ok(),
                server: Some(ServerId(3)),
                ..FoundLabels::default()
            },
            state: ProviderState::Error,
            addresses: vec![],
        }
    );
}

/// Reads the whole of a listing of so many servers, page by page, as the API would give it.
fn read_all(servers: u64, page_size: u32, knows_total: bool) -> Vec<Vec<String>> {
    let upcloud = upcloud_with(|settings| settings.page_size = page_size);
    let total = servers.to_string();
    let headers: &[_] = if knows_total { &[("upcloud-total-count", total.as_str())] } else { &[] };
    let mut step: Option<Step> = None;
    let mut pages = Vec::new();
    for _ in 0..100 {
        let request = upcloud.request(&Op::Look, step.as_ref(), CLOCK).unwrap();
        let offset: u64 = request.uri().query().unwrap().rsplit_once('=').unwrap().1.parse().unwrap();
        let numbers = (0..servers).skip(offset as usize).take(page_size as usize);
        let page: Vec<_> = numbers.map(|number| listed(number, "started")).collect();
        let response = answer(200, headers, listing(&page));
        let completion = upcloud.response(&Op::Look, step.as_ref(), &response, CLOCK);
        let page = page_of(completion.outcome);
        assert_eq!((page.total, page.seam), (knows_total.then_some(servers), Seam::Overlapping));
        pages.push(page.servers.into_iter().map(|server| server.name).collect());
        step = completion.next;
        if step.is_none() {
            return pages;
        }
    }
    panic!("the listing does not end");
}

#[test]
fn pages_overlap_by_one_and_miss_nobody() {
    for (servers, page_size, pages) in
        [(0, 10, 1), (1, 2, 1), (2, 2, 1), (3, 2, 2), (9, 10, 1), (10, 10, 1), (11, 10, 2), (60, 10, 7)]
    {
        let read = read_all(servers, page_size, true);
        assert_eq!(read.len(), pages, "{servers} in pages of {page_size}");
        for pair in read.windows(2) {
            assert_eq!(pair[0].last(), pair[1].first());
        }
        let mut names: Vec<_> = read.concat();
        names.dedup();
        let expected: Vec<_> = (0..servers).map(|number| format!("server {number}")).collect();
        assert_eq!(names, expected);
        assert_eq!(read_all(servers, page_size, false).concat().last(), expected.last());
    }
}

#[test]
fn a_listing_that_shrinks_to_nothing_between_two_pages_ends() {
    let upcloud = upcloud_with(|settings| settings.page_size = 10);
    for (servers, total) in [(vec![], "20"), (vec![], "0"), (vec![listed(9, "started")], "20")] {
        let response = answer(200, &[("upcloud-total-count", total)], listing(&servers));
        let completion = upcloud.response(&Op::Look, Some(&Step("offset 9".into())), &response, CLOCK);
        assert_eq!(completion.next, None);
        assert_eq!(page_of(completion.outcome).servers.len(), servers.len());
    }
}

#[test]
fn a_find_is_one_page() {
    let response = answer(200, &[("upcloud-total-count", "1000")], listing(&[listed(1, "started")]));
    let completion = upcloud().response(&Op::Find(TOKEN), None, &response, CLOCK);
    assert_eq!(completion.next, None);
    assert_eq!(page_of(completion.outcome).servers.len(), 1);
}

#[test]
fn a_server_that_can_be_named_and_told_apart_is_enough() {
    let sparse = json!({"uuid": "00a", "labels": {"label": [{"key": 1}, {"key": "dynservers-id", "value": "x"}]},
        "title": 7, "state": ["odd"], "ip_addresses": "none"});
    let bare = json!({"uuid": "00b", "labels": [], "hostname": "b"});
    let page = page_of(outcome(&Op::Look, &answer(200, &[], listing(&[sparse, bare]))));
    assert_eq!(page.total, None);
    let names: Vec<_> = page.servers.iter().map(|server| (server.name.as_str(), server.state)).collect();
    assert_eq!(names, [("", ProviderState::Unknown), ("b", ProviderState::Unknown)]);
    assert!(page.servers.iter().all(|server| server.labels == FoundLabels::default()));
}

#[test]
fn a_server_that_cannot_be_named_or_told_apart_loses_the_look() {
    for (server, expected) in [
        (json!({"labels": {"label": []}}), "a server without an id"),
        (json!({"uuid": "", "labels": {"label": []}}), "a server without an id"),
        (json!({"uuid": "../account", "labels": {"label": []}}), "a server without an id"),
        (json!({"uuid": 7, "labels": {"label": []}}), "a server without an id"),
        (json!({"uuid": "00a"}), "a server without labels"),
        (json!({"uuid": "00a", "labels": null}), "a server without labels"),
        (json!(null), "a server without an id"),
    ] {
        let response = answer(200, &[("upcloud-cid", "01H0")], listing(&[listed(1, "started"), server]));
        let Outcome::Lost(failure) = outcome(&Op::Look, &response) else { panic!("{expected}") };
        assert_eq!(failure.message, format!("UpCloud's answer cannot be read: {expected}"));
        assert_eq!((failure.http_status, failure.correlation.as_deref()), (Some(200), Some("01H0")));
    }
}

#[test]
fn the_account_is_counted_by_a_header_and_known_by_its_user() {
    let count =
        |headers: &[(&str, &str)]| outcome(&Op::Account, &answer(200, headers, listing(&[json!({})])));
    let counted = |total| Outcome::Account(Account { total, ..Account::default() });
    assert_eq!(count(&[("upcloud-total-count", "27")]), counted(Some(27)));
    assert_eq!(count(&[]), counted(None));
    assert_eq!(count(&[("upcloud-total-count", "-1")]), counted(None));
    let check = |body: Value| outcome(&Op::Check, &answer(200, &[], body));
    let known = |identity| Outcome::Account(Account { identity, ..Account::default() });
    assert_eq!(
        check(json!({"account": {"username": "robot", "credits": 10.0}})),
        known(Some("robot".into()))
    );
    assert_eq!(check(json!({"account": {}})), known(None));
}

fn details() -> Value {
    let mut server = listed(7, "started");
    server["uuid"] = SERVER.into();
    server["ip_addresses"] = json!({"ip_address": [
        {"access": "utility", "address": "10.1.2.3", "family": "IPv4"},
        {"access": "public", "address": "94.237.1.2", "family": "IPv4", "part_of_plan": "yes"},
        {"access": "orbital", "address": "1.1.1.1"},
        {"access": "public"},
    ]});
    server["networking"] = json!({"interfaces": {"interface": [
        {"type": "public", "index": 1, "ip_addresses": {"ip_address": [{"address": "94.237.1.2"}]}},
        {"type": "utility", "index": 2, "ip_addresses": {"ip_address": [{"address": "10.1.2.3"}]}},
        {"type": "private", "index": 3, "ip_addresses": {"ip_address": [{"address": "172.16.0.5"}]}},
        {"type": "private", "index": 4},
    ]}});
    json!({ "server": server })
}

fn expected_addresses() -> Vec<Address> {
    let address = |network, address: &str| Address { network, address: address.to_owned() };
    vec![
        address(Network::Utility, "10.1.2.3"),
        address(Network::Public, "94.237.1.2"),
        address(Network::Private, "172.16.0.5"),
    ]
}

#[test]
fn an_inspection_finds_every_address_once() {
    let Outcome::Inspected(server) = outcome(&Op::Inspect(id()), &answer(200, &[], details())) else {
        panic!("not inspected")
    };
    assert_eq!(server.addresses, expected_addresses());
    assert_eq!((server.provider_id, server.state), (id(), ProviderState::Running));
}

#[test]
fn an_answer_about_another_server_is_none() {
    let mut body = details();
    body["server"]["uuid"] = "00000000-0000-4000-8000-000000000009".into();
    let lost = outcome(&Op::Inspect(id()), &answer(200, &[], body));
    assert_eq!(
        lost.failure().unwrap().message,
        "UpCloud's answer cannot be read: it is about another server"
    );
    assert_eq!(lost.name(), "lost");
}

#[test]
fn a_create_gives_the_id_and_the_addresses() {
    let op = create_of(&template());
    for status in [200, 201, 202] {
        let Outcome::Created(server) = outcome(&op, &answer(status, &[], details())) else {
            panic!("{status}")
        };
        assert_eq!((&server.provider_id, &server.addresses), (&id(), &expected_addresses()));
        assert_eq!(server.labels.server, Some(ServerId(7)));
    }
    let least = answer(202, &[], json!({"server": {"uuid": SERVER, "state": "maintenance"}}));
    let Outcome::Created(server) = outcome(&op, &least) else { panic!("an id is enough") };
    assert_eq!((server.labels.token, server.state), (Some(TOKEN), ProviderState::InProgress));
}

#[test]
fn a_success_that_cannot_be_read_is_lost() {
    for op in every_op().iter().filter(|op| op.is_read() || op.name() == "create") {
        for body in
            ["", "<html>", "{", "null", "[]", "{}", r#"{"server":{}}"#, r#"{"servers":7,"account":7}"#]
        {
            assert_eq!(outcome(op, &answer(200, &[], body)).name(), "lost", "{body} to {}", op.name());
        }
    }
}

#[test]
fn what_is_done_to_a_server_is_accepted_by_the_api_and_by_nobody_else() {
    for op in every_op().iter().filter(|op| !op.is_read() && op.name() != "create") {
        for (status, body) in [(204, ""), (200, ""), (200, r#"{"server":{"state":"started"}}"#), (202, "{}")]
        {
            assert_eq!(outcome(op, &answer(status, &[], body)), Outcome::Accepted);
        }
        assert_eq!(outcome(op, &answer(200, &[], "<html>Log in to the wifi</html>")).name(), "lost");
    }
}
