//! In a web service: an axum app that keeps its own workers alive, shows how they are, and takes wishes.
//!
//! ```sh
//! UPCLOUD_TOKEN=... SNAPSHOT=01... cargo run --example web_app
//! curl localhost:8080/workers
//! curl -X PUT localhost:8080/workers/3
//! ```

mod common;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use common::{account, server_type, timing};
use dynservers::{BoxError, CommandError, Fleet};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let fleet = Fleet::builder("web-workers")
        .provider("upcloud", account()?)
        .server_type(server_type())
        .timing(timing())
        .start()
        .await?;
    let app = Router::new()
        .route("/workers", get(show))
        .route("/workers/{count}", put(ensure))
        .with_state(fleet.clone());

    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        // Whatever ends the loop ends the app: it would go on without its workers' keeper.
        ended = fleet.wait_until_ended() => ended?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    // Servers stay, and the next start finds them.
    fleet.shutdown().await?;
    println!("ended");
    Ok(())
}

/// Shows what there is.
async fn show(State(fleet): State<Fleet>) -> Result<Json<Value>, (StatusCode, String)> {
    let servers = fleet.servers().await.map_err(failed)?;
    let servers: Vec<Value> = servers
        .iter()
        .map(|server| json!({ "name": server.name(), "status": server.status(), "ip": server.meta("ip") }))
        .collect();
    let counts = fleet.count_per_status().await.map_err(failed)?;
    Ok(Json(json!({ "servers": servers, "counts": counts })))
}

/// Sets how many there should be.
async fn ensure(
    State(fleet): State<Fleet>,
    Path(count): Path<u32>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let desired = fleet.ensure(count).await.map_err(failed)?;
    Ok(Json(json!({ "requested": desired.requested, "desired": desired.desired })))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn failed(error: CommandError) -> (StatusCode, String) {
    let status = match error {
        CommandError::Refused(_) | CommandError::Name(_) | CommandError::FollowsWork { .. } => {
            StatusCode::CONFLICT
        }
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, error.to_string())
}
