//! Programs: one run of somebody's program, bounded in time and output, with nothing left behind.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use thiserror::Error;

use crate::words::sanitized;

/// The most that a program may print to its standard output, in bytes. More is an error.
pub const MOST_STDOUT: usize = 64 * 1024;
/// How much of the end of a program's standard error is kept, in bytes.
pub const KEPT_STDERR: usize = 4 * 1024;
/// How long a killed program may take to be gone before it is left to a thread of its own.
const REAP_WITHIN: Duration = Duration::from_secs(5);
/// How much is read at once.
const CHUNK: usize = 8 * 1024;
/// What a program inherits of the environment, beside variables that begin with `LC_`. Nothing else: there may be
/// credentials in it.
const INHERITED: [&str; 7] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"];

/// A program of the user's, and the bounds that it runs in.
///
/// It is started without a shell, in a process group of its own, with `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `LC_*`,
/// `TZ` and `TMPDIR` of this process and what it is given as its whole environment. When it ends, or its time is over,
/// what is left of its group is killed: a program cannot leave anything running but by leaving its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments; a program without a `/` is looked for in `PATH`.
    pub argv: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Where it runs; none means where this process does.
    pub directory: Option<PathBuf>,
}

/// What a program that ended left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: End,
    /// Everything that it printed, at most [`MOST_STDOUT`].
    pub stdout: Vec<u8>,
    /// The last [`KEPT_STDERR`] bytes of its complaints, without control characters but line breaks.
    pub stderr: String,
}

/// How a program ended. Closed on purpose: there is no third way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for End {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(code) => write!(formatter, "ended with code {code}"),
            Self::Signal(signal) => write!(formatter, "was ended by signal {signal}"),
        }
    }
}

/// Why a program gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// There is no program.
    #[error("no program is named: give its name and its arguments as a list")]
    Nothing,
    /// It did not start.
    #[error("{program} cannot be started: {message}")]
    NotStarted {
        /// The program.
        program: String,
        /// The system's words.
        message: String,
    },
    /// It took too long and was killed.
    #[error("{program} took longer than {timeout:?} and was killed{}", complaint(stderr))]
    TimedOut {
        /// The program.
        program: String,
        /// How long it may take.
        timeout: Duration,
        /// The end of its complaints.
        stderr: String,
    },
    /// It printed too much and was killed.
    #[error("{program} printed more than {MOST_STDOUT} bytes and was killed")]
    TooMuch {
        /// The program.
        program: String,
    },
    /// The system failed us while it ran. It was killed.
    #[error("{program} was lost: {message}")]
    Lost {
        /// The program.
        program: String,
        /// The system's words.
        message: String,
    },
}

/// Quotes the last line of a program's complaints, if there is one.
pub(crate) fn complaint(stderr: &str) -> String {
    stderr.lines().rev().find(|line| !line.trim().is_empty()).map_or_else(String::new, |line| {
        format!(": {}", sanitized(line.trim().as_bytes(), crate::words::MOST_QUOTED))
    })
}

impl Program {
    /// Makes a program that runs where this process does.
    #[must_use]
    pub const fn new(argv: Vec<String>, timeout: Duration) -> Self {
        Self { argv, timeout, directory: None }
    }

    /// Runs it once, with `env` beside what it inherits and `stdin` as its input, and gives what became of it.
    ///
    /// Blocks for at most the timeout and the few seconds that a killed process may take to be gone. A program need not
    /// read its input.
    pub fn run(&self, env: &[(String, String)], stdin: &[u8]) -> Result<Output, ProgramError> {
        let deadline = Instant::now() + self.timeout;
        let (name, arguments) = self.argv.split_first().ok_or(ProgramError::Nothing)?;
        let program = sanitized(name.as_bytes(), crate::words::MOST_QUOTED);
        let mut command = Command::new(name);
        command
            .args(arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(key, _)| key.to_str().is_some_and(is_inherited)))
            .envs(env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let child = command.spawn().map_err(|error| ProgramError::NotStarted {
            program: program.clone(),
            message: error.to_string(),
        })?;
        let run = Run::new(child, stdin);
        match run.finish(deadline) {
            Ok(output) => Ok(output),
            Err(Stop::Late { stderr }) => {
                Err(ProgramError::TimedOut { program, timeout: self.timeout, stderr })
            }
            Err(Stop::TooMuch) => Err(ProgramError::TooMuch { program }),
            Err(Stop::System(error)) => Err(ProgramError::Lost { program, message: error.to_string() }),
        }
    }
}

fn is_inherited(name: &str) -> bool {
    INHERITED.contains(&name) || name.starts_with("LC_")
}

/// Why a run was cut short.
enum Stop {
    Late { stderr: String },
    TooMuch,
    System(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<rustix::io::Errno> for Stop {
    fn from(error: rustix::io::Errno) -> Self {
        Self::System(error.into())
    }
}

/// A program that runs. Its pipes never block, so that whoever else holds their ends cannot hold us.
struct Run<'a> {
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    unwritten: &'a [u8],
    stdout: Option<ChildStdout>,
    printed: Vec<u8>,
    stderr: Option<ChildStderr>,
    complaints: Vec<u8>,
}

impl<'a> Run<'a> {
    fn new(mut child: Child, stdin: &'a [u8]) -> Self {
        Self {
            stdin: child.stdin.take(),
            unwritten: stdin,
            stdout: child.stdout.take(),
            printed: Vec::new(),
            stderr: child.stderr.take(),
            complaints: Vec::new(),
            child: Some(child),
        }
    }

