//! Processes on Linux: read from `/proc`, signalled through a pidfd, which no reuse of a number can turn elsewhere.

use std::fs::{self, File};
use std::io::{self, Read as _};

use dynservers_core::Token;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{Process, TOKEN_VARIABLE};

/// The most bytes of an environment that are searched; Linux itself allows no more by default.
const ENVIRONMENT_MOST: u64 = 6 * 1024 * 1024;

/// Gives the id of this boot.
pub(super) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Tells when a process was started, in clock ticks since the boot; none if there is no such process.
pub(super) fn start_of(pid: u32) -> io::Result<Option<String>> {
    Ok(Stat::read(pid)?.map(|stat| stat.start.to_string()))
}

/// All processes of the machine at one moment.
#[derive(Debug)]
pub(crate) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    stat: Stat,
    token: Option<Token>,
}

/// A process that belongs to a server.
#[derive(Debug)]
pub(crate) struct Member {
    stat: Stat,
    token: Token,
}

impl Table {
    /// Reads all processes. What cannot be read of one, such as another user's environment, is as if it were not there.
    pub(crate) fn read() -> io::Result<Self> {
        let mut rows = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let Some(stat) = Stat::read(pid)? else { continue };
            rows.push(Row { stat, token: token_of(pid) });
        }
        Ok(Self(rows))
    }

    /// Gives the living processes of a server: those that bear its token, and those in the group of its first process
    /// if that group is beyond doubt still the server's.
    pub(crate) fn members(&self, token: Token, process: Option<&Process>) -> Vec<Member> {
        let group = process.filter(|process| self.is_group_of(token, process)).map(|process| process.pid);
        let belongs = |row: &&Row| row.token == Some(token) || Some(row.stat.group) == group;
        let members = self.0.iter().filter(belongs).filter(|row| !row.stat.is_dead);
        // Whoever asks is never meant, even if it was itself started by a server.
        let members = members.filter(|row| row.stat.pid != std::process::id());
        members.map(|row| Member { stat: row.stat, token }).collect()
    }

    /// Whether a group is that of a server's first process: this very process leads it still, dead or alive, or one of
    /// the group bears the server's token. A number in use as a group is given to no new process.
    fn is_group_of(&self, token: Token, process: &Process) -> bool {
        let leads = |row: &Row| row.stat.pid == process.pid && row.stat.start.to_string() == process.start;
        let bears = |row: &Row| row.stat.group == process.pid && row.token == Some(token);
        process.token == token
            && process.is_of_this_boot().unwrap_or(false)
            && self.0.iter().any(|row| row.stat.group == process.pid && (leads(row) || bears(row)))
    }
}

impl Member {
    /// Signals the process. Gives whether it was there: one that ended meanwhile is not, whoever has its number now.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = i32::try_from(self.stat.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::SRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        // The descriptor is opened first: what is true now of the number is true of the process behind it, or that
        // process is gone and the signal reaches nobody.
        let Some(now) = Stat::read(self.stat.pid)? else { return Ok(false) };
        let belongs = now.group == self.stat.group || token_of(self.stat.pid) == Some(self.token);
        if now.start != self.stat.start || !belongs {
            return Ok(false);
        }
        match pidfd_send_signal(descriptor, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// What `/proc/PID/stat` says of a process, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    pid: u32,
    group: u32,
    start: u64,
    is_dead: bool,
}

impl Stat {
    fn read(pid: u32) -> io::Result<Option<Self>> {
        match fs::read(format!("/proc/{pid}/stat")) {
            Ok(text) => Ok(Self::parse(pid, &String::from_utf8_lossy(&text))),
            Err(error) if is_over(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(pid: u32, text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, and may hold anything, even parentheses.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        // A first thread may be dead while others of the process live on.
        let has_one_thread = field(20)?.parse::<i64>().ok()? <= 1;
        Some(Self {
            pid,
            group: field(5)?.parse().ok()?,
            start: field(22)?.parse().ok()?,
            is_dead: matches!(field(3)?, "Z" | "X" | "x") && has_one_thread,
        })
    }
}

/// Whether an error means that the process has ended meanwhile.
fn is_over(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

/// Reads the token that a process bears in its environment, if it has one and we may read it.
fn token_of(pid: u32) -> Option<Token> {
    let mut environment = Vec::new();
    let file = File::open(format!("/proc/{pid}/environ")).ok()?;
    file.take(ENVIRONMENT_MOST).read_to_end(&mut environment).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    let value = variables.find_map(|variable| {
        variable.strip_prefix(TOKEN_VARIABLE.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
    })?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_and_lines_confuses_nobody() {
        let text = "12 (a) S 1\n(b)) Z 1 9 9 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let stat = Stat::parse(12, text).unwrap();
        assert_eq!(stat, Stat { pid: 12, group: 9, start: 4711, is_dead: true });
        let threads = text.replace("20 0 1 0 4711", "20 0 2 0 4711");
        assert!(!Stat::parse(12, &threads).unwrap().is_dead, "other threads live on");
    }

    #[test]
    fn what_is_cut_off_or_no_number_is_no_process() {
        let text = "12 (a) S 1 9 9 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert!(Stat::parse(12, text).is_some());
        for broken in ["", "12", "12 (a", "12 (a)", &text[..40], &text.replace("4711", "x")] {
            assert_eq!(Stat::parse(12, broken), None, "{broken}");
        }
    }
}
