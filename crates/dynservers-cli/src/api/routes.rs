//! Routes: what can be asked of the daemon, and how its answers read over HTTP.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use dynservers_core::{Action, Command, CommandId, Done, TypeName};

use crate::api::fleet::{Fleet, Stopped};
use crate::api::guard::{Guard, guard};
use crate::api::problem::Problem;
use crate::api::report::{self, AddressChoice};
use crate::api::wire::{By, Desired, FleetStatus, Health, ServerList};
use crate::time::timestamp;

/// The header by which a request that is sent again counts once.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How many bytes the body of a request may have.
const BODY_LIMIT: usize = 16 * 1024;

/// What every route needs.
#[derive(Debug)]
struct Shared<F> {
    fleet: F,
    addresses: AddressChoice,
}

type Api<F> = State<Arc<Shared<F>>>;

/// A body, or why it is none.
type Body<T> = Result<Json<T>, JsonRejection>;

impl From<Stopped> for Problem {
    fn from(_: Stopped) -> Self {
        Self::stopped()
    }
}

/// Gives the whole API of a fleet.
pub(crate) fn router<F: Fleet>(fleet: F, addresses: AddressChoice, admission: Guard) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/v1/status", get(status))
        .route("/v1/servers", get(servers))
        .route("/v1/types/{type}/desired", put(ensure))
        .route("/v1/types/{type}/increase", post(increase))
        .route("/v1/types/{type}/decrease", post(decrease))
        .route("/v1/types/{type}/reboot", post(reboot))
        .route("/v1/takeover", post(takeover))
        .route("/v1/resume", post(resume))
        .fallback(nothing_there)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(axum::middleware::from_fn_with_state(admission, guard))
        .with_state(Arc::new(Shared { fleet, addresses }))
}

async fn health<F: Fleet>(State(api): Api<F>) -> Result<Json<Health>, Problem> {
    Ok(Json(Health { fleet: api.fleet.view().await?.fleet }))
}

async fn status<F: Fleet>(State(api): Api<F>) -> Result<Json<FleetStatus>, Problem> {
    Ok(Json(report::status(&api.fleet.view().await?)))
}

async fn servers<F: Fleet>(State(api): Api<F>) -> Result<Json<ServerList>, Problem> {
    let records = api.fleet.servers().await?;
    let as_of = timestamp(api.fleet.view().await?.now);
    Ok(Json(report::servers(&records, as_of, &api.addresses)))
}

async fn ensure<F: Fleet>(
    State(api): Api<F>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<Desired>,
) -> Result<Json<Done>, Problem> {
    let action = |server_type, Desired { count }| Action::Ensure { server_type, count };
    resize(&api.fleet, name, &headers, body, action).await
}

async fn increase<F: Fleet>(
    State(api): Api<F>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<By>,
) -> Result<Json<Done>, Problem> {
    let action = |server_type, By { by }| Action::Increase { server_type, by };
    resize(&api.fleet, name, &headers, body, action).await
}

async fn decrease<F: Fleet>(
    State(api): Api<F>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<By>,
) -> Result<Json<Done>, Problem> {
    let action = |server_type, By { by }| Action::Decrease { server_type, by };
    resize(&api.fleet, name, &headers, body, action).await
}

/// Says a command about a type that takes a number.
async fn resize<F: Fleet, T: Send>(
    fleet: &F,
    name: String,
    headers: &HeaderMap,
    body: Body<T>,
    action: impl FnOnce(TypeName, T) -> Action + Send,
) -> Result<Json<Done>, Problem> {
    let server_type = known_type(fleet, name).await?;
    let Json(body) = body.map_err(unreadable)?;
    say(fleet, headers, action(server_type, body)).await
}

async fn reboot<F: Fleet>(
    State(api): Api<F>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Done>, Problem> {
    let server_type = known_type(&api.fleet, name).await?;
    say(&api.fleet, &headers, Action::Reboot { server_type, at_a_time: None }).await
}

async fn takeover<F: Fleet>(State(api): Api<F>, headers: HeaderMap) -> Result<Json<Done>, Problem> {
    say(&api.fleet, &headers, Action::Takeover { provider: None }).await
}

async fn resume<F: Fleet>(State(api): Api<F>, headers: HeaderMap) -> Result<Json<Done>, Problem> {
    say(&api.fleet, &headers, Action::Resume { provider: None }).await
}

async fn say<F: Fleet>(fleet: &F, headers: &HeaderMap, action: Action) -> Result<Json<Done>, Problem> {
    let id = idempotency_key(headers)?;
    Ok(Json(fleet.command(Command { id, action }).await??))
}

/// Reads a type's name. One that cannot be a name is as unknown as any other; the machine has the word on the rest.
async fn known_type<F: Fleet>(fleet: &F, name: String) -> Result<TypeName, Problem> {
    match TypeName::new(name) {
        Ok(name) => Ok(name),
        Err(error) => {
            let known: Vec<_> = fleet.view().await?.types.into_keys().collect();
            let names = known.iter().map(TypeName::as_str).collect::<Vec<_>>().join(", ");
            Err(Problem::new(StatusCode::NOT_FOUND, format!("{error}; there are: {names}")))
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<CommandId, Problem> {
    let refuse = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail);
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (keys.next(), keys.next()) {
        (None, _) => random_key().map_err(|error| {
            tracing::error!(%error, "no random number for an idempotency key");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the system gives no random numbers")
        }),
        (Some(key), None) => key
            .to_str()
            .ok()
            .and_then(|key| CommandId::new(key).ok())
            .ok_or_else(|| refuse("the Idempotency-Key must be 1 to 255 characters of ASCII")),
        (Some(_), Some(_)) => Err(refuse("there must be one Idempotency-Key at most")),
    }
}

/// Makes a key that nobody used.
pub(crate) fn random_key() -> Result<CommandId, getrandom::Error> {
    let bits = u128::from(getrandom::u64()?) << 64 | u128::from(getrandom::u64()?);
    Ok(CommandId::new(format!("{bits:032x}")).expect("32 hexadecimal digits are a key"))
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn unreadable(rejection: JsonRejection) -> Problem {
    Problem::new(rejection.status(), rejection.body_text())
}

async fn nothing_there() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path")
}

async fn not_that_way() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method")
}
