//! A program that has SQLite already: sqlx links it, and a fleet without a ledger of ours runs beside it.

#[path = "../../shared.rs"]
mod shared;

use dynservers::{BoxError, Fleet};
use shared::{Heard, PATIENCE};
use sqlx::sqlite::SqlitePoolOptions;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    sqlx::query("create table servers (name text not null)").execute(&pool).await?;
    let heard = Heard::default();
    let fleet = Fleet::builder("scratch-sqlx")
        .provider("upcloud", shared::provider()?)
        .server_type(shared::server_type())
        .timing(shared::timing())
        .on_event(heard.listener())
        .start()
        .await?;
    fleet.ensure(2).await?;
    fleet.wait_until_settled(PATIENCE).await?;
    for server in fleet.servers().await? {
        sqlx::query("insert into servers values (?)").bind(server.name()).execute(&pool).await?;
    }
    fleet.ensure(0).await?;
    fleet.wait_until_settled(PATIENCE).await?;
    fleet.shutdown().await?;
    let (version, servers): (String, i64) =
        sqlx::query_as("select sqlite_version(), count(*) from servers").fetch_one(&pool).await?;
    pool.close().await;
    println!("sqlx: SQLite {version} has {servers} servers on record");
    if servers < 2 { Err("fewer than two servers were recorded".into()) } else { Ok(()) }
}
