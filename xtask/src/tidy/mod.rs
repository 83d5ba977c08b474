//! Checks of the repository's files: each is a function from files to findings.

mod core_wall;
mod lengths;
mod readme;
mod source;
mod trees;
mod words;
mod workspace;

use std::fmt;
use std::process::Command;

use crate::runner::{Cargo, Failure, root};
use source::File;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Runs every check on the repository.
pub(crate) fn run() -> Result<Vec<Finding>, Failure> {
    let files = tracked()?;
    let metadata = Cargo::new("metadata --format-version 1 --no-deps --quiet").output()?;
    let metadata = workspace::Metadata::read(&metadata).map_err(Failure::Broken)?;
    daemon().run()?;
    let help = help(&metadata)?;

    let mut findings = lengths::check(&files, lengths::LONG_ON_PURPOSE);
    findings.extend(core_wall::check(&files));
    findings.extend(core_wall::check_dependencies(&metadata));
    findings.extend(trees::check()?);
    findings.extend(trees::check_adapters(&files));
    findings.extend(workspace::check(&files, &metadata));
    findings.extend(words::check(&files));
    findings.extend(readme::check(&files, &help));
    findings.sort_by(|one, two| (&one.path, one.line).cmp(&(&two.path, two.line)));
    Ok(findings)
}

/// The build of the daemon, with the features of the tests, so that both share it.
pub(crate) fn daemon() -> Cargo {
    Cargo::new("build --workspace --all-features --bin dynservers --quiet")
}

/// Asks the daemon that was just built for its commands.
fn help(metadata: &workspace::Metadata) -> Result<String, Failure> {
    let program =
        metadata.target_directory.join("debug").join(format!("dynservers{}", std::env::consts::EXE_SUFFIX));
    let broken = |error: &dyn fmt::Display| Failure::Broken(format!("{} help: {error}", program.display()));
    let output = Command::new(&program).arg("help").output().map_err(|error| broken(&error))?;
    if !output.status.success() {
        return Err(broken(&String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| broken(&error))
}

/// Reads every text file that git tracks, or would if it were added.
fn tracked() -> Result<Vec<File>, Failure> {
    let root = root();
    let broken =
        |error: &dyn fmt::Display| Failure::Broken(format!("the tracked files cannot be read: {error}"));
    let listing = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(&root)
        .output()
        .map_err(|error| broken(&format!("git: {error}")))?;
    if !listing.status.success() {
        return Err(broken(&String::from_utf8_lossy(&listing.stderr).trim()));
    }
    let listing = String::from_utf8(listing.stdout).map_err(|error| broken(&error))?;
    let mut files = Vec::new();
    for path in listing.split('\0').filter(|path| !path.is_empty()) {
        match std::fs::read(root.join(path)) {
            // What is no text has no lines to check.
            Ok(bytes) => files.extend(String::from_utf8(bytes).ok().map(|text| File::new(path, text))),
            // Deleted and not yet committed, or a submodule.
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory
                ) => {}
            Err(error) => return Err(broken(&format!("{path}: {error}"))),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        let finding = Finding::new("crates/a/src/lib.rs", 12, "is too long");
        assert_eq!(finding.to_string(), "crates/a/src/lib.rs:12: is too long");
    }
}
