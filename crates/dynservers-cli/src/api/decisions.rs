//! Decisions over HTTP: why there should be as many servers as there should be.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use dynservers_core::{DecisionQuery, Time, TypeName};
use dynservers_tokio::EventsError;

use crate::api::fleet::Fleet;
use crate::api::problem::Problem;
use crate::api::report;
use crate::api::routes::Shared;
use crate::api::wire::{DecisionList, DecisionsQuery};

/// How many are given at most.
const MOST: u32 = 1_000;

/// Gives the latest decisions.
pub(crate) async fn decisions<F: Fleet>(
    State(api): State<Arc<Shared<F>>>,
    query: Result<Query<DecisionsQuery>, QueryRejection>,
) -> Result<Json<DecisionList>, Problem> {
    let Query(query) =
        query.map_err(|rejection| Problem::new(StatusCode::BAD_REQUEST, rejection.body_text()))?;
    let name = |name: String| {
        TypeName::new(name).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))
    };
    let until = query.until.map(|until| u64::try_from(until.as_millisecond()).unwrap_or_default());
    let wish = DecisionQuery {
        server_type: query.server_type.map(name).transpose()?,
        until: until.map(Time::from_millis),
        limit: query.limit.unwrap_or(1).clamp(1, MOST) as usize,
    };
    let decisions = api.fleet.decisions(wish).await.map_err(|error| match error {
        EventsError::Stopped(_) => Problem::stopped(),
        error => {
            tracing::error!(%error, "the decisions cannot be read");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("they cannot be read: {error}"))
        }
    })?;
    Ok(Json(DecisionList { decisions: decisions.iter().map(report::decision).collect() }))
}
