//! The journal: the fleet's events in the process's log, as fields.

use dynservers_core::{Event, EventKind, ProviderId, Status};
use dynservers_tokio::{Receiver, RecvError};

use crate::terminal::shown;

/// Writes events until the loop ends.
pub(crate) async fn keep(mut events: Receiver) {
    loop {
        match events.recv().await {
            Ok(event) => write(&event),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "events came faster than the log takes them");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn write(event: &Event) {
    let name = event.kind.name();
    let Some(server) = event.kind.server() else { return write_other(event) };
    let provider_id = server.provider_id.as_ref().map(ProviderId::as_str);
    let previous = server.previous_status.map(Status::as_str);
    let why = server.why.map(|why| why.to_string());
    let failure = server.failure.as_ref().map(ToString::to_string);
    let (id, server_type, server_name) = (server.server.0, server.server_type.as_str(), &*server.name);
    // The level of a line is part of the line, so that it cannot be a value.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                event = name,
                server = id,
                r#type = server_type,
                name = server_name,
                provider_id,
                previous,
                why,
                failure,
                "server"
            )
        };
    }
    if is_trouble(&event.kind) { line!(warn) } else { line!(info) }
}

/// Writes what is not about one server; such events differ too much to have fields in common.
fn write_other(event: &Event) {
    let name = event.kind.name();
    // Shown as it is, lest its quotes be quoted again.
    let detail = shown(&serde_json::to_string(&event.kind).unwrap_or_default());
    if is_trouble(&event.kind) {
        tracing::warn!(event = name, %detail, "fleet");
    } else {
        tracing::info!(event = name, %detail, "fleet");
    }
}

/// Whether somebody should look at it.
#[expect(clippy::match_same_arms, reason = "what is trouble and what is not yet known are two thoughts")]
fn is_trouble(kind: &EventKind) -> bool {
    match kind {
        EventKind::Errored(_)
        | EventKind::Hanging(_)
        | EventKind::Disowned(_)
        | EventKind::OtherOwnerFound { .. }
        | EventKind::SecondController { .. }
        | EventKind::LedgerRestored { .. }
        | EventKind::Held { .. }
        | EventKind::CredentialsRejected { .. }
        | EventKind::ProviderUnreachable { .. }
        | EventKind::CreateRefused { .. }
        | EventKind::LimitHit { .. }
        | EventKind::DemandUnknown { .. }
        | EventKind::DemandJumped { .. }
        | EventKind::CountUnknown { .. } => true,
        EventKind::Creating(_)
        | EventKind::Running(_)
        | EventKind::Draining(_)
        | EventKind::Undrained(_)
        | EventKind::Stopping(_)
        | EventKind::Stopped(_)
        | EventKind::Deleting(_)
        | EventKind::Deleted(_)
        | EventKind::Rebooting(_)
        | EventKind::Adopted(_)
        | EventKind::Returned(_)
        | EventKind::OrphanFound { .. }
        | EventKind::TakenOver { .. }
        | EventKind::Resumed { .. }
        | EventKind::ProviderReachable { .. }
        | EventKind::DemandKnown { .. }
        | EventKind::CountKnown
        | EventKind::DesiredChanged { .. } => false,
        // A newer machine's word for something: better too loud than unheard.
        _ => true,
    }
}
