//! The control API: any requests, one after the other, are answered in the API's own words and do no more than they say.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;

use super::fleet::Driven;
use crate::api::commands::IDEMPOTENCY_KEY;
use crate::api::events::EVENT_STREAM;
use crate::api::guard::Guard;
use crate::api::problem;
use crate::api::routes::router;
use crate::api::token::ApiToken;

/// How many requests are made one after the other.
const REQUESTS: usize = 8;
/// What stands between two requests.
const BETWEEN: &[u8] = b"\n===\n";

static TOKEN: LazyLock<Arc<ApiToken>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let token = ApiToken::keep_or_write(&directory.path().join("token"));
    Arc::new(token.expect("the directory is empty"))
});

/// An API that asks for the token, and the fleet behind it, to which nothing ever gets through.
static GUARDED: LazyLock<(Router, Driven)> = LazyLock::new(|| {
    let fleet = Driven::new();
    let admission = Guard::Token(Arc::clone(&TOKEN));
    (router(fleet.clone(), watch::channel(BTreeMap::new()).1, admission), fleet)
});

/// Makes requests that are written as HTTP writes them, but with bare line feeds and a line `===` between two.
///
/// # Panics
///
/// If anything does not hold that must, whatever is asked for.
pub fn control_api(bytes: &[u8]) {
    let asked: Vec<Asked> = split(bytes, BETWEEN).take(REQUESTS).filter_map(Asked::read).collect();
    if asked.is_empty() {
        return;
    }
    // A clock that jumps: nothing of this takes time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("there is room for a runtime").block_on(async {
        let fleet = Driven::new();
        let open = router(fleet.clone(), watch::channel(BTreeMap::new()).1, Guard::FileSystem);
        for asked in asked {
            asked.is_kept_out().await;
            asked.is_answered(&open, &fleet).await;
            fleet.check();
        }
    });
}

/// A request that can be made as often as one likes.
struct Asked {
    method: Method,
    target: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
struct Answered {
    status: StatusCode,
    media: Option<HeaderValue>,
    body: Bytes,
}

impl Asked {
    /// Reads a request; none if no client could send it.
    fn read(bytes: &[u8]) -> Option<Self> {
        let at = bytes.windows(2).position(|window| window == b"\n\n");
        let (head, body) = at.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + 2..]));
        let mut lines = head.split(|byte| *byte == b'\n');
        let (method, target) = split_once(lines.next()?, b' ')?;
        let (method, target) = (Method::from_bytes(method).ok()?, Uri::try_from(target).ok()?);
        let mut headers: Vec<_> = lines.filter_map(header).collect();
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == header::CONTENT_LENGTH) {
            headers.push((header::CONTENT_LENGTH, HeaderValue::from(body.len())));
        }
        Some(Self { method, target, headers, body: Bytes::copy_from_slice(body) })
    }

    async fn make(&self, router: &Router) -> Answered {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        let Ok(response) = TowerToHyperService::new(router.clone()).call(request).await;
        let (parts, mut body) = response.into_parts();
        let media = parts.headers.get(header::CONTENT_TYPE).cloned();
        let body = if media.as_ref().is_some_and(|media| media == EVENT_STREAM) {
            // It has no end.
            let frame = body.frame().await.and_then(Result::ok);
            frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default()
        } else {
            body.collect().await.expect("a body in memory can be read").to_bytes()
        };
        Answered { status: parts.status, media, body }
    }

    /// Before a guard that asks for a token nobody gets in without it.
    async fn is_kept_out(&self) {
        let (guarded, fleet) = &*GUARDED;
        let authorization = TOKEN.authorization();
        if self.headers.iter().any(|(_, value)| value.as_bytes() == authorization.as_bytes()) {
            return;
        }
        let told = fleet.told();
        let answered = self.make(guarded).await;
        assert!(answered.status.is_client_error(), "somebody got in: {answered:?}");
        assert_eq!(fleet.told(), told, "somebody was listened to who has no token");
    }

    async fn is_answered(&self, open: &Router, fleet: &Driven) {
        let told = fleet.told();
        let answered = self.make(open).await;
        let is_ready = self.target.path() != "/readyz";
        assert!(!answered.status.is_server_error() || !is_ready, "by a request alone: {answered:?}");
        answered.is_well_formed(&self.method);
        let commands = fleet.told() - told;
        let is_read = matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS);
        assert!(commands == 0 || !is_read, "who only reads says no command");
        assert!(commands <= 2, "one request says {commands} commands");
        let mut keys = self.headers.iter().filter(|(name, _)| *name == IDEMPOTENCY_KEY);
        if commands > 0 && answered.status.is_success() && keys.next().is_some() {
            assert_eq!(
                self.make(open).await,
                answered,
                "asked again under one key, it is answered as before"
            );
        }
    }
}

impl Answered {
    /// An error is a problem, and what claims to be JSON is.
    fn is_well_formed(&self, method: &Method) {
        let media = self.media.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
        if *method == Method::HEAD {
            return;
        }
        if self.status.is_client_error() || self.status.is_server_error() {
            assert_eq!(media, problem::MEDIA_TYPE.as_bytes(), "an error is a problem: {self:?}");
            let told: serde_json::Value = serde_json::from_slice(&self.body).expect("a problem is JSON");
            assert_eq!(told["status"], self.status.as_u16(), "{told}");
            assert!(told["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{told}");
        } else if media == b"application/json" {
            serde_json::from_slice::<serde_json::Value>(&self.body).expect("what is said to be JSON is");
        }
    }
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = split_once(line, b':')?;
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value.trim_ascii()).ok()?))
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Splits bytes at a separator of several bytes.
fn split<'a>(bytes: &'a [u8], separator: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let at = bytes.windows(separator.len()).position(|window| window == separator);
        let (first, later) =
            at.map_or((bytes, None), |at| (&bytes[..at], Some(&bytes[at + separator.len()..])));
        rest = later;
        Some(first)
    })
}
