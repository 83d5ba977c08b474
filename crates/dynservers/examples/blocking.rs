//! On threads: one server for every ten minutes that jobs would wait, as in the README of laravel-dynamic-servers.
//!
//! ```sh
//! UPCLOUD_TOKEN=... SNAPSHOT=01... cargo run --example blocking --features blocking
//! ```

mod common;

use std::thread;
use std::time::Duration;

use common::{Queue, account, faster, print, server_type, timing};
use dynservers::blocking::Fleet;
use dynservers::{BoxError, CommandError, Status};

fn main() -> Result<(), BoxError> {
    let queue = Queue::with_minutes(30);
    let counted = queue.clone();
    let fleet = Fleet::builder("workers")
        .provider("upcloud", account()?)
        .server_type(server_type())
        .timing(timing())
        .on_event(print)
        .determine_every(faster(Duration::from_secs(60)))
        .determine_server_count(move |fleet| {
            counted.work_off(fleet.count_per_status()?[&Status::Running]);
            fleet.ensure(counted.waiting_minutes().div_ceil(10))?;
            Ok::<_, CommandError>(())
        })
        .start()?;

    // A service would wait for its end here.
    while queue.waiting_minutes() > 0 {
        thread::sleep(faster(Duration::from_secs(10)));
    }
    // The closure may come a moment later than the last job.
    fleet.ensure(0)?;
    fleet.wait_until_settled(Duration::from_secs(600))?;
    println!("the queue is empty, and so is the fleet: {} servers", fleet.provisioned_count()?);
    fleet.shutdown()?;
    Ok(())
}
