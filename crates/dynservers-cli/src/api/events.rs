//! Events over HTTP: a page of the log, or all of it as it grows.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use dynservers_core::EventId;
use dynservers_tokio::EventsError;

use crate::api::feed;
use crate::api::fleet::Fleet;
use crate::api::problem::Problem;
use crate::api::report;
use crate::api::routes::Shared;
use crate::api::seats::{LISTENERS, Seat};
use crate::api::wire::{EventPage, EventQuery};

/// The media type of a stream of events.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// The header by which a client says where it left off.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many events a page has unless it is said.
const PAGE: u32 = 100;

/// How many events a page has at most.
const MOST: u32 = 1_000;

/// Gives a page, or begins a stream, as the client accepts.
pub(crate) async fn events<F: Fleet>(
    State(api): State<Arc<Shared<F>>>,
    seat: Option<Extension<Seat>>,
    headers: HeaderMap,
    query: Result<Query<EventQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) =
        query.map_err(|rejection| Problem::new(StatusCode::BAD_REQUEST, rejection.body_text()))?;
    let after = after(&headers, query)?;
    if wants_stream(&headers) {
        return stream(&api, seat, after);
    }
    Ok(Json(page(&api.fleet, after.unwrap_or(EventId(0)), query.limit).await?).into_response())
}

/// Reads where the client left off: the header is what a client sends by itself, so it is the newer word.
fn after(headers: &HeaderMap, query: EventQuery) -> Result<Option<EventId>, Problem> {
    let Some(last) = headers.get(LAST_EVENT_ID) else { return Ok(query.after.map(EventId)) };
    let number = last.to_str().ok().and_then(|last| last.parse().ok());
    let detail = "Last-Event-ID must be the id of an event: a number";
    number.map(|number| Some(EventId(number))).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, detail))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok());
    accepted
        .flat_map(|accepted| accepted.split(','))
        .any(|media| media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(EVENT_STREAM))
}

fn stream<F: Fleet>(
    api: &Shared<F>,
    seat: Option<Extension<Seat>>,
    after: Option<EventId>,
) -> Result<Response, Problem> {
    let place = api.gallery.enter().ok_or_else(|| {
        let detail = format!("{LISTENERS} clients listen already; try again once one has left");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    })?;
    if let Some(Extension(seat)) = seat {
        seat.leave();
    }
    let mut response = feed::begin(api.fleet.clone(), after, place).into_response();
    let mut say = |name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    say(header::CONTENT_TYPE, EVENT_STREAM);
    say(header::CACHE_CONTROL, "no-store");
    // Its seat is gone, and a proxy is not to hold back what it is sent.
    say(header::CONNECTION, "close");
    say(HeaderName::from_static("x-accel-buffering"), "no");
    Ok(response)
}

async fn page<F: Fleet>(fleet: &F, after: EventId, limit: Option<u32>) -> Result<EventPage, Problem> {
    let limit = limit.unwrap_or(PAGE).clamp(1, MOST) as usize;
    // One more than asked for tells whether there is more.
    let mut events = fleet.events(after, limit + 1).await.map_err(|error| match error {
        EventsError::Stopped(_) => Problem::stopped(),
        error => {
            tracing::error!(%error, "the log of events cannot be read");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the log cannot be read: {error}"))
        }
    })?;
    let more = events.len() > limit;
    events.truncate(limit);
    let next_after = events.last().map_or(after.0, |event| event.id.0);
    Ok(EventPage { events: events.iter().map(report::event).collect(), next_after, more })
}
