//! What is too long for every change: all loops, all features, programs outside of the workspace, and all of it in a row.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::commands::{self, THREADS};
use crate::runner::{Cargo, Failure};
use crate::tally::Tally;
use crate::tidy as checks;

/// The loops that the daemon is not shipped with.
const OTHER_LOOPS: &[&str] = &["threads", "async-std"];

/// The test programs that are about a fleet and its cloud, and so about what carries it.
const ABOUT_THE_CLOUD: &[&str] = &[
    "account_room",
    "blind",
    "by_hand",
    "calls",
    "create_faults",
    "failing_servers",
    "foreign",
    "kill",
    "life",
    "list_lag",
    "lost_ledger",
    "pages",
    "reboot",
    "retired_type",
    "second_controller",
    "secrets",
    "slow_clone",
    "wrong_account",
];

/// Runs every test program about the cloud once on each of the other loops.
pub(crate) fn loops() -> Result<(), Failure> {
    checks::daemon().run()?;
    let programs: Vec<String> = ABOUT_THE_CLOUD.iter().map(|program| format!("--test {program}")).collect();
    let programs = programs.join(" ");
    all(OTHER_LOOPS.iter().map(|carrier| {
        let tests = Cargo::new(&format!("test --workspace --all-features --no-fail-fast {programs}"))
            .environment("DYNSERVERS_TEST_LOOP", carrier)
            .environment("RUST_TEST_THREADS", THREADS);
        let (name, run): (_, Box<Step>) = (*carrier, Box::new(move || counted(&tests)));
        (name, run)
    }))
}

/// Checks every feature alone, and no feature, of every package; then runs the library's own tests with each.
pub(crate) fn features() -> Result<(), Failure> {
    let mut hack = Command::new("cargo");
    hack.args(["hack", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !hack.status().is_ok_and(|status| status.success()) {
        let message = "cargo-hack is missing; install it: cargo install cargo-hack --locked";
        return Err(Failure::Broken(message.to_owned()));
    }
    // Clippy denies warnings of ours alone, and builds nothing anew for that. Without tests first: what these depend on
    // brings features that a package alone has not.
    let check = "hack clippy --workspace --each-feature --exclude-all-features --keep-going --quiet";
    let tests = "hack test --package dynservers --each-feature --exclude-all-features --keep-going --quiet";
    let run = |cargo: Cargo| -> Box<Step> { Box::new(move || cargo.run().map(|()| String::new())) };
    let count = |cargo: Cargo| -> Box<Step> { Box::new(move || counted(&cargo)) };
    all([
        ("alone", run(Cargo::new(&format!("{check} -- -D warnings")))),
        ("with tests", run(Cargo::new(&format!("{check} --all-targets -- -D warnings")))),
        ("tests", count(Cargo::new(tests))),
    ])
}

/// Builds programs outside of the workspace that use the library, and runs each against an emulated cloud.
pub(crate) fn scratch() -> Result<(), Failure> {
    checks::daemon().run()?;
    Cargo::new("test --workspace --all-features --test scratch -- --nocapture --test-threads=1")
        .environment("DYNSERVERS_SCRATCH", "1")
        .run()
}

/// Does all that there is to do before a release.
pub(crate) fn gate() -> Result<(), Failure> {
    let step =
        |run: fn() -> Result<(), Failure>| -> Box<Step> { Box::new(move || run().map(|()| String::new())) };
    all([
        ("lint", step(commands::lint)),
        ("test", step(|| commands::test(&[]))),
        ("features", step(features)),
        ("loops", step(loops)),
        ("scratch", step(scratch)),
        ("storm", step(|| commands::storm("200"))),
    ])
}

/// Something to be done, which says what came of it, if there is more to say than that it is done.
type Step = dyn Fn() -> Result<String, Failure>;

fn counted(tests: &Cargo) -> Result<String, Failure> {
    let mut tally = Tally::default();
    let done = tests.run_watched(|line| tally.read(line));
    let summary = tally.summary(done.is_ok());
    done.map(|()| summary)
}

/// Does one step after the other, all of them even if one fails, and sums up.
fn all<'a>(steps: impl IntoIterator<Item = (&'a str, Box<Step>)>) -> Result<(), Failure> {
    let (mut summary, mut failed) = (Vec::new(), Vec::new());
    for (name, step) in steps {
        let begun = Instant::now();
        let told = match step() {
            Ok(told) if told.is_empty() => "ok".to_owned(),
            Ok(told) => told,
            Err(Failure::Steps(steps)) => {
                failed.extend(steps);
                "FAILED".to_owned()
            }
            Err(other) => {
                failed.push(other.to_string());
                "FAILED".to_owned()
            }
        };
        summary.push(format!("  {name:<10} {:>5} s  {told}", begun.elapsed().as_secs()));
    }
    println!("\n{}\n", summary.join("\n"));
    if failed.is_empty() { Ok(()) } else { Err(Failure::Steps(failed)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::root;

    /// Test programs that are about something else than the cloud, by how their names begin; and those that choose the
    /// loop, or the runtime, themselves.
    const ABOUT_SOMETHING_ELSE: &[&str] = &[
        "adapter_contract",
        "api_",
        "demand_",
        "demo",
        "examples",
        "hooks_",
        "init",
        "local_",
        "operate",
        "reload",
        "simulate",
    ];
    const CHOOSE_THEMSELVES: &[&str] = &["other_loops", "scratch"];

    #[test]
    fn no_test_program_is_forgotten() {
        let entries = std::fs::read_dir(root().join("tests/tests")).expect("there are tests");
        let paths = entries.map(|entry| entry.expect("it is readable").path());
        let names = paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
        let is_else = |name: &str| ABOUT_SOMETHING_ELSE.iter().any(|start| name.starts_with(start));
        let mut names: Vec<String> =
            names.filter(|name| !is_else(name) && !CHOOSE_THEMSELVES.contains(&name.as_str())).collect();
        names.sort_unstable();
        assert_eq!(names, ABOUT_THE_CLOUD);
    }

    #[test]
    fn all_steps_are_done_even_if_one_fails() {
        let done = std::rc::Rc::new(std::cell::Cell::new(0));
        let step = |result: fn() -> Result<String, Failure>| -> Box<Step> {
            let done = std::rc::Rc::clone(&done);
            Box::new(move || {
                done.set(done.get() + 1);
                result()
            })
        };
        let fails = step(|| Err(Failure::Steps(vec!["run it alone: cargo x".to_owned()])));
        let breaks = step(|| Err(Failure::Broken("no cargo".to_owned())));
        let Err(Failure::Steps(failed)) =
            all([("a", fails), ("b", breaks), ("c", step(|| Ok(String::new())))])
        else {
            panic!("a failure")
        };
        assert_eq!((failed.len(), done.get()), (2, 3));
    }
}
