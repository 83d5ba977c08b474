//! Logs: bounded while a daemon runs, and nothing is told to the writer.

use std::fs;

use serde_json::json;

use crate::support::{World, wait_for};

#[test]
fn a_log_that_grows_is_set_aside_and_written_on() {
    let world = World::of(
        "n=0
         while :; do n=$((n + 1)); echo \"line $n of a log that somebody may want to read one day\"; done",
    );
    let id = world.create_with(json!({ "log_limit": 4096 }));
    let (log, old) = (world.file(&id, "log"), world.file(&id, "log.old"));
    let size = |path: &std::path::Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    wait_for("an older log", || size(&old) > 4096);
    let first = fs::read(&old).unwrap();
    wait_for("a log that goes on", || size(&log) > 0);
    wait_for("another older log", || size(&old) > 4096 && fs::read(&old).unwrap() != first);
    world.remove(&id);
}
