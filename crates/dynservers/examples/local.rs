//! Servers on this machine: a group of processes each, in a copy of a directory. No account, no network.
//!
//! ```sh
//! cargo run --example local --features blocking,local
//! ```

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use dynservers::blocking::Fleet;
use dynservers::{BoxError, Local, ServerType, local};

fn main() -> Result<(), BoxError> {
    // A server's first process is this very program: here it becomes the worker.
    local::guard();

    let place = std::env::temp_dir().join(format!("dynservers-example-{}", std::process::id()));
    let snapshot = place.join("worker");
    fs::create_dir_all(&snapshot)?;
    let start = snapshot.join("start");
    fs::write(&start, "#!/bin/sh\necho \"I am $DYNSERVERS_SERVER_NAME\"\nexec sleep 3600\n")?;
    fs::set_permissions(&start, fs::Permissions::from_mode(0o755))?;

    let fleet = Fleet::builder("workers")
        .provider("here", Local::new(place.join("servers")))
        .server_type(
            ServerType::new("default")
                .stop_timeout(Duration::from_secs(1))
                .template(local::Template::new(&snapshot)),
        )
        .timing(dynservers::Timing {
            poll_interval: Duration::from_millis(100),
            ..dynservers::Timing::default()
        })
        .start()?;
    fleet.ensure(2)?;
    fleet.wait_until_settled(Duration::from_secs(60))?;
    for server in fleet.servers()? {
        println!("{} is {}", server.name(), server.status());
    }
    fleet.ensure(0)?;
    fleet.wait_until_settled(Duration::from_secs(60))?;
    fleet.shutdown()?;
    fs::remove_dir_all(place)?;
    Ok(())
}
