//! Secrets that show.

use dynservers_core::{Failure, Outcome, Reason};
use dynservers_http::Provider as _;

use crate::trial::{GOOD, Trial};

#[test]
fn the_key_is_in_debug() {
    let trial = Trial { debugs_key: true, ..GOOD };
    trial.fails("secrets-stay-secret", &["the provider's Debug shows a secret", "an exposure"]);
}

#[test]
fn errors_are_passed_on_as_they_come() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let completion = good.response(op, step, response, clock);
            match &completion.outcome {
                Outcome::Refused(..) => {
                    let body = String::from_utf8_lossy(response.body());
                    Outcome::Refused(Reason::Invalid, Failure::new(body)).into()
                }
                _ => completion,
            }
        },
        ..GOOD
    };
    trial
        .fails("secrets-stay-secret", &["that the cloud repeats", "create, answered 400 in the API's words"]);
}
