//! A program on tokio: a fleet that goes up, through everything, and down to nothing.

#[path = "../../shared.rs"]
mod shared;

use dynservers::{BoxError, Fleet};
use shared::{Heard, MOMENT, PATIENCE, ROOM};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let heard = Heard::default();
    let fleet = Fleet::builder("scratch-tokio")
        .provider("upcloud", shared::provider()?)
        .server_type(shared::server_type())
        .timing(shared::timing())
        .on_event(heard.listener())
        .start()
        .await?;
    fleet.ensure(3).await?;
    fleet.wait_until_settled(PATIENCE).await?;
    fleet.reboot().await?;
    fleet.wait_until_settled(PATIENCE).await?;
    fleet.ensure(ROOM + 1).await?;
    while !heard.has("limit_hit") {
        tokio::time::sleep(MOMENT).await;
    }
    fleet.decrease(ROOM + 1).await?;
    fleet.wait_until_settled(PATIENCE).await?;
    fleet.shutdown().await?;
    println!("tokio: {}", heard.all_kinds()?);
    Ok(())
}
