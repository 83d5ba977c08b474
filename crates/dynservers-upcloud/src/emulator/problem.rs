//! The provider's refusals: a status, a code and a text.

use http::StatusCode;
use serde_json::{Value, json};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Makes the refusal of a request that can never succeed.
    pub(super) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(super) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Makes the refusal of an attribute that is wanted and not there.
    pub(super) fn missing(code: &'static str, attribute: &str) -> Self {
        Self::invalid(code, format!("The attribute {attribute} is required."))
    }

    /// Makes the refusal of an attribute that nobody knows, or of a wrapper that is not there.
    pub(super) fn unknown_attribute(attribute: &str) -> Self {
        Self::invalid("UNKNOWN_ATTRIBUTE", format!("The attribute {attribute} is unknown."))
    }

    pub(super) fn no_server(uuid: &str) -> Self {
        Self::not_found("SERVER_NOT_FOUND", format!("The server {uuid} does not exist."))
    }

    pub(super) fn no_storage(uuid: &str) -> Self {
        Self::not_found("STORAGE_NOT_FOUND", format!("The storage {uuid} does not exist."))
    }

    /// Makes the refusal of an operation in the wrong state; the state is named in the text and nowhere else.
    pub(super) fn wrong_state(uuid: &str, state: &str) -> Self {
        let message = format!("The operation is not allowed while the server {uuid} is in state '{state}'.");
        Self::conflict("SERVER_STATE_ILLEGAL", message)
    }

    /// Gives the envelope that servers, storages and the account use.
    pub(super) fn body(&self) -> Value {
        json!({"error": {"error_code": self.code, "error_message": self.message}})
    }
}
