//! No harm: what is not a server's is never signalled, whatever a file says.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use dynservers_core::{ProviderState, StopMode};
use serde_json::{Value, json};

use crate::support::{World, lives};

/// A process of nobody here, in a group of its own.
struct Innocent(Child);

impl Innocent {
    fn new() -> Self {
        let mut command = Command::new("sleep");
        // A test that is cut off leaves nobody who holds its output open.
        command.arg("1000").stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.process_group(0).spawn().unwrap())
    }
}

impl Drop for Innocent {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_record_that_points_at_somebody_else_reaches_only_its_own() {
    let innocent = Innocent::new();
    let world = World::of("echo $$ > pid; exec sleep 1000");
    for forged in [
        json!({ "pid": innocent.0.id() }),
        json!({ "pid": innocent.0.id(), "start": "1" }),
        json!({ "pid": innocent.0.id(), "boot": "another" }),
        json!({ "pid": innocent.0.id(), "token": "f".repeat(32) }),
        json!({ "pid": 0 }),
        json!({ "pid": 1 }),
        json!({ "pid": u32::MAX }),
        json!({ "pid": -1 }),
    ] {
        let id = world.create();
        let pid = world.pid(&id, "root/pid");
        world.wait_for_state(&id, ProviderState::Running);
        let path = world.file(&id, "process.json");
        let mut process: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let Value::Object(forged) = forged else { panic!() };
        process.as_object_mut().unwrap().extend(forged);
        fs::write(&path, process.to_string()).unwrap();
        world.stop(&id, StopMode::Soft { timeout: std::time::Duration::ZERO });
        world.remove(&id);
        // Where no environment can be read, a server without a true record cannot be reached either.
        assert!(!lives(pid), "{process}");
        assert!(lives(innocent.0.id()), "{process}");
    }
}
