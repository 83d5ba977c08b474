//! Ids and labels that are lost, mangled or overwritten.

use dynservers_core::labels::SPEC;
use dynservers_core::{Failure, Op, Outcome, ProviderId, Step};
use dynservers_http::{CreateRetry, Provider as _};
use serde_json::Value;

use crate::trial::{GOOD, Trial, each};

/// The body of a create, changed.
fn changed(trial_request: http::Request<Vec<u8>>, change: impl Fn(&mut Value)) -> http::Request<Vec<u8>> {
    trial_request.map(|body| {
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        change(&mut body);
        body.to_string().into_bytes()
    })
}

#[test]
fn details_have_an_id_of_their_own() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if let Outcome::Inspected(server) = &mut completion.outcome {
                server.provider_id = ProviderId::new(format!("details-of-{}", server.provider_id)).unwrap();
            }
            completion
        },
        ..GOOD
    };
    trial.fails("ids-are-kept", &["an inspect of \"srv-0001\" gives \"details-of-srv-0001\""]);
}

#[test]
fn a_label_is_left_out() {
    let trial = Trial {
        request: |good, op, step, clock| {
            let request = good.request(op, step, clock)?;
            if !matches!(op, Op::CreateFromSnapshot(_)) {
                return Ok(request);
            }
            Ok(changed(request, |body| {
                body["labels"].as_object_mut().unwrap().remove(SPEC);
            }))
        },
        ..GOOD
    };
    trial.fails("labels-are-kept", &["does not bear the labels", "dynservers-spec"]);
}

#[test]
fn labels_of_users_overwrite_ours() {
    let trial = Trial {
        request: |good, op, step, clock| {
            let request = good.request(op, step, clock)?;
            let Op::CreateFromSnapshot(new) = op else { return Ok(request) };
            let users = new.spec.body()["labels"].as_object().cloned().unwrap_or_default();
            Ok(changed(request, |body| body["labels"].as_object_mut().unwrap().extend(users.clone())))
        },
        ..GOOD
    };
    trial.fails("our-labels-win", &["labels of the user's win over ours", "dynservers-token", "a leak"]);
}

#[test]
fn labels_come_in_a_second_request() {
    let trial = Trial {
        request: |good, op, step, clock| match (op, step) {
            (Op::CreateFromSnapshot(_), Some(Step(id))) => {
                let whole = good.request(op, None, clock)?;
                let body: Value = serde_json::from_slice(whole.body()).unwrap();
                good.build(
                    "PUT",
                    &format!("/servers/{}/labels", id.parse::<u64>().unwrap_or(0)),
                    &body["labels"],
                )
            }
            (Op::CreateFromSnapshot(_), None) => {
                let request = good.request(op, step, clock)?;
                Ok(changed(request, |body| body["labels"] = Value::Null))
            }
            _ => good.request(op, step, clock),
        },
        ..GOOD
    };
    trial.fails("lost-creates-are-found", &["cannot be found by its token", "first request", "a leak"]);
}

#[test]
fn a_find_is_a_look() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Find(_) => good.request(&Op::Look, step, clock),
            _ => good.request(op, step, clock),
        },
        ..GOOD
    };
    trial.fails("finds-are-filtered", &["do not bear the token"]);
}

/// Right in every answer, and never asked for the second page.
#[test]
fn a_find_is_a_look_of_which_the_others_are_left_out() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Find(_) => good.request(&Op::Look, step, clock),
            _ => good.request(op, step, clock),
        },
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if let (Op::Find(token), Outcome::Page(page)) = (op, &mut completion.outcome) {
                page.servers.retain(|server| server.labels.token == Some(*token));
                page.total = None;
            }
            completion
        },
        ..GOOD
    };
    trial.fails("finds-are-filtered", &["goes on after its first page", "a double"]);
}

#[test]
fn a_find_finds_nothing() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if let (Op::Find(_), Outcome::Page(page)) = (op, &mut completion.outcome) {
                page.servers.clear();
            }
            completion
        },
        ..GOOD
    };
    trial.fails("finds-are-filtered", &["does not show the server that bears the token", "a double"]);
    trial.fails("late-listings-are-borne", &["a find of its token"]);
}

#[test]
fn an_empty_find_is_absence() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let completion = good.response(op, step, response, clock);
            match (op, &completion.outcome) {
                (Op::Find(_), Outcome::Page(page)) if page.servers.is_empty() => {
                    Outcome::Absent(Failure::new("there is none")).into()
                }
                _ => completion,
            }
        },
        ..GOOD
    };
    trial.fails("late-listings-are-borne", &["a listing that is late", "absent", "a double"]);
}

#[test]
fn servers_are_known_by_name() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            each(&mut completion.outcome, |server| {
                server.provider_id = ProviderId::new(server.name.clone()).unwrap();
            });
            completion
        },
        ..GOOD
    };
    trial.fails("namesakes-are-two", &["two servers of one name", "a kill"]);
}

#[test]
fn a_repeated_create_makes_two_though_it_is_said_to_be_safe() {
    let trial = Trial { capabilities: |it| it.create_retry = CreateRetry::SameToken, ..GOOD };
    trial.fails("repeated-creates-make-one", &["made two servers", "2 servers bear the token", "a double"]);
}
