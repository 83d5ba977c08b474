//! The checks, a file for each thing that a provider can get wrong.

pub(crate) mod absence;
pub(crate) mod doubt;
pub(crate) mod ends;
pub(crate) mod garbage;
pub(crate) mod identity;
pub(crate) mod looks;
pub(crate) mod requests;
pub(crate) mod seams;
pub(crate) mod secrecy;
pub(crate) mod states;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

/// A page that some machine on the way gives instead of the API.
pub(crate) const HTML: &str = "<html><head><title>404 Not Found</title></head><body>nginx</body></html>";

/// Writes an answer that is not the API's own.
pub(crate) fn strange(status: u16, content_type: &'static str, body: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(body.as_bytes().to_vec());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Writes a page of HTML.
pub(crate) fn html(status: u16) -> Response<Vec<u8>> {
    strange(status, "text/html", HTML)
}
