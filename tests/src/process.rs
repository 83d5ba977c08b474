//! Processes of the binary under test.

use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};

/// Gives the path of the binary under test, which is built beside the tests.
///
/// # Panics
///
/// If it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a path");
    let binary = tests.ancestors().nth(2).map(|target| target.join("dynservers"));
    let binary = binary.filter(|path| path.exists());
    binary.expect("the binary is not built: run `cargo xtask test`, or `cargo build` before `cargo test`")
}

/// A child that does not outlive its test.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn spawn(command: &mut Command) -> Self {
        Self { child: command.spawn().expect("the binary starts") }
    }

    /// Takes its standard output, which must be a pipe and nobody else's.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn output(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("standard output is a pipe")
    }

    /// Interrupts it, as Ctrl-C does.
    pub fn interrupt(&mut self) {
        self.signal(Signal::INT);
    }

    /// Ends it without a word, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the process is ours")
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process has an id");
        kill_process(id, signal).expect("the process is ours");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
