//! The examples of an own provider and an own executor: run as a reader would run them.

#![cfg(all(feature = "blocking", feature = "simulation"))]
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Runs an example and gives what it prints. `cargo test` has built it, but not where it is told which test to run.
fn run(name: &str, source: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    let written = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(source);
    let is_new = written(&built).is_some_and(|at| Some(at) > written(&source));
    assert!(is_new, "{} is not built: cargo build -p dynservers --examples --all-features", built.display());
    let output = Command::new(&built).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{printed}{told}", output.status);
    printed
}

#[track_caller]
fn tells(printed: &str, lines: &[&str]) {
    for line in lines {
        assert!(printed.lines().any(|printed| printed == *line), "{line:?} is not in:\n{printed}");
    }
}

#[test]
fn an_own_provider_passes_the_kit_and_has_a_fleet() {
    tells(
        &run("own_provider", "own_provider/main.rs"),
        &[
            "conformance: 31 checks, no fault, 1 skipped",
            "passed  looks-are-whole",
            "a fleet of 2: dynamic-server-default-4 running, dynamic-server-default-5 running",
        ],
    );
}

#[test]
fn an_own_executor_passes_the_kit_and_its_servers_finish_their_work() {
    tells(
        &run("own_executor", "own_executor.rs"),
        &[
            "conformance: 10 checks, no fault, 1 skipped",
            "passed  late-effects-are-unsent",
            "dynamic-server-default-3 is running",
            "0 threads, 30 of 30 jobs done",
        ],
    );
}

#[test]
fn a_port_is_short() {
    for (name, text) in [
        ("own_provider", include_str!("../examples/own_provider/main.rs")),
        ("own_executor", include_str!("../examples/own_executor.rs")),
    ] {
        let lines = text.lines().count();
        assert!(lines < 200, "{name} has {lines} lines, and PROVIDERS.md says fewer than 200");
    }
}

/// Gives the names of the checks in a report.
fn checks(report: &str) -> BTreeSet<&str> {
    let named =
        report.lines().filter_map(|line| line.strip_prefix("passed  ").or(line.strip_prefix("skipped ")));
    named.map(|line| line.split(':').next().unwrap_or(line)).collect()
}

#[test]
fn the_document_knows_every_check() {
    let document = include_str!("../../../PROVIDERS.md");
    let section = document.split("\n## ").find(|section| section.starts_with("What the kit checks")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let (of_provider, of_executor) =
        (run("own_provider", "own_provider/main.rs"), run("own_executor", "own_executor.rs"));
    let all: BTreeSet<&str> = checks(&of_provider).union(&checks(&of_executor)).copied().collect();
    assert_eq!(rows.collect::<BTreeSet<_>>(), all);
}
