//! Words: what the client's errors are to us, told without addresses or secrets.

use std::error::Error;

use dynservers_http::{Sent, TransportError};

/// Tells whether the request may have left, and what happened.
///
/// The client knows for sure that it did not only until it has a connection: name, connection and TLS handshake.
pub(super) fn tell(error: reqwest::Error) -> TransportError {
    let sent = if error.is_connect() || error.is_builder() { Sent::No } else { Sent::Maybe };
    TransportError { sent, message: of(error) }
}

/// Says in one sentence what happened.
pub(super) fn of(error: reqwest::Error) -> String {
    // The address may carry a secret in its query, and whoever reads this knows the provider.
    let error = error.without_url();
    let cause = innermost(&error);
    let what = if error.is_builder() {
        "the request is not valid"
    } else if error.is_dns() {
        "the name was not found"
    } else if error.is_connect() {
        "there was no connection"
    } else {
        "the answer was lost"
    };
    format!("{what}: {cause}")
}

/// Gives the words of the first cause: the outer ones say only that something failed.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
