//! The error table: what each answer that is no success means for each operation.

use dynservers_core::{Failure, Op, Outcome, Reason};
use dynservers_http::{Clock, retry_after};
use http::{Response, StatusCode};

use crate::envelope::{self, Envelope};

/// What an error means, before it is told in the machine's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Absent,
    Denied,
    Refused(Reason),
    Throttled,
    Lost,
}

/// Reads an answer that is no success. `redact` takes secrets out of UpCloud's words.
pub(crate) fn outcome(
    op: &Op,
    response: &Response<Vec<u8>>,
    clock: Clock,
    redact: &dyn Fn(&str) -> String,
) -> Outcome {
    let envelope = Envelope::read(response.body());
    let meaning = meaning(op, response.status(), envelope.as_ref());
    let failure = failure(response, envelope, redact);
    match meaning {
        Meaning::Absent => Outcome::Absent(failure),
        Meaning::Denied => Outcome::Denied(failure),
        Meaning::Refused(reason) => Outcome::Refused(reason, failure),
        Meaning::Throttled => {
            Outcome::Throttled { retry_after: retry_after(response.headers(), clock), failure }
        }
        Meaning::Lost => Outcome::Lost(failure),
    }
}

/// Tells what happened, for answers that mean nothing to the machine.
pub(crate) fn told(response: &Response<Vec<u8>>, redact: &dyn Fn(&str) -> String) -> Failure {
    failure(response, Envelope::read(response.body()), redact)
}

/// Decides by the code first, since the statuses of some codes are not documented, and else by the status.
///
/// Only within 400 to 499, where UpCloud answers for itself: after anything else a create may have happened.
fn meaning(op: &Op, status: StatusCode, envelope: Option<&Envelope>) -> Meaning {
    let code = envelope.and_then(|envelope| envelope.code.as_deref());
    match status.as_u16() {
        401 => Meaning::Denied,
        429 => Meaning::Throttled,
        // A gateway gave up on us while the API may have gone on.
        408 => Meaning::Lost,
        // A gateway's page is nobody's word that a server is gone, nor that a request is wrong.
        404 if envelope.is_none() => Meaning::Lost,
        404 if names_server(op) && code.is_some_and(is_no_such_server) => Meaning::Absent,
        400..=499 => code.and_then(by_code).unwrap_or_else(|| by_status(op, status)),
        _ => Meaning::Lost,
    }
}

/// Whether an operation is about one server that is known by its id.
fn names_server(op: &Op) -> bool {
    match op {
        Op::Inspect(_) | Op::Stop { .. } | Op::Reboot { .. } | Op::Delete { .. } => true,
        // What this version does not know is not believed to be gone.
        _ => false,
    }
}

/// `SERVER_NOT_FOUND` and its kind. A bare `NOT_FOUND` may be about the path, and so convicts nobody.
fn is_no_such_server(code: &str) -> bool {
    code.starts_with("SERVER") && code.ends_with("_NOT_FOUND") && !code.contains("GROUP")
}

/// What a code means wherever it comes; none for codes that say no more than their status does.
fn by_code(code: &str) -> Option<Meaning> {
    Some(match code {
        "AUTHENTICATION_FAILED" | "AUTHENTICATION_REQUIRED" => Meaning::Denied,
        "INSUFFICIENT_CREDITS" => Meaning::Refused(Reason::Credit),
        "STRICT_ANTI_AFFINITY_NOT_MET" => Meaning::Refused(Reason::Capacity),
        // Conflicts that no waiting resolves.
        "METADATA_DISABLED_ON_CLOUD-INIT"
        | "ZONE_MISMATCH"
        | "MULTIPLE_TEMPLATES"
        | "PUBLIC_STORAGE_ATTACH"
        | "STORAGE_IN_USE"
        | "STORAGE_ATTACHED"
        | "STORAGE_DEVICE_LIMIT_REACHED" => Meaning::Refused(Reason::Invalid),
        _ if code.ends_with("_LIMIT_REACHED") => Meaning::Refused(Reason::Quota),
        _ if code.ends_with("_RESOURCES_UNAVAILABLE") => Meaning::Refused(Reason::Capacity),
        _ if code.ends_with("_STATE_ILLEGAL") => Meaning::Refused(Reason::Busy),
        _ => return None,
    })
}

fn by_status(op: &Op, status: StatusCode) -> Meaning {
    match status.as_u16() {
        402 => Meaning::Refused(Reason::Credit),
        403 if op.is_read() => Meaning::Denied,
        409 => Meaning::Refused(Reason::Busy),
        _ => Meaning::Refused(Reason::Invalid),
    }
}

/// Tells what happened. Nothing of a body is kept that is not the message of an envelope: it may be anything.
fn failure(
    response: &Response<Vec<u8>>,
    envelope: Option<Envelope>,
    redact: &dyn Fn(&str) -> String,
) -> Failure {
    let status = response.status();
    let Envelope { code, message, correlation } = envelope.unwrap_or_default();
    let message = message.map_or_else(
        || match status.canonical_reason() {
            Some(reason) => format!("UpCloud answered \"{reason}\" and no more"),
            None => "UpCloud answered with an error and no more".to_owned(),
        },
        |message| envelope::cut(&redact(&message)),
    );
    Failure {
        message,
        code: code.map(|code| redact(&code)),
        http_status: Some(status.as_u16()),
        correlation: envelope::correlation(response).or(correlation).map(|correlation| redact(&correlation)),
    }
}
