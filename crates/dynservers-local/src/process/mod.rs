//! Processes: which of this machine's belong to a server, beyond doubt, and how to signal only those.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;

use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use dynservers_core::Token;
use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use portable as system;

use crate::files::{FileError, read_json, write_json};
use crate::place::Place;

pub(crate) use system::Table;

/// The variable that marks every process of a server.
pub(crate) const TOKEN_VARIABLE: &str = "DYNSERVERS_SERVER_TOKEN";
/// How often a server's processes are looked for and killed at one go; whoever comes back goes on with it.
const KILLS: u32 = 10;
/// How long the system may take to end what was killed before it is looked for again.
const BETWEEN_KILLS: Duration = Duration::from_millis(3);

/// The first process of a server: the leader of its group, told apart from any other that had or will have its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its number, which is also that of its group.
    pub(crate) pid: u32,
    /// When it was started, in the system's own words.
    pub(crate) start: String,
    /// The boot of the machine that it lives in.
    pub(crate) boot: String,
    /// The server that it belongs to.
    pub(crate) token: Token,
}

impl Process {
    /// Describes the process that calls this.
    pub(crate) fn current(token: Token) -> io::Result<Self> {
        let pid = std::process::id();
        let start = system::start_of(pid)?;
        let start = start.ok_or_else(|| io::Error::other("the system does not know this process"))?;
        Ok(Self { pid, start, boot: boot_id()?.to_owned(), token })
    }

    /// Reads the first process of a server, of whatever boot; none if it was never started or the file is broken.
    pub(crate) fn read(place: &Place) -> Result<Option<Self>, FileError> {
        let process: Option<Self> = read_json(&place.process())?;
        Ok(process.filter(|process| process.token == place.token()))
    }

    /// Makes it durable.
    pub(crate) fn write(&self, place: &Place) -> Result<(), FileError> {
        write_json(&place.process(), self)
    }

    /// Whether it can live: nothing outlives a boot.
    pub(crate) fn is_of_this_boot(&self) -> io::Result<bool> {
        Ok(self.boot == boot_id()?)
    }
}

/// Gives the id of this boot of the machine.
pub(crate) fn boot_id() -> io::Result<&'static str> {
    static BOOT: OnceLock<String> = OnceLock::new();
    if let Some(boot) = BOOT.get() {
        return Ok(boot);
    }
    let boot = system::boot_id()?;
    Ok(BOOT.get_or_init(|| boot))
}

/// Gives the milliseconds since the machine was booted, its sleep included; no one can set this clock.
pub(crate) fn uptime_millis() -> u64 {
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    // There it goes on while the machine sleeps.
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1000 + u64::try_from(time.tv_nsec).unwrap_or_default() / 1_000_000
}

/// Asks every process of a server to end. Gives whether there was any.
pub(crate) fn terminate(token: Token, process: Option<&Process>) -> io::Result<bool> {
    signal_all(&Table::read()?.members(token, process), Signal::TERM)
}

/// Signals all of them, even if one resists. Gives whether any was there, or the first error.
fn signal_all(members: &[system::Member], signal: Signal) -> io::Result<bool> {
    let signalled: Vec<io::Result<bool>> = members.iter().map(|member| member.signal(signal)).collect();
    signalled.into_iter().try_fold(false, |any, one| Ok(any | one?))
}

/// Kills every process of a server, and those that they start meanwhile. Gives whether none is left.
pub(crate) fn kill(token: Token, process: Option<&Process>) -> io::Result<bool> {
    for _ in 0..KILLS {
        let members = Table::read()?.members(token, process);
        if members.is_empty() {
            return Ok(true);
        }
        signal_all(&members, Signal::KILL)?;
        thread::sleep(BETWEEN_KILLS);
    }
    Ok(Table::read()?.members(token, process).is_empty())
}

#[cfg(test)]
mod tests;
