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
