//! Problems: errors of the control API as RFC 9457 problem details.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dynservers_core::Refusal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of problem details.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// How long a client should wait before it says again what came too early, in seconds.
const RETRY_AFTER: &str = "2";

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Problem {
    /// Which kind of problem, as a relative reference.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The kind in words.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What happened this time, and what to do about it.
    pub(crate) detail: String,
    /// The fleet's own refusal, if it was the fleet that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, serde_json::Value>>")]
    pub(crate) refusal: Option<Box<Refusal>>,
    /// What stands in the way, each in a sentence, where it is more than one thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
}

impl Problem {
    /// Makes a problem whose kind is told by its HTTP status.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            refusal: None,
            reasons: Vec::new(),
        }
    }

    /// Whether the caller named something that is not there, and must say something else.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(
            self.refusal.as_deref(),
            Some(
                Refusal::UnknownType { .. }
                    | Refusal::UnknownServer { .. }
                    | Refusal::UnknownProvider { .. }
                    | Refusal::RetiredType { .. }
            )
        )
    }

    /// Makes the problem of a loop that has ended.
    pub(crate) fn stopped() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the daemon is shutting down")
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, kind, title) = match &refusal {
            Refusal::UnknownType { .. } => (StatusCode::NOT_FOUND, "unknown-type", "Unknown server type"),
            Refusal::UnknownServer { .. } => (StatusCode::NOT_FOUND, "unknown-server", "Unknown server"),
            Refusal::UnknownProvider { .. } => {
                (StatusCode::NOT_FOUND, "unknown-provider", "Unknown provider")
            }
            Refusal::RetiredType { .. } => (StatusCode::CONFLICT, "retired-type", "Retired server type"),
            Refusal::HasSources { .. } => (StatusCode::CONFLICT, "has-sources", "Its sources decide"),
            Refusal::NoSources { .. } => (StatusCode::CONFLICT, "no-sources", "No sources to overrule"),
            Refusal::KeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "Idempotency key used for another command")
            }
            Refusal::NotSeenYet => (StatusCode::SERVICE_UNAVAILABLE, "not-seen-yet", "Provider not seen yet"),
            Refusal::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "Shutting down"),
            _ => (StatusCode::CONFLICT, "refused", "Refused"),
        };
        Self {
            kind: format!("/problems/{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: refusal.to_string(),
            refusal: Some(Box::new(refusal)),
            reasons: Vec::new(),
        }
    }
}

/// How much of an error that is no problem yet is told.
const WORDS: usize = 1024;

/// Makes a problem of an error that the framework told in its own way.
pub(crate) async fn spelled_out(response: Response) -> Response {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let media = response.headers().get(header::CONTENT_TYPE);
    if !is_error || media.is_some_and(|media| media == MEDIA_TYPE) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let words = axum::body::to_bytes(body, WORDS).await.unwrap_or_default();
    let words = match String::from_utf8_lossy(&words).trim() {
        "" => "the request cannot be served".to_owned(),
        words => words.to_owned(),
    };
    let mut told = Problem::new(parts.status, words).into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        told.headers_mut().insert(header::ALLOW, allow.clone());
    }
    told
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let mut set = |name: HeaderName, value: &'static str| {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        };
        set(header::CONTENT_TYPE, MEDIA_TYPE);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            set(header::RETRY_AFTER, RETRY_AFTER);
        }
        if status == StatusCode::UNAUTHORIZED {
            set(header::WWW_AUTHENTICATE, "Bearer");
        }
        response
    }
}
