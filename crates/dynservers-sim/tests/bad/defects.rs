//! The defects of the reference's community drivers: each as a bad provider that the kit must fail.

use dynservers_core::{Op, Outcome, ProviderId};
use dynservers_http::Provider as _;

use crate::trial::{GOOD, Trial, each};

/// The community driver that mangles the id: every create leaks, since what it deletes is never there.
#[test]
fn defect_20_the_id_is_mangled_so_that_every_delete_finds_nothing() {
    let trial = Trial {
        response: |good, op, step, response, clock| {
            let mut completion = good.response(op, step, response, clock);
            if matches!(op, Op::CreateFromSnapshot(_)) {
                each(&mut completion.outcome, |server| {
                    let number = server.provider_id.as_str().trim_start_matches("srv-").to_owned();
                    server.provider_id = ProviderId::new(number).unwrap();
                });
            }
            completion
        },
        ..GOOD
    };
    trial.fails("ids-are-kept", &["different ids", "\"0001\"", "\"srv-0001\"", "a leak"]);
    trial.fails("deletes-delete", &["still there", "absent", "by the id that the create gave"]);
}

/// The same driver in its first version: the id is not read at all.
#[test]
fn defect_20_the_id_is_never_stored() {
    let trial = Trial {
        response: |good, op, step, response, clock| match good.response(op, step, response, clock).outcome {
            Outcome::Created(_) => Outcome::Accepted.into(),
            _ => good.response(op, step, response, clock),
        },
        ..GOOD
    };
    trial.fails("ids-are-kept", &["not told as created with an id", "accepted", "a leak"]);
}

/// The community driver that counts only the first page.
#[test]
fn defect_20_only_the_first_page_is_read() {
    let trial = Trial {
        response: |good, op, step, response, clock| good.response(op, step, response, clock).outcome.into(),
        ..GOOD
    };
    trial.fails("looks-are-whole", &["after its first page", "1 of 4 servers missing", "a leak"]);
}
