//! Mutants: the core changed in one small way at a time, each of which some test must notice.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::runner::{Cargo, Failure, root};

/// Where the files are that may be named alone.
const SOURCES: &str = "crates/dynservers-core/src";

/// How many seconds the tests of one mutant may take: a bound for those that never end, far above the 3 s of a free core.
const TIMEOUT: &str = "120";

/// Runs the core's tests against every mutant of these files, or of the whole core, and tells of each file how many were
/// noticed. A mutant that is not is a failure.
pub(crate) fn run(files: &[String]) -> Result<(), Failure> {
    let files: Vec<String> = files.iter().map(|file| source(file)).collect::<Result<_, _>>()?;
    demand_tool()?;
    let output = root().join("target/mutants");
    let broken = |error: std::io::Error| Failure::Broken(format!("{}: {error}", output.display()));
    // What an earlier run found must not be taken for this one's.
    match std::fs::remove_dir_all(&output) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(broken(error)),
        _ => std::fs::create_dir_all(&output).map_err(broken)?,
    }
    let done = cargo(&files, &output).run();
    let outcomes = output.join("mutants.out/outcomes.json");
    let Ok(text) = std::fs::read_to_string(&outcomes) else { return done };
    let score = Score::read(&text).map_err(|error| {
        Failure::Broken(format!("{} is not what was expected: {error}", outcomes.display()))
    })?;
    print!("\n{score}");
    if score.is_complete() {
        return score.verdict();
    }
    done.and(Err(Failure::Broken("the run ended before its last mutant".to_owned())))
}

fn demand_tool() -> Result<(), Failure> {
    let mut tool = Command::new("cargo");
    tool.args(["mutants", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if tool.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let message = "cargo-mutants is missing; install it: cargo install cargo-mutants --locked";
    Err(Failure::Broken(message.to_owned()))
}

/// Gives the path of a file that is named by its path, or alone.
fn source(file: &str) -> Result<String, Failure> {
    let paths = [file.to_owned(), format!("{SOURCES}/{file}")];
    let is_source =
        |path: &String| path.starts_with(SOURCES) && !path.contains("..") && root().join(path).is_file();
    paths.into_iter().find(is_source).ok_or_else(|| {
        Failure::Usage(format!("`mutants` takes names of files in {SOURCES}; there is no {file}"))
    })
}

fn cargo(files: &[String], output: &Path) -> Cargo {
    let mut arguments = vec!["--output".to_owned(), output.display().to_string()];
    arguments.extend(files.iter().flat_map(|file| ["--file".to_owned(), file.clone()]));
    Cargo::new(&format!("mutants --package dynservers-core --no-shuffle --timeout {TIMEOUT}"))
        .arguments(&arguments)
        // That a mutant is noticed is enough: nobody reads its shortest counterexample.
        .environment("PROPTEST_MAX_SHRINK_ITERS", "0")
        .environment("RUST_BACKTRACE", "0")
}

/// How many mutants of a file came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    caught: u64,
    missed: u64,
    timeout: u64,
    unviable: u64,
}

/// What became of the mutants of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    files: BTreeMap<String, Counts>,
    missed: Vec<String>,
    total: u64,
}

impl Score {
    /// Reads the outcomes as cargo-mutants writes them.
    fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let total = value["total_mutants"].as_u64().ok_or("no total")?;
        let mut score = Self { total, ..Self::default() };
        for outcome in value["outcomes"].as_array().ok_or("no outcomes")? {
            // The other scenario is the unchanged core.
            let Some(mutant) = outcome["scenario"].get("Mutant") else { continue };
            let file = mutant["file"].as_str().ok_or("a mutant without a file")?;
            let name = mutant["name"].as_str().ok_or("a mutant without a name")?;
            let counts = score.files.entry(short(file)).or_default();
            match outcome["summary"].as_str().unwrap_or_default() {
                "CaughtMutant" => counts.caught += 1,
                "Timeout" => counts.timeout += 1,
                "Unviable" => counts.unviable += 1,
                "MissedMutant" => {
                    counts.missed += 1;
                    score.missed.push(name.to_owned());
                }
                other => return Err(format!("`{name}` ended as {other:?}")),
            }
        }
        Ok(score)
    }

    fn is_complete(&self) -> bool {
        let counted = |counts: &Counts| counts.caught + counts.missed + counts.timeout + counts.unviable;
        self.files.values().map(counted).sum::<u64>() == self.total
    }

    fn verdict(&self) -> Result<(), Failure> {
        if self.missed.is_empty() {
            return Ok(());
        }
        Err(Failure::Steps(self.missed.iter().map(|name| format!("no test notices: {name}")).collect()))
    }
}

