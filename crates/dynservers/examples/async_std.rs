//! On async-std: one server for every ten minutes that jobs would wait, as in the README of laravel-dynamic-servers.
//!
//! ```sh
//! UPCLOUD_TOKEN=... SNAPSHOT=01... cargo run --example async_std --features async-std
//! ```

mod common;

use std::time::Duration;

use common::{Queue, account, faster, print, server_type, timing};
use dynservers::async_std::Fleet;
use dynservers::{BoxError, CommandError, Status};

fn main() -> Result<(), BoxError> {
    async_std::task::block_on(run())
}

async fn run() -> Result<(), BoxError> {
    let queue = Queue::with_minutes(30);
    let counted = queue.clone();
    let fleet = Fleet::builder("workers")
        .provider("upcloud", account()?)
        .server_type(server_type())
        .timing(timing())
        .on_event(print)
        .determine_every(faster(Duration::from_secs(60)))
        .determine_server_count(move |fleet| {
            let queue = counted.clone();
            async move {
                queue.work_off(fleet.count_per_status().await?[&Status::Running]);
                fleet.ensure(queue.waiting_minutes().div_ceil(10)).await?;
                Ok::<_, CommandError>(())
            }
        })
        .start()
        .await?;

    // A service would wait for its end here.
    while queue.waiting_minutes() > 0 {
        async_std::task::sleep(faster(Duration::from_secs(10))).await;
    }
    // The closure may come a moment later than the last job.
    fleet.ensure(0).await?;
    fleet.wait_until_settled(Duration::from_secs(600)).await?;
    println!("the queue is empty, and so is the fleet: {} servers", fleet.provisioned_count().await?);
    fleet.shutdown().await?;
    Ok(())
}
