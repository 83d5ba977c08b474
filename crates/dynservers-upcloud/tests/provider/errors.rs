//! The error table: every row of it, for reads, for creates, and for what is done to one server.

use std::time::Duration;

use dynservers_core::{Failure, Op, Outcome, Reason};
use serde_json::json;

use crate::world::*;

/// An outcome without its words.
#[derive(Debug, PartialEq)]
enum Kind {
    Absent,
    Denied,
    Refused(Reason),
    Throttled(Option<u64>),
    Lost,
    Other(&'static str),
}

use Kind::{Absent, Denied, Lost, Refused, Throttled};
use Reason::{Busy, Capacity, Credit, Invalid, Quota};

fn kind(outcome: &Outcome) -> Kind {
    match outcome {
        Outcome::Absent(_) => Absent,
        Outcome::Denied(_) => Denied,
        Outcome::Refused(reason, _) => Refused(*reason),
        Outcome::Throttled { retry_after, .. } => Throttled(retry_after.as_ref().map(Duration::as_secs)),
        Outcome::Lost(_) => Lost,
        other => Kind::Other(other.name()),
    }
}

fn envelope(code: &str) -> String {
    json!({"error": {"error_code": code, "error_message": "Words."}}).to_string()
}

fn problem(code: &str) -> String {
    let kind = format!("https://developers.upcloud.com/1.3/errors#ERROR_{code}");
    json!({"type": kind, "title": "Words.", "status": 400}).to_string()
}

/// Asserts what codes with a status mean for every operation, in both envelopes.
fn assert_means(status: u16, codes: &str, expected: impl Fn(&Op) -> Kind) {
    for code in codes.split_whitespace() {
        for body in [envelope(code), problem(code)] {
            for op in every_op() {
                let outcome = outcome(&op, &answer(status, &[], &body));
                assert_eq!(kind(&outcome), expected(&op), "{status} {code} to {}", op.name());
                let failure = outcome.failure().unwrap();
                assert_eq!(failure.code.as_deref(), Some(code));
                assert_eq!((failure.http_status, failure.message.as_str()), (Some(status), "Words."));
            }
        }
    }
}

fn is_about_a_server(op: &Op) -> bool {
    matches!(op, Op::Inspect(_) | Op::Stop { .. } | Op::Reboot { .. } | Op::Delete { .. })
}

#[test]
fn bad_requests_are_invalid() {
    let codes = "REQUEST_INVALID UNKNOWN_ATTRIBUTE SERVER_INVALID HOSTNAME_INVALID HOSTNAME_MISSING \
        SERVER_TITLE_INVALID SERVER_TITLE_MISSING ZONE_INVALID ZONE_MISSING STORAGE_DEVICES_INVALID \
        STORAGE_DEVICES_MISSING STORAGE_INVALID STORAGE_MISSING STORAGE_TITLE_INVALID ACTION_INVALID SIZE_INVALID \
        TIER_INVALID METADATA_INVALID USER_DATA_INVALID INVALID_LABEL_KEY INVALID_LABEL_VALUE DUPLICATE_LABEL_KEYS \
        STOP_TYPE_INVALID TIMEOUT_INVALID TIMEOUT_MISSING TIMEOUT_ACTION_INVALID CREATE_PASSWORD_INVALID \
        INVALID_USERNAME SOURCE_IP_FILTERING_INVALID API_VERSION_INVALID SOMETHING_NEW";
    assert_means(400, codes, |_| Refused(Invalid));
    assert_means(405, "METHOD_NOT_ALLOWED", |_| Refused(Invalid));
}

#[test]
fn wrong_credentials_are_denied_whatever_the_code() {
    assert_means(401, "AUTHENTICATION_FAILED AUTHENTICATION_REQUIRED SOMETHING_NEW", |_| Denied);
    assert_means(403, "AUTHENTICATION_FAILED", |_| Denied);
}

#[test]
fn no_credit_is_credit() {
    assert_means(402, "INSUFFICIENT_CREDITS SOMETHING_NEW", |_| Refused(Credit));
}

#[test]
fn quotas_are_quotas_and_other_prohibitions_are_denied_to_reads() {
    let quotas = "SERVER_CORE_LIMIT_REACHED SERVER_MEMORY_LIMIT_REACHED SERVER_IP_LIMIT_REACHED \
        SERVER_CREATING_LIMIT_REACHED MAXIOPS_STORAGE_LIMIT_REACHED IP_ADDRESS_LIMIT_REACHED";
    assert_means(403, quotas, |_| Refused(Quota));
    let others = "SERVER_FORBIDDEN STORAGE_FORBIDDEN ACCOUNT_FORBIDDEN ACTION_FORBIDDEN PLAN_CORE_NUMBER_ILLEGAL \
        PLAN_MEMORY_AMOUNT_ILLEGAL TRIAL_PLAN SOMETHING_NEW";
    assert_means(403, others, |op| if op.is_read() { Denied } else { Refused(Invalid) });
}

#[test]
fn a_quota_is_a_quota_whatever_its_status() {
    assert_means(400, "SERVER_CORE_LIMIT_REACHED", |_| Refused(Quota));
    assert_means(409, "SERVER_CORE_LIMIT_REACHED", |_| Refused(Quota));
}

#[test]
fn defect_17_only_the_apis_own_word_about_the_server_is_its_absence() {
    assert_means(404, "SERVER_NOT_FOUND", |op| if is_about_a_server(op) { Absent } else { Refused(Invalid) });
    let others =
        "STORAGE_NOT_FOUND ZONE_NOT_FOUND GROUP_NOT_FOUND SERVER_GROUP_NOT_FOUND NETWORK_NOT_FOUND NOT_FOUND";
    assert_means(404, others, |_| Refused(Invalid));
    assert_means(400, "SERVER_NOT_FOUND", |_| Refused(Invalid));
    for body in ["", "<html><h1>404 Not Found</h1></html>", "null", "{}", r#"{"error":"SERVER_NOT_FOUND"}"#] {
        for op in every_op() {
            let outcome = outcome(&op, &answer(404, &[("content-type", "application/json")], body));
            assert_eq!(kind(&outcome), Lost, "{body} to {}", op.name());
        }
    }
}

#[test]
fn conflicts_are_busy_or_capacity_or_permanent() {
    assert_means(409, "SERVER_STATE_ILLEGAL STORAGE_STATE_ILLEGAL SOMETHING_NEW", |_| Refused(Busy));
    let capacity = "SERVER_RESOURCES_UNAVAILABLE STORAGE_RESOURCES_UNAVAILABLE IP_ADDRESS_RESOURCES_UNAVAILABLE \
        STRICT_ANTI_AFFINITY_NOT_MET";
    assert_means(409, capacity, |_| Refused(Capacity));
    let permanent = "METADATA_DISABLED_ON_CLOUD-INIT ZONE_MISMATCH MULTIPLE_TEMPLATES PUBLIC_STORAGE_ATTACH \
        STORAGE_IN_USE STORAGE_ATTACHED STORAGE_DEVICE_LIMIT_REACHED";
    assert_means(409, permanent, |_| Refused(Invalid));
}

#[test]
fn a_server_error_may_have_done_it_whatever_its_code() {
    assert_means(500, "SERVICE_ERROR SERVER_NOT_FOUND SERVER_RESOURCES_UNAVAILABLE", |_| Lost);
    assert_means(503, "SERVICE_UNAVAILABLE", |_| Lost);
}

#[test]
fn without_an_envelope_the_status_decides() {
    for op in every_op() {
        let forbidden = if op.is_read() { Denied } else { Refused(Invalid) };
        for (status, expected) in [
            (199, Lost),
            (301, Lost),
            (304, Lost),
            (400, Refused(Invalid)),
            (401, Denied),
            (402, Refused(Credit)),
            (403, forbidden),
            (408, Lost),
            (409, Refused(Busy)),
            (418, Refused(Invalid)),
            (429, Throttled(None)),
            (500, Lost),
            (502, Lost),
            (599, Lost),
            (999, Lost),
        ] {
            for body in ["", "<html>hunter2</html>"] {
                let outcome = outcome(&op, &answer(status, &[], body));
                assert_eq!(kind(&outcome), expected, "{status} to {}", op.name());
                assert!(!format!("{outcome:?}").contains("hunter2"), "a gateway's page is not kept");
            }
        }
    }
}

#[test]
fn defect_19_a_throttled_request_waits_as_long_as_it_is_told() {
    for (header, expected) in [
        ("7", Some(7)),
        ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("soon", None),
    ] {
        for op in every_op() {
            let outcome = outcome(&op, &answer(429, &[("retry-after", header)], ""));
            assert_eq!(kind(&outcome), Throttled(expected), "{header}");
        }
    }
}

#[test]
fn a_failure_carries_what_the_support_asks_for() {
    let headers = [("upcloud-cid", "01H0"), ("content-type", "text/html")];
    let refused = outcome(&Op::Look, &answer(400, &headers, envelope("REQUEST_INVALID")));
    assert_eq!(
        refused,
        Outcome::Refused(
            Invalid,
            Failure {
                message: "Words.".into(),
                code: Some("REQUEST_INVALID".into()),
                http_status: Some(400),
                correlation: Some("01H0".into()),
            }
        )
    );
    let lost = outcome(&Op::Look, &answer(502, &headers, "<html>"));
    let failure = lost.failure().unwrap();
    assert_eq!(failure.message, "UpCloud answered \"Bad Gateway\" and no more");
    assert_eq!(failure.correlation.as_deref(), Some("01H0"));
    let problem = json!({"type": "a#ERROR_X", "title": "T", "correlation_id": "01P"});
    let outcome = outcome(&Op::Look, &answer(400, &[], problem));
    assert_eq!(outcome.failure().unwrap().correlation.as_deref(), Some("01P"));
}
