//! Fates on the wire: what befalls a request and its answer, in the shapes that UpCloud and the gateways before it give.

use dynservers_core::{Op, Reason};
use dynservers_sim::world::Fate;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

const HTML: &str = "text/html; charset=iso-8859-1";
const JSON: &str = "application/json; charset=UTF-8";

/// Gives what answers in place of the account, if anything does: then nothing was processed.
pub(super) fn instead(fate: Fate, op: &Op) -> Option<Response<Vec<u8>>> {
    Some(match fate {
        Fate::Throttle(seconds) => {
            let mut response = error(429, "TOO_MANY_REQUESTS", "Too many requests.");
            if let Some(seconds) = seconds {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        // A gateway before reads, the API itself before changes.
        Fate::FailBefore if op.is_read() => page(503, "503 Service Unavailable"),
        Fate::FailBefore => error(500, "SERVICE_ERROR", "Internal error."),
        Fate::NoSuchPage => page(404, "404 Not Found"),
        Fate::Deny => error(401, "AUTHENTICATION_FAILED", "Authentication failed."),
        Fate::Refuse(reason) => refusal(reason, op),
        Fate::Answer
        | Fate::LoseRequest
        | Fate::LoseReply
        | Fate::Hang
        | Fate::Unsent
        | Fate::FailAfter
        | Fate::Garble
        | Fate::Shorten
        | Fate::Vanish
        | Fate::Exist => return None,
    })
}

/// Gives what becomes of the answer to a request that was processed. UpCloud has no names that may be taken, and what it
/// accepted it shows: a create neither exists nor vanishes here.
pub(super) fn spoil(fate: Fate, mut response: Response<Vec<u8>>) -> Response<Vec<u8>> {
    match fate {
        Fate::FailAfter => error(500, "SERVICE_ERROR", "Internal error."),
        Fate::Garble => {
            let half = response.body().len() / 2;
            response.body_mut().truncate(half);
            response
        }
        Fate::Shorten => shortened(response),
        Fate::Answer
        | Fate::LoseRequest
        | Fate::LoseReply
        | Fate::Hang
        | Fate::Unsent
        | Fate::Throttle(_)
        | Fate::FailBefore
        | Fate::NoSuchPage
        | Fate::Deny
        | Fate::Refuse(_)
        | Fate::Vanish
        | Fate::Exist => response,
    }
}

fn refusal(reason: Reason, op: &Op) -> Response<Vec<u8>> {
    let is_create = matches!(op, Op::CreateFromSnapshot(_));
    match reason {
        Reason::Busy if is_create => error(
            409,
            "STORAGE_STATE_ILLEGAL",
            "The operation is not allowed while the storage is in state 'cloning'.",
        ),
        Reason::Busy => error(
            409,
            "SERVER_STATE_ILLEGAL",
            "The operation is not allowed while the server is in state 'maintenance'.",
        ),
        Reason::Capacity => error(409, "SERVER_RESOURCES_UNAVAILABLE", "There are not enough resources."),
        Reason::Invalid => error(400, "REQUEST_INVALID", "The request is invalid."),
        Reason::Quota => {
            error(403, "SERVER_CORE_LIMIT_REACHED", "The limit of the account has been reached.")
        }
        Reason::Credit => error(402, "INSUFFICIENT_CREDITS", "There are not enough credits."),
    }
}

fn error(status: u16, code: &str, message: &str) -> Response<Vec<u8>> {
    let body = json!({"error": {"error_code": code, "error_message": message}});
    response(status, JSON, body.to_string())
}

fn page(status: u16, title: &str) -> Response<Vec<u8>> {
    response(status, HTML, format!("<html><body><h1>{title}</h1></body></html>"))
}

fn response(status: u16, content_type: &'static str, body: String) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into_bytes());
    *response.status_mut() = StatusCode::from_u16(status).expect("it is a status");
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Takes the last server off a listing whose header goes on saying how many there are.
fn shortened(mut response: Response<Vec<u8>>) -> Response<Vec<u8>> {
    if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(response.body())
        && let Some(servers) = body.pointer_mut("/servers/server").and_then(serde_json::Value::as_array_mut)
    {
        servers.pop();
        *response.body_mut() = body.to_string().into_bytes();
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dynservers_core::{Effect, EffectId, Outcome, ProviderId, ProviderName, StopMode, Time, Token, Why};
    use dynservers_sim::world::{Cloud as _, Draw, Setup, Told};

    use super::super::UpCloudStack;
    use super::*;

    fn outcome(op: &Op, fate: Fate) -> Outcome {
        let mut cloud = UpCloudStack::new(&Setup::draw(&mut Draw::from_bytes(&[])), 0);
        let effect = Effect {
            id: EffectId(1),
            provider: ProviderName::new("cloud").expect("it is a name"),
            op: op.clone(),
            step: None,
            not_after: Time::ZERO,
            server: None,
            why: Why::Sync,
        };
        cloud.execute(&effect, fate, Told { time: Time::ZERO, wall: 0 }).outcome
    }

    fn ops() -> [Op; 6] {
        let id = || ProviderId::new("00e8051f-86bf-413b-b932-c92a790be181").expect("it is an id");
        [
            Op::Check,
            Op::Look,
            Op::Find(Token(1)),
            Op::Inspect(id()),
            Op::Stop { provider_id: id(), mode: StopMode::Hard },
            Op::Delete { provider_id: id(), seen: None },
        ]
    }

    #[test]
    fn each_fate_is_read_as_what_it_is_whatever_was_asked() {
        for op in ops() {
            let lost = [Fate::FailBefore, Fate::FailAfter, Fate::NoSuchPage, Fate::Garble];
            for fate in lost {
                assert!(matches!(outcome(&op, fate), Outcome::Lost(_)), "{} {fate:?}", op.name());
            }
            assert!(matches!(outcome(&op, Fate::Deny), Outcome::Denied(_)), "{}", op.name());
            for reason in [Reason::Busy, Reason::Capacity, Reason::Invalid, Reason::Quota, Reason::Credit] {
                let read = outcome(&op, Fate::Refuse(reason));
                assert!(
                    matches!(read, Outcome::Refused(told, _) if told == reason),
                    "{} {read:?}",
                    op.name()
                );
            }
            for seconds in [None, Some(30)] {
                let Outcome::Throttled { retry_after, .. } = outcome(&op, Fate::Throttle(seconds)) else {
                    panic!("{} is not throttled", op.name());
                };
                assert_eq!(retry_after, seconds.map(|seconds| Duration::from_secs(u64::from(seconds))));
            }
        }
    }

    #[test]
    fn without_a_fate_each_is_answered() {
        let names = ops().map(|op| outcome(&op, Fate::Answer).name());
        assert_eq!(names, ["account", "page", "page", "absent", "absent", "absent"]);
    }
}
