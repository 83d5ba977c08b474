//! What each command does.

use crate::runner::{Cargo, Failure};
use crate::services::Services;
use crate::tally::Tally;
use crate::tidy as checks;

/// Runs every check that needs no test, all of them even if one fails.
pub(crate) fn lint() -> Result<(), Failure> {
    let steps = [
        Cargo::new("fmt --all -- --check"),
        Cargo::new("clippy --workspace --all-targets --all-features --quiet -- -D warnings"),
        // The daemon has no public items, so what its documentation links to is checked with the private ones.
        Cargo::new(
            "rustdoc --package dynservers-cli --lib --all-features --quiet -- --document-private-items",
        )
        .environment("RUSTDOCFLAGS", "-D warnings"),
        Cargo::new("doc --workspace --all-features --no-deps --quiet")
            .environment("RUSTDOCFLAGS", "-D warnings"),
    ];
    let mut failed = Vec::new();
    for done in steps.iter().map(Cargo::run).chain(std::iter::once_with(tidy)) {
        match done {
            Ok(()) => {}
            Err(Failure::Steps(steps)) => failed.extend(steps),
            Err(other) => return Err(other),
        }
    }
    if failed.is_empty() {
        println!("lint: all clean");
        Ok(())
    } else {
        Err(Failure::Steps(failed))
    }
}

/// Runs the checks on files and prints what they find.
pub(crate) fn tidy() -> Result<(), Failure> {
    println!("$ cargo xtask tidy");
    let findings = checks::run()?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: all clean");
        Ok(())
    } else {
        Err(Failure::Steps(vec![format!("run it alone: cargo xtask tidy ({} findings)", findings.len())]))
    }
}

/// So many tests at a time: the end-to-end ones mostly wait for each other's clouds and daemons, not for a core.
pub(crate) const THREADS: &str = "6";

/// Builds the daemon and runs every test.
///
/// The daemon comes first, with the features of the tests, so that those which start it find it beside them; so does the
/// example that is a test itself, which cargo builds as nothing else while it tests.
pub(crate) fn test(arguments: &[String]) -> Result<(), Failure> {
    checks::daemon().run()?;
    Cargo::new("build --workspace --all-features --example test_your_app --quiet").run()?;
    let services = Services::start()?;
    let tests = Cargo::new("test --workspace --all-features --no-fail-fast")
        .environment("RUST_TEST_THREADS", THREADS)
        .arguments(arguments);
    let tests = services.environment.iter().fold(tests, |tests, (key, url)| tests.environment(key, url));
    let mut tally = Tally::default();
    let done = tests.run_watched(|line| tally.read(line));
    println!("\ntest: {}", tally.summary(done.is_ok()));
    done
}

/// Builds the daemon and kills it so many times at drawn moments.
pub(crate) fn storm(rounds: &str) -> Result<(), Failure> {
    if !rounds.parse::<u32>().is_ok_and(|rounds| (3..=100_000).contains(&rounds)) {
        return Err(Failure::Usage(format!("`--rounds` must be a number from 3 to 100000, not {rounds:?}")));
    }
    checks::daemon().run()?;
    Cargo::new("test --package dynservers-tests --test local_kill_storm -- --nocapture")
        .environment("DYNSERVERS_STORM_ROUNDS", rounds)
        .run()
}

/// Builds the benches as they are shipped, runs them, and compares their figures with the budget. They choose their own
/// arguments: `--quick`, and the names of parts.
pub(crate) fn bench(arguments: &[String]) -> Result<(), Failure> {
    Cargo::new("bench --package dynservers-tests --bench budget --quiet --").arguments(arguments).run()
}

/// Tells drawn stories to the real machine, and demands that the laws hold. It knows its own arguments.
pub(crate) fn sim(arguments: &[String]) -> Result<(), Failure> {
    Cargo::new("run --release --quiet --package dynservers-proof --bin sim --").arguments(arguments).run()
}

/// Runs the benchmark of policies, and demands that no model is better than ours by default. It knows its own arguments.
pub(crate) fn policies(arguments: &[String]) -> Result<(), Failure> {
    Cargo::new("run --release --quiet --package dynservers-sim --example policies --")
        .arguments(arguments)
        .run()
}
