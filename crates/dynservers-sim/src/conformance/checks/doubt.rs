//! Doubt: what may have happened, what did not, and what will not before its time.

use std::time::Duration;

use dynservers_core::{Op, Outcome, Time};
use dynservers_http::{Exchange, Sent, TransportError};
use http::Response;

use super::{html, strange};
use crate::conformance::bench::{Bench, brief, effect};
use crate::conformance::case::{Case, Checked, counted};
use crate::conformance::life::{Hands, find, look, made_plain};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::create;
use crate::conformance::subject::Subject;

const IN_DOUBT: Flaw = Flaw {
    fault: "a create that may have happened is not told as lost",
    danger: Danger::Leak,
    why: "told as refused, absent or unsent, another server is made at once, and if the first one was made after all it \
          is a double, or a leak that bills unseen.",
    remedy: "give Outcome::Lost for 408, for every 5xx and for every success that cannot be read, unless the error's code \
             says that nothing was done.",
};
const TRANSPORT: Flaw = Flaw {
    fault: "news of the transport is not told as what it is",
    danger: Danger::Double,
    why: "a timeout may have made a server, and a refused connection has not: only the latter may be tried again at once.",
    remedy: "leave Exchange to tell it.",
};
const UNFOUND: Flaw = Flaw {
    fault: "a server whose create was answered to nobody cannot be found by its token",
    danger: Danger::Leak,
    why: "the attempt is given up and another server made, while the first one bills and no look knows whose it is.",
    remedy: "send the token and all other labels in the very first request of a create, in the name if there is no other \
             way; a second request may never be sent.",
};
const NOT_THROTTLED: Flaw = Flaw {
    fault: "too many requests are not told as throttled",
    danger: Danger::Standstill,
    why: "as lost, a create waits long for a server that was never made; as refused, its type backs off for half an hour.",
    remedy: "give Outcome::Throttled for 429, and for whatever else this API says it with.",
};
const WRONG_WAIT: Flaw = Flaw {
    fault: "how long the cloud asks to wait is read wrongly",
    danger: Danger::Standstill,
    why: "who asks too early is throttled again, and who waits for ever makes nothing.",
    remedy: "use dynservers_http::retry_after: seconds or a date, which is to be compared with Clock::wall_millis; what \
             cannot be read is None.",
};

/// A create in doubt is lost.
pub(crate) fn is_lost<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let new = bench.draw();
    let op = create(&new);
    let whole = bench.answer(&op, None)?;
    let mut answers: Vec<(String, Response<Vec<u8>>)> = Vec::new();
    for status in [500, 502, 503, 504, 507, 520, 599] {
        answers.push((format!("{status} with a page of HTML"), html(status)));
        answers.push((format!("{status} without a body"), strange(status, "text/plain", "")));
        answers
            .push((format!("{status} in the API's words"), bench.subject.error(status, "Internal error.")));
    }
    answers.push(("408 with a page of HTML".to_owned(), html(408)));
    for status in [200, 201, 202] {
        for body in ["", "{}", "null", "[]", "true", super::HTML] {
            answers.push((format!("{status} with {body:?}"), strange(status, "application/json", body)));
        }
    }
    for share in [1, 2, 3] {
        let mut cut = whole.clone();
        cut.body_mut().truncate(whole.body().len() * share / 4);
        answers.push((format!("{} with {share}/4 of the body", whole.status().as_u16()), cut));
    }
    for (told, response) in answers {
        let outcome = bench.read(&op, None, &response).outcome;
        case.demand(matches!(outcome, Outcome::Lost(_)), &IN_DOUBT, || {
            format!("a create, answered {told}: {}", brief(&outcome))
        });
    }
    Ok(())
}

/// A create whose answer was lost is found by its token; one that never left is not.
pub(crate) fn is_found_again<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    // These three are the word of Exchange, which every provider has between itself and a transport.
    let error = |sent| Err(TransportError { sent, message: "the connection was lost".to_owned() });
    let mut told = |what: &str, outcome: &Outcome, expected: &str| {
        case.demand(outcome.name() == expected, &TRANSPORT, || format!("{what}: {}", brief(outcome)));
    };
    let (lost, unsent) = (bench.draw(), bench.draw());
    // The cloud gets the first request and nothing more: the process dies before it has read the answer.
    bench.answer(&create(&lost), None)?;
    let outcome = bench.finish(&create(&lost), None, error(Sent::Maybe)).outcome;
    told("a create that timed out", &outcome, "lost");
    let outcome = bench.finish(&create(&unsent), None, error(Sent::No)).outcome;
    told("a create whose connection was refused", &outcome, "unsent");
    let late = effect(&create(&unsent), None, Time::ZERO);
    match Exchange::new(&bench.provider, &late).request(bench.clock()) {
        Ok(_) => case.add(&TRANSPORT, "a create was sent too late"),
        Err(ended) => told("a create that is too late", &ended.outcome, "unsent"),
    }
    bench.pause();
    for (what, wanted) in [("a find", find(bench, lost.labels.token)?), ("a look", look(bench)?)] {
        let token = Some(lost.labels.token);
        case.demand(wanted.iter().any(|server| server.labels.token == token), &UNFOUND, || {
            format!(
                "{what}, after the answer to a create was lost, shows {} without it",
                counted(wanted.len(), "server")
            )
        });
    }
    Ok(())
}

/// Too many requests are throttled, for as long as the cloud says.
pub(crate) fn is_throttled<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(bench)?;
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let delete = Op::Delete { provider_id: observed.provider_id, seen: None };
    for (name, op) in [("a look", Op::Look), ("a create", create(&new)), ("a delete", delete)] {
        for (header, expected) in [
            (None, None),
            (Some("0"), seconds(0)),
            (Some("120"), seconds(120)),
            (Some("Sun, 06 Nov 1994 08:50:07 GMT"), seconds(30)),
            (Some("Sun, 06 Nov 1994 08:00:00 GMT"), seconds(0)),
            (Some("soon"), None),
            (Some("-5"), None),
        ] {
            let outcome = bench.read(&op, None, &bench.subject.throttled(header)).outcome;
            let seen = || {
                let header =
                    header.map_or("no Retry-After".to_owned(), |text| format!("Retry-After: {text}"));
                format!(
                    "{name}, answered that there are too many requests, with {header}: {}",
                    brief(&outcome)
                )
            };
            match &outcome {
                Outcome::Throttled { retry_after, .. } => {
                    // Not to know is as good as not to wait.
                    let is_well = *retry_after == expected
                        || (retry_after.is_none() && expected.is_some_and(|wait| wait.is_zero()));
                    case.demand(is_well, &WRONG_WAIT, seen);
                }
                _ => case.add(&NOT_THROTTLED, seen()),
            }
        }
    }
    Ok(())
}
