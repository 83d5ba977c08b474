//! Requests that are not made, or not to be sent.

use dynservers_core::{Failure, Op};
use dynservers_http::{Provider as _, Unbuildable};
use http::header::AUTHORIZATION;
use secrecy::ExposeSecret as _;

use crate::trial::{GOOD, Trial};

#[test]
fn there_is_no_find() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Find(_) => Err(Failure::new("there is no filter here").into()),
            _ => good.request(op, step, clock),
        },
        ..GOOD
    };
    trial.fails("requests-are-built", &["has no request", "find built no request"]);
}

#[test]
fn requests_go_in_the_clear() {
    let trial = Trial { url: "http://api.tiny.example", ..GOOD };
    trial.fails("requests-are-safe", &["in the clear", "http://api.tiny.example/"]);
}

#[test]
fn the_key_is_in_the_url() {
    let trial = Trial {
        request: |good, op, step, clock| match op {
            Op::Look => {
                let key = good.key()?;
                good.build("GET", &format!("/servers?key={}", key.expose_secret()), &serde_json::Value::Null)
            }
            _ => good.request(op, step, clock),
        },
        ..GOOD
    };
    trial.fails("requests-are-safe", &["a secret stands in the URL", "in that of look"]);
}

#[test]
fn the_header_is_not_sensitive() {
    let trial = Trial {
        request: |good, op, step, clock| {
            let mut request = good.request(op, step, clock)?;
            request.headers_mut().get_mut(AUTHORIZATION).unwrap().set_sensitive(false);
            Ok(request)
        },
        ..GOOD
    };
    trial.fails("requests-are-safe", &["not marked as sensitive", "authorization of look"]);
    trial.fails("secrets-stay-secret", &["headers or URL shows a secret"]);
}

#[test]
fn credentials_that_cannot_be_read_are_a_wrong_configuration() {
    let trial = Trial {
        request: |good, op, step, clock| {
            good.request(op, step, clock).map_err(|error| Unbuildable::Invalid(error.failure().clone()))
        },
        ..GOOD
    };
    trial.fails("unreadable-credentials-deny", &["not told as denied", "refused as invalid"]);
}
