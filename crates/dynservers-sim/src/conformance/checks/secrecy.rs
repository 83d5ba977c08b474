//! Secrecy: what was told in confidence shows nowhere, not even when the cloud repeats it.

use std::collections::BTreeSet;

use http::Response;
use http::header::AUTHORIZATION;

use super::strange;
use crate::conformance::bench::Bench;
use crate::conformance::case::{Case, Checked, Halt};
use crate::conformance::life::{Hands as _, made_plain};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::every_op;
use crate::conformance::subject::Subject;

const SHOWN_BY_PROVIDER: Flaw = Flaw {
    fault: "the provider's Debug shows a secret",
    danger: Danger::Exposure,
    why: "Debug ends in logs and in panics.",
    remedy: "keep references or SecretString, not the text, or write Debug by hand.",
};
const SHOWN_BY_REQUEST: Flaw = Flaw {
    fault: "the Debug of a request's headers or URL shows a secret",
    danger: Danger::Exposure,
    why: "requests are printed where transports are debugged.",
    remedy: "call HeaderValue::set_sensitive(true) on every header that carries credentials.",
};
const REPEATED: Flaw = Flaw {
    fault: "a secret that the cloud repeats in an answer is passed on",
    danger: Danger::Exposure,
    why: "failures are kept in the ledger, sent to webhooks and shown to whoever asks for the status.",
    remedy: "put the cloud's words through dynservers_http::redact with every secret that the request held, and keep \
             nothing of bodies that are not the API's own errors.",
};

/// No secret shows in anything that is printed or kept.
pub(crate) fn is_kept<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(bench)?;
    bench.pause();
    let ops = every_op(&new, &observed.provider_id);
    let mut secrets: BTreeSet<String> = BTreeSet::new();
    let mut shown = Vec::new();
    for (name, op) in &ops {
        let Ok(request) = bench.request(op, None) else { continue };
        shown.push((*name, format!("{:?} {:?}", request.uri(), request.headers())));
        // The form in which they travel gives as much away.
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let word = header.and_then(|text| text.split_whitespace().next_back());
        secrets.extend(word.map(str::to_owned));
    }
    secrets.extend(bench.vault.told());
    if secrets.is_empty() {
        return Err(Halt::NotApplicable("no secret is read".to_owned()));
    }
    let holds = |text: &str| secrets.iter().any(|secret| text.contains(secret.as_str()));
    for (name, text) in &shown {
        case.demand(!holds(text), &SHOWN_BY_REQUEST, || format!("in that of {name}"));
    }
    case.demand(!holds(&format!("{:?}", bench.provider)), &SHOWN_BY_PROVIDER, || "in {:?} of it".to_owned());
    for (name, op) in &ops {
        for secret in &secrets {
            for (told, response) in repeated(bench.subject, secret) {
                let completion = bench.read(op, None, &response);
                let text = format!("{completion:?}");
                case.demand(!holds(&text), &REPEATED, || {
                    format!("{name}, answered {told} that quotes a secret")
                });
            }
        }
    }
    case.demand(!holds(&format!("{:?}", bench.provider)), &SHOWN_BY_PROVIDER, || {
        "after answers that quote it".to_owned()
    });
    Ok(())
}

/// Writes answers that repeat a text.
fn repeated<S: Subject>(subject: &S, secret: &str) -> Vec<(String, Response<Vec<u8>>)> {
    let words = format!("The value {secret} is not valid.");
    let mut answers: Vec<(String, Response<Vec<u8>>)> = [400, 401, 403, 404, 409, 422, 429, 500, 503]
        .into_iter()
        .map(|status| (format!("{status} in the API's words"), subject.error(status, &words)))
        .collect();
    for status in [200, 404, 502] {
        let page = format!("<html><body>{words}</body></html>");
        answers.push((format!("{status} with a page of HTML"), strange(status, "text/html", &page)));
        let json = format!(r#"{{"message":"{words}","error":"{words}"}}"#);
        answers.push((format!("{status} with JSON"), strange(status, "application/json", &json)));
    }
    answers
}
