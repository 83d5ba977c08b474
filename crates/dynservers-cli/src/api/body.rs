//! Bodies: what a request brings, read within its bounds as JSON and nothing else.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::api::problem::Problem;

/// How many bytes the body of a request may have.
pub(crate) const BODY_LIMIT: usize = 16 * 1024;

/// A body as it came, or why it did not.
pub(crate) type Raw = Result<Bytes, BytesRejection>;

/// Refuses a body by what its headers say of it, before any of it is read.
pub(crate) fn announced(headers: &HeaderMap) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: u64 = length.unwrap_or(0);
    if length > BODY_LIMIT as u64 {
        return Err(too_long());
    }
    let empty = length == 0 && !headers.contains_key(header::TRANSFER_ENCODING);
    if empty || is_json(headers) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "send the body with `Content-Type: application/json`",
    ))
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(media), None) = (types.next(), types.next()) else { return false };
    let essence = media.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn too_long() -> Problem {
    let detail = format!("the body exceeds the limit of {BODY_LIMIT} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// Reads a body that may be left out: nothing at all and `null` mean that it is.
pub(crate) fn optional<T: DeserializeOwned>(raw: Raw) -> Result<Option<T>, Problem> {
    let bytes = raw.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_long(),
        status => Problem::new(status, rejection.body_text()),
    })?;
    if bytes.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let status = match error.classify() {
            Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            Category::Io | Category::Syntax | Category::Eof => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, format!("the body is not what this path takes: {error}"))
    })
}

/// Reads a body that must be there.
pub(crate) fn required<T: DeserializeOwned>(raw: Raw) -> Result<T, Problem> {
    optional(raw)?.ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "this path needs a body of JSON; see /v1/openapi.json")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&'static str, &'static str)]) -> Option<u16> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        announced(&headers.collect()).err().map(|problem| problem.status)
    }

    #[test]
    fn what_is_announced_is_refused_before_it_is_read() {
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[("content-length", "0")]), None);
        assert_eq!(told(&[("content-length", "5"), ("content-type", "application/json")]), None);
        assert_eq!(
            told(&[("content-length", "5"), ("content-type", "Application/JSON; charset=utf-8")]),
            None
        );
        assert_eq!(
            told(&[("content-length", "1073741824"), ("content-type", "application/json")]),
            Some(413)
        );
        assert_eq!(told(&[("content-length", "5")]), Some(415));
        assert_eq!(told(&[("content-length", "5"), ("content-type", "text/plain")]), Some(415));
        assert_eq!(told(&[("content-length", "5"), ("content-type", "application/json5")]), Some(415));
        assert_eq!(told(&[("transfer-encoding", "chunked")]), Some(415));
    }

    #[test]
    fn nothing_and_null_are_no_body() {
        assert_eq!(optional::<u32>(Ok(Bytes::new())).unwrap(), None);
        assert_eq!(optional::<u32>(Ok("null".into())).unwrap(), None);
        assert_eq!(optional::<u32>(Ok("5".into())).unwrap(), Some(5));
        assert_eq!(required::<u32>(Ok(Bytes::new())).unwrap_err().status, 400);
        assert_eq!(required::<u32>(Ok("5, 6".into())).unwrap_err().status, 400);
        assert_eq!(required::<u32>(Ok("-5".into())).unwrap_err().status, 422);
    }
}