impl fmt::Display for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "  {:<16} caught  missed  timeout  unviable", "file")?;
        let mut all = Counts::default();
        for (file, counts) in &self.files {
            line(formatter, file, counts)?;
            all.caught += counts.caught;
            all.missed += counts.missed;
            all.timeout += counts.timeout;
            all.unviable += counts.unviable;
        }
        line(formatter, "all", &all)
    }
}

fn line(formatter: &mut fmt::Formatter<'_>, name: &str, counts: &Counts) -> fmt::Result {
    let Counts { caught, missed, timeout, unviable } = counts;
    writeln!(formatter, "  {name:<16} {caught:>6}  {missed:>6}  {timeout:>7}  {unviable:>8}")
}

/// Gives a file's name within the core.
fn short(file: &str) -> String {
    PathBuf::from(file)
        .strip_prefix(SOURCES)
        .map_or_else(|_| file.to_owned(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTCOMES: &str = r#"{"total_mutants": 4, "outcomes": [
        {"scenario": "Baseline", "summary": "Success"},
        {"scenario": {"Mutant": {"file": "crates/dynservers-core/src/plan.rs", "name": "a"}}, "summary": "CaughtMutant"},
        {"scenario": {"Mutant": {"file": "crates/dynservers-core/src/plan.rs", "name": "b"}}, "summary": "MissedMutant"},
        {"scenario": {"Mutant": {"file": "crates/dynservers-core/src/plan.rs", "name": "c"}}, "summary": "Unviable"},
        {"scenario": {"Mutant": {"file": "crates/dynservers-core/src/look.rs", "name": "d"}}, "summary": "Timeout"}]}"#;

    #[test]
    fn outcomes_are_counted_by_file() {
        let score = Score::read(OUTCOMES).expect("it is what cargo-mutants writes");
        let expected = "  file             caught  missed  timeout  unviable\n  \
            look.rs               0       0        1         0\n  \
            plan.rs               1       1        0         1\n  \
            all                   1       1        1         1\n";
        assert_eq!(score.to_string(), expected);
        assert!(score.is_complete());
    }

    #[test]
    fn a_missed_mutant_is_a_failure_that_names_it() {
        let score = Score::read(OUTCOMES).expect("it is what cargo-mutants writes");
        let Err(Failure::Steps(steps)) = score.verdict() else { panic!("a failure") };
        assert_eq!(steps, ["no test notices: b"]);
        let score = Score::read(&OUTCOMES.replace("MissedMutant", "CaughtMutant")).expect("it is as before");
        assert!(score.verdict().is_ok());
    }

    #[test]
    fn a_run_that_was_cut_short_or_that_says_something_else_is_no_success() {
        let cut = OUTCOMES.replace("\"total_mutants\": 4", "\"total_mutants\": 5");
        assert!(!Score::read(&cut).expect("it is what cargo-mutants writes").is_complete());
        assert!(Score::read(&OUTCOMES.replace("Timeout", "Failure")).is_err());
        assert!(Score::read("{}").is_err());
    }

    #[test]
    fn files_are_named_by_their_path_or_alone() {
        for name in ["plan.rs", "crates/dynservers-core/src/plan.rs"] {
            assert!(source(name).is_ok_and(|path| path == "crates/dynservers-core/src/plan.rs"), "{name}");
        }
        for name in ["plan", "xtask/src/main.rs", "../Cargo.toml", ""] {
            assert!(matches!(source(name), Err(Failure::Usage(_))), "{name}");
        }
    }
}
