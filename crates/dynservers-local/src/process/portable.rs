//! Processes by the tools that every Unix has: `ps`, and a signal right after a last look at its target.
//!
//! Compared with Linux, a process that leaves its group is not found (its server stays in sight, since it holds the
//! lock), and between the last look and the signal there is a moment in which a number could in theory be reused.

use std::io;
use std::process::{Command, Output, Stdio};

use dynservers_core::Token;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::{Process, TOKEN_VARIABLE};

/// How many words `ps` writes a start as, such as `Mon Nov 23 22:37:33 2026`.
const START_WORDS: usize = 5;

/// Gives the id of this boot.
#[cfg(not(target_os = "linux"))]
pub(super) fn boot_id() -> io::Result<String> {
    for name in ["kern.bootsessionuuid", "kern.boottime"] {
        if let Ok(id) = run("sysctl", &["-n", name])
            && !id.trim().is_empty()
        {
            return Ok(id.trim().to_owned());
        }
    }
    Err(io::Error::other("sysctl knows neither kern.bootsessionuuid nor kern.boottime"))
}

/// Tells when a process was started; none if there is no such process.
pub(super) fn start_of(pid: u32) -> io::Result<Option<String>> {
    // `ps` fails when it finds nothing, and prints nothing then.
    let output = output("ps", &["-o", "lstart=", "-p", &pid.to_string()])?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    Ok((words.len() == START_WORDS).then(|| words.join(" ")))
}

/// All processes of the machine at one moment.
#[derive(Debug)]
pub(crate) struct Table(Vec<Row>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    pid: u32,
    group: u32,
    is_dead: bool,
    start: String,
    /// The arguments, and the variables of those whose environment we may read.
    words: String,
}

/// A process that belongs to a server.
#[derive(Debug)]
pub(crate) struct Member(Row);

impl Table {
    /// Reads all processes.
    pub(crate) fn read() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        let all = "axwwe";
        #[cfg(not(target_os = "linux"))]
        let all = "-axwwE";
        let text = run("ps", &[all, "-o", "pid=,pgid=,stat=,lstart=,command="])?;
        Ok(Self(text.lines().filter_map(Row::parse).collect()))
    }

    /// Gives the living processes in the group of a server's first process, if that group is beyond doubt the server's.
    pub(crate) fn members(&self, token: Token, process: Option<&Process>) -> Vec<Member> {
        let Some(process) = process.filter(|process| self.is_group_of(token, process)) else {
            return Vec::new();
        };
        let belongs = |row: &&Row| row.group == process.pid && row.pid != std::process::id() && !row.is_dead;
        self.0.iter().filter(belongs).cloned().map(Member).collect()
    }

    fn is_group_of(&self, token: Token, process: &Process) -> bool {
        let mark = format!("{TOKEN_VARIABLE}={token}");
        let leads = |row: &Row| row.pid == process.pid && row.start == process.start;
        // Arguments may say so too, but not in a group that happens to have this number.
        let bears = |row: &Row| row.words.split_ascii_whitespace().any(|word| word == mark);
        process.token == token
            && process.is_of_this_boot().unwrap_or(false)
            && self.0.iter().any(|row| row.group == process.pid && (leads(row) || bears(row)))
    }
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (pid, group) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let is_dead = words.next()?.starts_with('Z');
        let start: Vec<&str> = words.by_ref().take(START_WORDS).collect();
        let start = (start.len() == START_WORDS).then(|| start.join(" "))?;
        Some(Self { pid, group, is_dead, start, words: words.collect::<Vec<_>>().join(" ") })
    }
}

impl Member {
    /// Signals the process. Gives whether it was there.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = i32::try_from(self.0.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
        if start_of(self.0.pid)?.as_ref() != Some(&self.0.start) {
            return Ok(false);
        }
        match kill_process(pid, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Runs a tool in one language and one time zone, whoever asks.
fn output(program: &str, arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").env("TZ", "UTC0").stdin(Stdio::null()).output()
}

/// Runs a tool and gives what it prints.
fn run(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = output(program, arguments)?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("{program} failed: {words}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ps_is_a_process_or_nothing() {
        let row = Row::parse("  12   9 Ss   Mon Nov 23 22:37:33 2026 sleep 60 A=b").unwrap();
        assert_eq!((row.pid, row.group, row.is_dead), (12, 9, false));
        assert_eq!((row.start.as_str(), row.words.as_str()), ("Mon Nov 23 22:37:33 2026", "sleep 60 A=b"));
        assert!(Row::parse("12 9 Z+ Mon Nov 23 22:37:33 2026 [sleep] <defunct>").unwrap().is_dead);
        for broken in ["", "12", "x 9 S Mon Nov 23 22:37:33 2026 a", "12 9 S Mon Nov"] {
            assert_eq!(Row::parse(broken), None, "{broken}");
        }
    }
}