    fn finish(mut self, deadline: Instant) -> Result<Output, Stop> {
        let ended = self.until_ended(deadline);
        // Also after a good end: whatever it left in its group goes with it. Until the leader is reaped, the group's
        // number cannot be anybody else's.
        self.kill();
        ended?;
        // What it printed before its end is in the pipes by now; who else still holds them does not matter.
        self.read_stdout()?;
        self.read_stderr();
        let status = self.child.take().map(|mut child| child.wait()).transpose()?;
        Ok(Output { status: end(status), stdout: self.printed.clone(), stderr: self.complaints() })
    }

    /// Serves the pipes until the program has ended. It is not reaped then.
    fn until_ended(&mut self, deadline: Instant) -> Result<(), Stop> {
        let ended = self.watch()?;
        for pipe in [
            self.stdin.as_ref().map(std::os::fd::AsFd::as_fd),
            self.stdout.as_ref().map(std::os::fd::AsFd::as_fd),
            self.stderr.as_ref().map(std::os::fd::AsFd::as_fd),
        ]
        .into_iter()
        .flatten()
        {
            let flags = rustix::fs::fcntl_getfl(pipe)?;
            rustix::fs::fcntl_setfl(pipe, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        loop {
            self.write_stdin();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Stop::Late { stderr: self.complaints() });
            }
            let mut pipes = vec![PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
            pipes.extend(self.stdout.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            pipes.extend(self.stderr.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            pipes.extend(self.stdin.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
            let wait = rustix::event::Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut pipes, Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let over = !pipes[0].revents().is_empty();
            drop(pipes);
            self.read_stdout()?;
            self.read_stderr();
            if over {
                return Ok(());
            }
        }
    }

    /// Gives a socket that closes when the program has ended: a portable way to wait for it and for its pipes at once.
    fn watch(&self) -> Result<UnixStream, Stop> {
        let (ours, theirs) = UnixStream::pair()?;
        if let Some(pid) = self.pid() {
            std::thread::Builder::new().name("program".to_owned()).spawn(move || {
                // NOWAIT leaves it to be reaped, so that its number stays its own.
                let until = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while matches!(waitid(WaitId::Pid(pid), until), Err(rustix::io::Errno::INTR)) {}
                drop(theirs);
            })?;
        }
        Ok(ours)
    }

    fn pid(&self) -> Option<Pid> {
        self.child.as_ref().map(Pid::from_child)
    }

    fn kill(&self) {
        if let Some(pid) = self.pid() {
            // Only an empty group refuses, and that is what is wanted.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    fn write_stdin(&mut self) {
        let Some(pipe) = &mut self.stdin else { return };
        while !self.unwritten.is_empty() {
            match pipe.write(self.unwritten) {
                Ok(written) if written > 0 => self.unwritten = &self.unwritten[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It does not want the rest.
                Ok(_) | Err(_) => self.unwritten = &[],
            }
        }
        self.stdin = None;
    }

    fn read_stdout(&mut self) -> Result<(), Stop> {
        let Some(pipe) = &mut self.stdout else { return Ok(()) };
        let mut chunk = [0; CHUNK];
        loop {
            match pipe.read(&mut chunk) {
                Ok(0) => break self.stdout = None,
                Ok(read) => {
                    self.printed.extend_from_slice(&chunk[..read]);
                    if self.printed.len() > MOST_STDOUT {
                        return Err(Stop::TooMuch);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_stderr(&mut self) {
        let Some(pipe) = &mut self.stderr else { return };
        let mut chunk = [0; CHUNK];
        // At most a pipe's worth at a time: who complains without end must not keep us from anything else.
        for _ in 0..MOST_STDOUT / CHUNK {
            match pipe.read(&mut chunk) {
                Ok(read) if read > 0 => {
                    self.complaints.extend_from_slice(&chunk[..read]);
                    let surplus = self.complaints.len().saturating_sub(KEPT_STDERR);
                    self.complaints.drain(..surplus);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => return self.stderr = None,
            }
        }
    }

    fn complaints(&self) -> String {
        crate::words::clean(&String::from_utf8_lossy(&self.complaints))
    }
}

/// However a run ends, its group is killed and its leader reaped.
impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.kill();
        let Some(mut child) = self.child.take() else { return };
        let (gone, wait) = std::sync::mpsc::channel();
        // A process that the kernel does not let go must not hold the caller.
        let reaper = std::thread::Builder::new().name("reaper".to_owned()).spawn(move || {
            let _ = child.wait();
            let _ = gone.send(());
        });
        if reaper.is_ok() {
            let _ = wait.recv_timeout(REAP_WITHIN);
        }
    }
}

fn end(status: Option<ExitStatus>) -> End {
    match status {
        Some(status) => status.code().map_or_else(|| End::Signal(status.signal().unwrap_or(0)), End::Exit),
        None => End::Signal(0),
    }
}
