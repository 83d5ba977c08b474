//! Absence: who may say that a server is gone, and in which words.

use dynservers_core::{Op, Outcome, Reason, StopMode};
use http::Response;

use super::{html, strange};
use crate::conformance::bench::{Bench, brief};
use crate::conformance::case::{Case, Checked};
use crate::conformance::life::{Hands, ended, made_plain, whole};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::{every_op, names_server};
use crate::conformance::subject::Subject;

const STILL_THERE: Flaw = Flaw {
    fault: "the cloud's own word that a server is gone is not understood",
    danger: Danger::Standstill,
    why: "its record stays for ever: it is counted under the ceilings and asked about again and again.",
    remedy: "give Outcome::Absent for the answer by which this API says that it knows no such server.",
};
const HEARSAY: Flaw = Flaw {
    fault: "an answer that is not the cloud's own word was taken to mean that a server is gone",
    danger: Danger::Leak,
    why: "the record is closed while the server lives on and bills, and another is made in its place.",
    remedy: "give Outcome::Absent only if the body is the API's own error and says \"no such server\"; anything else that \
             is 404 is Outcome::Lost.",
};
const SUCCESS_FROM_FAILURE: Flaw = Flaw {
    fault: "an answer that is an error was taken for a success",
    danger: Danger::Leak,
    why: "what was never done counts as done.",
    remedy: "read a body as a success only if the status is one.",
};
const NOTHING_THERE: Flaw = Flaw {
    fault: "an answer without a listing was taken for an empty listing",
    danger: Danger::Kill,
    why: "all servers seem to be gone at once.",
    remedy: "give Outcome::Lost unless the list itself is in the answer, even if it is empty.",
};
const DENIAL: Flaw = Flaw {
    fault: "an answer that refuses the credentials is not told as denied",
    danger: Danger::Leak,
    why: "what cannot be asked is taken for an answer: as absent it closes the records of living servers, and as \
          anything else it is tried again at once, until the account is locked.",
    remedy: "give Outcome::Denied for 401 in every operation, and for 403 at least where something is read; where 403 \
             also means a quota, tell them apart by the error's code.",
};

/// Gone is absent, in the API's own words.
pub(crate) fn is_understood<H: Hands>(hands: &mut H, case: &mut Case) -> Checked {
    let (new, _) = made_plain(hands)?;
    let provider_id = ended(hands, new.labels.token)?;
    hands.pause();
    let stop = |mode| Op::Stop { provider_id: provider_id.clone(), mode };
    for (name, op) in [
        ("inspect", Op::Inspect(provider_id.clone())),
        ("a hard stop", stop(StopMode::Hard)),
        ("a second delete", Op::Delete { provider_id: provider_id.clone(), seen: None }),
    ] {
        let mut outcome = whole(hands, &op).outcome;
        for _ in 0..hands.patience() {
            // Some clouds show a deleted server for a while.
            if matches!(outcome, Outcome::Absent(_)) || matches!(op, Op::Delete { .. }) {
                break;
            }
            hands.pause();
            outcome = whole(hands, &op).outcome;
        }
        let is_understood = match &outcome {
            Outcome::Absent(_) => true,
            Outcome::Accepted => matches!(op, Op::Delete { .. }),
            _ => false,
        };
        case.demand(is_understood, &STILL_THERE, || {
            format!("{name}, of a server that is gone, came out as {}", brief(&outcome))
        });
    }
    Ok(())
}

/// Answers that come from anywhere but the API itself, or that are about something else.
fn hearsay<S: Subject>(subject: &S) -> Vec<(String, Response<Vec<u8>>)> {
    let json = |body| strange(404, "application/json", body);
    let mut answers = vec![
        ("404 with a page of HTML".to_owned(), html(404)),
        ("404 without a body".to_owned(), strange(404, "text/plain", "")),
        ("404 with JSON that is empty".to_owned(), json("{}")),
        ("404 with a JSON list".to_owned(), json("[]")),
        ("404 with JSON null".to_owned(), json("null")),
        ("404 with a gateway's JSON".to_owned(), json(r#"{"message":"no Route matched with those values"}"#)),
        ("410 with a page of HTML".to_owned(), html(410)),
        ("401 with a page of HTML".to_owned(), html(401)),
        ("403 with a page of HTML".to_owned(), html(403)),
        ("302 with a page of HTML".to_owned(), html(302)),
    ];
    for status in [401, 403, 500, 503] {
        answers
            .push((format!("{status} in the API's words"), subject.error(status, "Something went wrong.")));
    }
    answers
        .extend([500, 502, 503, 504].map(|status| (format!("{status} with a page of HTML"), html(status))));
    answers
}

/// Only the cloud's own word convicts.
pub(crate) fn is_not_hearsay<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(bench)?;
    for (name, op) in every_op(&new, &observed.provider_id) {
        for (told, response) in hearsay(bench.subject) {
            let outcome = bench.read(&op, None, &response).outcome;
            let seen = || format!("{name}, answered {told}: {}", brief(&outcome));
            case.demand(!matches!(outcome, Outcome::Absent(_)), &HEARSAY, seen);
            case.demand(outcome.failure().is_some(), &SUCCESS_FROM_FAILURE, seen);
        }
        if names_server(&op) {
            for told in ["", super::HTML] {
                let outcome = bench.read(&op, None, &strange(200, "text/html", told)).outcome;
                case.demand(!matches!(outcome, Outcome::Absent(_)), &HEARSAY, || {
                    format!("{name}, answered 200 with {told:?}: {}", brief(&outcome))
                });
            }
        }
    }
    Ok(())
}

/// A listing is read, or lost.
pub(crate) fn is_not_an_empty_body<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let token = made_plain(bench)?.0.labels.token;
    for op in [Op::Look, Op::Find(token)] {
        for (status, body) in [(200, ""), (200, "{}"), (200, "null"), (200, super::HTML), (204, "")] {
            let outcome = bench.read(&op, None, &strange(status, "application/json", body)).outcome;
            case.demand(!matches!(outcome, Outcome::Page(_)), &NOTHING_THERE, || {
                format!("{}, answered {status} with {body:?}: {}", op.name(), brief(&outcome))
            });
        }
    }
    Ok(())
}

/// Denied is a word of its own.
pub(crate) fn is_not_a_denial<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(bench)?;
    for (name, op) in every_op(&new, &observed.provider_id) {
        for (status, told, response) in [
            (401, "in the API's words", bench.subject.error(401, "The credentials are wrong.")),
            (401, "with a page of HTML", html(401)),
            (403, "in the API's words", bench.subject.error(403, "This is not allowed.")),
            (403, "with a page of HTML", html(403)),
        ] {
            let outcome = bench.read(&op, None, &response).outcome;
            let is_well = match &outcome {
                Outcome::Denied(_) => true,
                // A write may be forbidden for a reason of its own, such as a quota.
                Outcome::Refused(Reason::Invalid | Reason::Quota, _) => status == 403 && !op.is_read(),
                _ => false,
            };
            case.demand(is_well, &DENIAL, || {
                format!("{name}, answered {status} {told}: {}", brief(&outcome))
            });
        }
    }
    Ok(())
}
