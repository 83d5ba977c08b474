//! Work that a program counts.

use std::time::Duration;

use dynservers_hooks::words::{MOST_QUOTED, sanitized};
use dynservers_hooks::{End, Program};

use crate::signal::{Signal, Source, Unknown, read};

/// Asks a program: what it prints is a whole number, the jobs that wait, or an object with `waiting` and perhaps `in_flight`
/// and `oldest_wait` in seconds; other keys are passed over.
///
/// Any code but 0, any other output, and no end in time are unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    program: Program,
}

impl Command {
    /// Makes a source of a program.
    #[must_use]
    pub const fn new(program: Program) -> Self {
        Self { program }
    }
}

impl Source for Command {
    fn measure(&self) -> Result<Signal, Unknown> {
        let output = self.program.run(&[], &[]).map_err(|error| Unknown::new(error.to_string()))?;
        match output.status {
            End::Exit(0) => read(&output.stdout),
            status @ (End::Exit(_) | End::Signal(_)) => {
                let complaint = sanitized(output.stderr.trim().as_bytes(), MOST_QUOTED);
                let separator = if complaint.is_empty() { "" } else { ": " };
                Err(Unknown::new(format!("the program {status}{separator}{complaint}")))
            }
        }
    }

    fn timeout(&self) -> Duration {
        self.program.timeout
    }
}
