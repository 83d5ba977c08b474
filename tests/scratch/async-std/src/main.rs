//! A program on async-std: a fleet that goes up, through everything, and down to nothing.

#[path = "../../shared.rs"]
mod shared;

use async_std::task::{block_on, sleep};
use dynservers::BoxError;
use dynservers::async_std::Fleet;
use shared::{Heard, MOMENT, PATIENCE, ROOM};

fn main() -> Result<(), BoxError> {
    block_on(story())
}

async fn story() -> Result<(), BoxError> {
    let heard = Heard::default();
    let fleet = Fleet::builder("scratch-async-std")
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
        sleep(MOMENT).await;
    }
    fleet.decrease(ROOM + 1).await?;
    fleet.wait_until_settled(PATIENCE).await?;
    fleet.shutdown().await?;
    println!("async-std: {}", heard.all_kinds()?);
    Ok(())
}
