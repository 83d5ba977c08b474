//! Runs other programs: prints what it runs, and tells how to run it again when it fails.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Why a command of this program did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was called in a way that it does not know.
    Usage(String),
    /// Steps failed; each text says which, and how to run it alone.
    Steps(Vec<String>),
    /// A program could not be run, or its answer not be read.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Broken(message) => formatter.write_str(message),
            Self::Steps(steps) => {
                write!(formatter, "{} failed:", if steps.len() == 1 { "a step" } else { "steps" })?;
                steps.iter().try_for_each(|step| write!(formatter, "\n  {step}"))
            }
        }
    }
}

/// One call of cargo at the root of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Cargo {
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Cargo {
    /// Takes arguments, separated by white space.
    pub(crate) fn new(arguments: &str) -> Self {
        Self { arguments: arguments.split_whitespace().map(str::to_owned).collect(), environment: Vec::new() }
    }

    /// Adds arguments as they are.
    pub(crate) fn arguments(mut self, arguments: &[String]) -> Self {
        self.arguments.extend_from_slice(arguments);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn environment(mut self, key: &'static str, value: &str) -> Self {
        self.environment.push((key, value.to_owned()));
        self
    }

    /// Runs it, with its output going where ours goes.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        println!("$ {self}");
        let status = self.command().status().map_err(|error| self.broken(&error))?;
        if status.success() { Ok(()) } else { Err(self.failed()) }
    }

    /// Runs it, and hands each line of its standard output on to `each` after showing it.
    pub(crate) fn run_watched(&self, mut each: impl FnMut(&str)) -> Result<(), Failure> {
        println!("$ {self}");
        let mut child = self.command().stdout(Stdio::piped()).spawn().map_err(|error| self.broken(&error))?;
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n') {
                let line = line.map_err(|error| self.broken(&error))?;
                let line = String::from_utf8_lossy(&line);
                each(&line);
                // A reader that went away must not stop the tests.
                let _ = writeln!(io::stdout(), "{line}");
            }
        }
        let status = child.wait().map_err(|error| self.broken(&error))?;
        if status.success() { Ok(()) } else { Err(self.failed()) }
    }

    /// Runs it quietly, and gives its standard output.
    pub(crate) fn output(&self) -> Result<String, Failure> {
        let output = self.command().stderr(Stdio::inherit()).output().map_err(|error| self.broken(&error))?;
        if output.status.success() {
            String::from_utf8(output.stdout).map_err(|error| self.broken(&error))
        } else {
            Err(self.failed())
        }
    }

    fn command(&self) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .current_dir(root());
        command
    }

    fn failed(&self) -> Failure {
        Failure::Steps(vec![format!("run it alone: {self}")])
    }

    fn broken(&self, error: &dyn fmt::Display) -> Failure {
        Failure::Broken(format!("`{self}` could not be run: {error}"))
    }
}

impl fmt::Display for Cargo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.environment {
            write!(formatter, "{key}={value:?} ")?;
        }
        write!(formatter, "cargo {}", self.arguments.join(" "))
    }
}

/// Gives the root of the workspace.
///
/// Asked of the running process and not of the build, since worktrees may share a target directory.
pub(crate) fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let package = PathBuf::from(package);
    package.parent().map_or_else(|| PathBuf::from("."), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_how_to_run_it_again() {
        let cargo = Cargo::new("doc --no-deps").environment("RUSTDOCFLAGS", "-D warnings");
        let Failure::Steps(steps) = cargo.failed() else { panic!("a failed step") };
        assert_eq!(steps, ["run it alone: RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps"]);
    }

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("xtask").is_dir());
    }
}
