//! Commands over HTTP: each becomes one of the machine's, under the client's own key or a fresh one.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use dynservers_core::{Action, Command, CommandId, Done, ServerId, TypeName};
use serde::de::DeserializeOwned;

use crate::api::body::{self, Raw};
use crate::api::fleet::Fleet;
use crate::api::problem::Problem;
use crate::api::routes::{Api, Shared};
use crate::api::wire::{By, Desired, Overriding, Pause, Reboot, Resume};

/// The header by which a request that is sent again counts once.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What is put behind the key of a request that becomes two commands.
const SECOND: &str = ":holds";

type Answer = Result<Json<Done>, Problem>;

/// Sets the desired number.
pub(crate) async fn ensure<F: Fleet>(api: Api<F>, name: Name, headers: HeaderMap, body: Raw) -> Answer {
    let action = |server_type, Desired { count }| Action::Ensure { server_type, count };
    resize(api, name, &headers, body, action).await
}

/// Raises the desired number.
pub(crate) async fn increase<F: Fleet>(api: Api<F>, name: Name, headers: HeaderMap, body: Raw) -> Answer {
    let action = |server_type, By { by }| Action::Increase { server_type, by };
    resize(api, name, &headers, body, action).await
}

/// Lowers the desired number.
pub(crate) async fn decrease<F: Fleet>(api: Api<F>, name: Name, headers: HeaderMap, body: Raw) -> Answer {
    let action = |server_type, By { by }| Action::Decrease { server_type, by };
    resize(api, name, &headers, body, action).await
}

/// Sets a number in place of what the sources ask for.
pub(crate) async fn overrule<F: Fleet>(api: Api<F>, name: Name, headers: HeaderMap, body: Raw) -> Answer {
    let action = |server_type, Overriding { count, for_seconds }| Action::Override {
        server_type,
        count: Some(count),
        duration: for_seconds.map(Duration::from_secs),
    };
    resize(api, name, &headers, body, action).await
}

/// Lets the sources decide again.
pub(crate) async fn end_override<F: Fleet>(State(api): Api<F>, name: Name, headers: HeaderMap) -> Answer {
    let server_type = known_type(&api, name).await?;
    say(&api.fleet, &headers, Action::Override { server_type, count: None, duration: None }).await
}

/// Reboots the servers of a type.
pub(crate) async fn reboot<F: Fleet>(
    State(api): Api<F>,
    name: Name,
    headers: HeaderMap,
    body: Raw,
) -> Answer {
    let server_type = known_type(&api, name).await?;
    let Reboot { at_a_time } = body::optional(body)?.unwrap_or_default();
    if at_a_time == Some(0) {
        let detail = "at_a_time must be at least 1; leave it out for all of them";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    say(&api.fleet, &headers, Action::Reboot { server_type, at_a_time }).await
}

/// Protects a server from being chosen to go.
pub(crate) async fn protect<F: Fleet>(State(api): Api<F>, id: Name, headers: HeaderMap) -> Answer {
    say(&api.fleet, &headers, Action::Protect { server: server_id(id)?, protected: true }).await
}

/// Ends that.
pub(crate) async fn unprotect<F: Fleet>(State(api): Api<F>, id: Name, headers: HeaderMap) -> Answer {
    say(&api.fleet, &headers, Action::Protect { server: server_id(id)?, protected: false }).await
}

/// Takes over the servers of other ledgers.
pub(crate) async fn takeover<F: Fleet>(State(api): Api<F>, headers: HeaderMap) -> Answer {
    say(&api.fleet, &headers, Action::Takeover { provider: None }).await
}

/// Pauses creating, or choosing servers to go, or both.
pub(crate) async fn pause<F: Fleet>(State(api): Api<F>, headers: HeaderMap, body: Raw) -> Answer {
    let Pause { out, inward } = body::optional(body)?.unwrap_or(Pause { out: true, inward: true });
    if !out && !inward {
        return Err(nothing_said(r#"{"out": true, "in": true} pauses both, and one of them that one"#));
    }
    say(&api.fleet, &headers, Action::Pause { out: out.then_some(true), inward: inward.then_some(true) })
        .await
}

/// Ends pauses and holds. A pause ends before a hold, and the answer is that to the last.
pub(crate) async fn resume<F: Fleet>(State(api): Api<F>, headers: HeaderMap, body: Raw) -> Answer {
    let only_holds = Resume { holds: true, ..Resume::default() };
    let Resume { out, inward, holds } = body::optional(body)?.unwrap_or(only_holds);
    let pauses = Action::Pause { out: out.then_some(false), inward: inward.then_some(false) };
    let ending = Action::Resume { provider: None };
    match (out || inward, holds) {
        (false, false) => Err(nothing_said(r#"{"out": true, "in": true, "holds": true} ends all of them"#)),
        (true, false) => say(&api.fleet, &headers, pauses).await,
        (false, true) => say(&api.fleet, &headers, ending).await,
        (true, true) => {
            let key = idempotency_key(&headers)?;
            let second = CommandId::new(format!("{}{SECOND}", key.as_str())).map_err(|_| {
                let detail = "the Idempotency-Key is too long for a request that does two things";
                Problem::new(StatusCode::BAD_REQUEST, detail)
            })?;
            drop(say_as(&api.fleet, key, pauses).await?);
            say_as(&api.fleet, second, ending).await
        }
    }
}

fn nothing_said(help: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the body asks for nothing: {help}"))
}

/// Says a command about a type that takes a body.
async fn resize<F: Fleet, T: DeserializeOwned>(
    State(api): Api<F>,
    name: Name,
    headers: &HeaderMap,
    body: Raw,
    action: impl FnOnce(TypeName, T) -> Action + Send,
) -> Answer {
    let server_type = known_type(&api, name).await?;
    let body = body::required(body)?;
    say(&api.fleet, headers, action(server_type, body)).await
}

async fn say<F: Fleet>(fleet: &F, headers: &HeaderMap, action: Action) -> Answer {
    say_as(fleet, idempotency_key(headers)?, action).await
}

async fn say_as<F: Fleet>(fleet: &F, id: CommandId, action: Action) -> Answer {
    Ok(Json(fleet.command(Command { id, action }).await??))
}

/// A part of a path, or why it cannot be read.
pub(crate) type Name = Result<Path<String>, PathRejection>;

fn read(name: Name) -> Result<String, Problem> {
    let Path(name) = name.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    Ok(name)
}

/// Reads a server's number. What cannot be one is as unknown as any other.
pub(crate) fn server_id(id: Name) -> Result<ServerId, Problem> {
    let id = read(id)?;
    id.parse().map(ServerId).map_err(|_| {
        let detail = format!("there is no server {id:?}: servers have numbers; see /v1/servers");
        Problem::new(StatusCode::NOT_FOUND, detail)
    })
}

/// Reads a type's name. One that cannot be a name is as unknown as any other; the machine has the word on the rest.
async fn known_type<F: Fleet>(api: &Arc<Shared<F>>, name: Name) -> Result<TypeName, Problem> {
    match TypeName::new(read(name)?) {
        Ok(name) => Ok(name),
        Err(error) => {
            let view = api.view().await?;
            let names = view.types.keys().map(TypeName::as_str).collect::<Vec<_>>().join(", ");
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
