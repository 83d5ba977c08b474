//! The environment: a server knows who it is, and nothing that the daemon knows.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::support::World;

#[test]
fn a_server_knows_who_it_is_and_none_of_the_daemons_secrets() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "this stands for a secret here");
    let world = World::of("env > environment; pwd > pwd; echo \"$@\" > arguments; touch ready; sleep 1000");
    fs::write(world.directory.path().join("secret"), "hidden value\n").unwrap();
    let id = world.create_with(json!({
        "command": ["./start", "--name={name}", "{id}", "${name}"],
        "env": {
            "QUEUE": "jobs-{type}",
            "PATH": "/usr/bin:/bin:/opt/{name}",
            "SECRET": { "file": world.directory.path().join("secret") },
        },
    }));
    world.wait_for_file(&id, "root/ready");
    let read = |name: &str| fs::read_to_string(world.file(&id, name)).unwrap();
    let text = read("root/environment");
    let environment: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let root = world.file(&id, "root").canonicalize().unwrap();
    for (name, value) in [
        ("DYNSERVERS_FLEET", "workers"),
        ("DYNSERVERS_SERVER_NAME", "worker-12"),
        ("DYNSERVERS_SERVER_TYPE", "default"),
        ("DYNSERVERS_SERVER_ID", "12"),
        ("DYNSERVERS_SERVER_TOKEN", id.as_str()),
        ("DYNSERVERS_SERVER_DIR", root.to_str().unwrap()),
        ("QUEUE", "jobs-default"),
        ("PATH", "/usr/bin:/bin:/opt/worker-12"),
        ("SECRET", "hidden value"),
    ] {
        assert_eq!(environment.get(name), Some(&value), "{name}");
    }
    let leaked: Vec<_> = environment.keys().filter(|name| name.starts_with("CARGO")).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    assert_eq!(read("root/pwd").trim(), root.to_str().unwrap());
    assert_eq!(read("root/arguments"), "--name=worker-12 12 ${name}\n");
    for file in ["intent.json", "process.json", "log"] {
        assert!(!read(file).contains("hidden"), "{file}");
    }
}
