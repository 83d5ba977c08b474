//! A program on threads: a fleet that goes up, through everything, and down to nothing.

#[path = "../../shared.rs"]
mod shared;

use std::thread::sleep;

use dynservers::BoxError;
use dynservers::blocking::Fleet;
use shared::{Heard, MOMENT, PATIENCE, ROOM};

fn main() -> Result<(), BoxError> {
    let heard = Heard::default();
    let fleet = Fleet::builder("scratch-blocking")
        .provider("upcloud", shared::provider()?)
        .server_type(shared::server_type())
        .timing(shared::timing())
        .on_event(heard.listener())
        .start()?;
    fleet.ensure(3)?;
    fleet.wait_until_settled(PATIENCE)?;
    fleet.reboot()?;
    fleet.wait_until_settled(PATIENCE)?;
    fleet.ensure(ROOM + 1)?;
    while !heard.has("limit_hit") {
        sleep(MOMENT);
    }
    fleet.decrease(ROOM + 1)?;
    fleet.wait_until_settled(PATIENCE)?;
    fleet.shutdown()?;
    println!("blocking: {}", heard.all_kinds()?);
    Ok(())
}
