//! Errors that are taken for other news than they are.

use std::time::Duration;

use dynservers_core::{Failure, Op, Outcome, Page, ProviderId, Reason, Seam};
use dynservers_http::Provider as _;

use crate::good::observed;
use crate::trial::{GOOD, Trial};

#[test]
fn any_failed_get_is_gone() {
    let trial = Trial {
        response: |good, op, step, response, clock| match op {
            Op::Inspect(_) if !response.status().is_success() => Outcome::Absent(Failure::new("gone")).into(),
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("hearsay-is-no-absence", &["not the cloud's own word", "404 with a page of HTML", "a leak"]);
    trial.fails("denied-is-denied", &["inspect, answered 401", "absent"]);
}

#[test]
fn every_404_is_gone() {
    let trial = Trial {
        response: |good, op, step, response, clock| match response.status().as_u16() {
            404 => Outcome::Absent(Failure::new("gone")).into(),
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("hearsay-is-no-absence", &["404 with a gateway's JSON"]);
    trial.fails("garbage-is-borne", &["garbage was taken to mean that a server is gone"]);
}

#[test]
fn an_error_is_read_as_a_success() {
    let trial = Trial {
        response: |good, op, step, response, clock| match op {
            Op::Delete { .. } => Outcome::Accepted.into(),
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("hearsay-is-no-absence", &["delete, answered 500", "taken for a success"]);
}

#[test]
fn gone_is_not_understood() {
    let trial = Trial {
        response: |good, op, step, response, clock| match good.response(op, step, response, clock).outcome {
            Outcome::Absent(failure) => Outcome::Lost(failure).into(),
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("gone-is-absent", &["own word that a server is gone is not understood", "inspect"]);
    trial.fails("deletes-delete", &["a delete that is sent again"]);
}

#[test]
fn what_is_no_list_is_an_empty_one() {
    let trial = Trial {
        response: |good, op, step, response, clock| match good.response(op, step, response, clock).outcome {
            Outcome::Lost(_) if matches!(op, Op::Look) && response.status().is_success() => {
                Outcome::Page(Page { servers: Vec::new(), total: None, seam: Seam::Shifting }).into()
            }
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("nothing-is-no-listing", &["empty listing", "a kill"]);
}

#[test]
fn denied_is_refused() {
    let trial = Trial {
        response: |good, op, step, response, clock| match good.response(op, step, response, clock).outcome {
            Outcome::Denied(failure) => Outcome::Refused(Reason::Invalid, failure).into(),
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("denied-is-denied", &["refuses the credentials", "look, answered 401 in the API's words"]);
}

#[test]
fn a_5xx_on_a_create_is_refused() {
    let trial = Trial {
        response: |good, op, step, response, clock| match good.response(op, step, response, clock).outcome {
            Outcome::Lost(failure) if response.status().is_server_error() => {
                Outcome::Refused(Reason::Invalid, failure).into()
            }
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails(
        "doubtful-creates-are-lost",
        &["may have happened is not told as lost", "a create, answered 500", "refused", "a leak"],
    );
}

#[test]
fn a_garbled_create_is_believed() {
    let trial = Trial {
        response: |good, op, step, response, clock| match good.response(op, step, response, clock).outcome {
            Outcome::Lost(_) if matches!(op, Op::CreateFromSnapshot(_)) && response.status().is_success() => {
                let server = serde_json::json!({"id": "unknown", "labels": {}});
                Outcome::Created(Box::new(observed(&server).unwrap())).into()
            }
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("doubtful-creates-are-lost", &["with \"\": created", "1/4 of the body"]);
    trial.fails("garbage-is-borne", &["garbage in answer to a create was believed"]);
}

#[test]
fn too_many_requests_are_an_error_like_any_other() {
    let trial = Trial {
        response: |good, op, step, response, clock| match good.response(op, step, response, clock).outcome {
            Outcome::Throttled { failure, .. } => Outcome::Refused(Reason::Busy, failure).into(),
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("throttles-are-obeyed", &["not told as throttled", "refused as busy"]);
}

#[test]
fn a_retry_after_with_a_date_is_not_understood() {
    let trial = Trial {
        response: |good, op, step, response, clock| match good.response(op, step, response, clock).outcome {
            Outcome::Throttled { failure, .. } => {
                let text = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let retry_after = text.and_then(|text| text.parse().ok()).map(Duration::from_secs);
                Outcome::Throttled { retry_after, failure }.into()
            }
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("throttles-are-obeyed", &["read wrongly", "06 Nov 1994 08:50:07", "a time that is not said"]);
}

#[test]
fn garbage_makes_it_panic() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let text = std::str::from_utf8(response.body()).expect("an answer is text");
            assert!(!text.contains("\u{0}"), "what is this?");
            good.response(op, step, response, clock)
        },
        ..GOOD
    };
    trial.fails("garbage-is-borne", &["it panicked", "answered"]);
}

#[test]
fn an_odd_step_makes_it_panic() {
    let trial = Trial {
        request: |good, op, step, clock| {
            let page: Option<u64> = step.map(|step| step.0.parse().unwrap());
            assert!(page != Some(0));
            good.request(op, step, clock)
        },
        ..GOOD
    };
    trial.fails("odd-steps-are-borne", &["it panicked", "with the step"]);
}

#[test]
fn an_answer_about_another_server_is_believed() {
    let trial = Trial {
        response: |good, op, step, response, clock| match op {
            Op::Inspect(id) if response.status().is_success() => {
                let body = crate::good::json_of(response);
                let any = body["server"]["id"].as_str().and_then(|id| ProviderId::new(id).ok());
                let mut outcome = good
                    .response(&Op::Inspect(any.unwrap_or_else(|| id.clone())), step, response, clock)
                    .outcome;
                crate::trial::each(&mut outcome, |server| server.provider_id = id.clone());
                outcome.into()
            }
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("answers-are-matched", &["taken for that about another"]);
}
