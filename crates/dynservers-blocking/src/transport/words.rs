//! Words: what the client's errors are to us, told without addresses or secrets.

use std::time::Duration;

use dynservers_http::{Sent, TransportError};
use ureq::Error;

use super::connect::Unconnected;

/// Tells whether the request may have left, and what happened.
///
/// Nothing has left of a request that is none, or before there was a connection.
pub(super) fn tell(error: Error, request_timeout: Duration) -> TransportError {
    let (sent, message) = match error {
        Error::Other(error) => match error.downcast::<Unconnected>() {
            Ok(why) => (Sent::No, unconnected(&why)),
            Err(error) => (Sent::Maybe, lost(&error)),
        },
        // What the address was stays untold: its query may hold a secret.
        Error::BadUri(_) => (Sent::No, invalid(&"its address has no scheme or host that is known")),
        Error::Http(error) => (Sent::No, invalid(&error)),
        Error::Timeout(_) => (Sent::Maybe, format!("there was no whole answer within {request_timeout:?}")),
        Error::LargeResponseHeader(_, cap) => {
            (Sent::Maybe, lost(&format_args!("its headers are longer than {cap} bytes")))
        }
        error => (Sent::Maybe, lost(&cause(&error))),
    };
    TransportError { sent, message }
}

fn unconnected(why: &Unconnected) -> String {
    let (Unconnected::Name(error) | Unconnected::Connection(error)) = why;
    format!("{why}: {}", cause(error))
}

/// Gives the cause alone where the client would put its own word before it.
fn cause(error: &Error) -> String {
    match error {
        Error::Io(error) => error.to_string(),
        Error::Rustls(error) => error.to_string(),
        Error::Protocol(error) => error.to_string(),
        Error::Timeout(_) => "it took too long".to_owned(),
        error => error.to_string(),
    }
}

fn invalid(cause: &dyn std::fmt::Display) -> String {
    format!("the request is not valid: {cause}")
}

fn lost(cause: &dyn std::fmt::Display) -> String {
    format!("the answer was lost: {cause}")
}
