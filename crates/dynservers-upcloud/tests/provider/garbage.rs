//! Garbage: no status, header or body makes the provider panic, nor believe what it should not.

use std::collections::BTreeSet;

use dynservers_core::{Op, Step};
use dynservers_http::Provider as _;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::world::*;

/// A value that stands alone, at times one that UpCloud would give.
fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!(SERVER)),
        Just(json!("SERVER_NOT_FOUND")),
        Just(json!("started")),
    ]
}

/// JSON that is close to UpCloud's: its keys, with values of any kind.
fn nearly() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "server",
        "servers",
        "uuid",
        "title",
        "state",
        "labels",
        "label",
        "key",
        "value",
        "error",
        "error_code",
        "error_message",
        "type",
        "networking",
        "interfaces",
        "interface",
        "ip_addresses",
        "ip_address",
        "access",
        "address",
        "account",
        "username",
    ]);
    leaf().prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..5).prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        nearly().prop_map(|value| value.to_string().into_bytes()),
        nearly().prop_map(|value| json!({"server": value}).to_string().into_bytes()),
        (leaf(), nearly(), any::<bool>()).prop_map(|(id, labels, alone)| {
            let server = json!({"uuid": id, "labels": {"label": [labels]}});
            let body =
                if alone { json!({"server": server}) } else { json!({"servers": {"server": [server]}}) };
            body.to_string().into_bytes()
        }),
        (leaf(), leaf()).prop_map(|(code, message)| {
            json!({"error": {"error_code": code, "error_message": message}}).to_string().into_bytes()
        }),
        nearly().prop_map(|value| json!({"servers": {"server": [value]}}).to_string().into_bytes()),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let name =
        prop::sample::select(vec!["upcloud-total-count", "upcloud-cid", "retry-after", "content-type"]);
    let value = prop_oneof![
        "[ -~]{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(0x20_u8..0x7f, 0..20),
        prop::collection::vec(0x80_u8..=0xff, 0..8),
        any::<u64>().prop_map(|number| number.to_string().into_bytes())
    ];
    prop::collection::vec((name, value), 0..4)
}

fn step() -> impl Strategy<Value = Option<Step>> {
    prop::option::of(prop_oneof![
        any::<u64>().prop_map(|offset| Step(format!("offset {offset}"))),
        "\\PC{0,12}".prop_map(Step)
    ])
}

#[test]
fn the_garbage_is_good_enough_to_be_believed_at_times() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..1_000 {
        let body = body().new_tree(&mut runner).unwrap().current();
        for status in [200, 404] {
            let response = http::Response::builder().status(status).body(body.clone()).unwrap();
            seen.extend(every_op().iter().map(|op| outcome(op, &response).name()));
        }
    }
    for rare in ["page", "inspected", "account", "created", "absent", "refused", "lost"] {
        assert!(seen.contains(rare), "{rare} is not among {seen:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn defect_14_no_answer_makes_it_panic(
        status in prop_oneof![100_u16..1000, Just(200), Just(202), Just(404)],
        headers in headers(),
        body in body(),
        step in step(),
    ) {
        let mut response = http::Response::builder().status(status);
        for (name, value) in &headers {
            response = response.header(*name, value.as_slice());
        }
        let response = response.body(body).unwrap();
        for op in every_op() {
            let completion = upcloud().response(&op, step.as_ref(), &response, CLOCK);
            prop_assert!(completion.next.is_none() || matches!(op, Op::Look));
            let success = (200..300).contains(&status);
            prop_assert_eq!(completion.outcome.failure().is_none(), success && completion.outcome.name() != "lost");
            prop_assert!(completion.outcome.name() != "absent" || status == 404);
        }
    }

    #[test]
    fn no_specification_makes_it_panic(body in nearly(), configuration in nearly()) {
        let mut template = Value::from(&template());
        for spec in [body.clone(), { template["configuration"] = configuration; template.clone() }] {
            let _ = upcloud().request(&create(spec), None, CLOCK);
        }
    }
}
