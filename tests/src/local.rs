//! Fleets on this machine: their configuration, and a look at their processes that does not ask the daemon.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

use crate::{Fleet, WATCHFUL, eventually};

/// A worker that says who it is and goes on until it is told to end.
pub const WORKER: &str = "#!/bin/sh\necho $$ > pid.new && mv pid.new pid\nwhile :; do sleep 1; done\n";

impl Fleet {
    /// Makes a fleet of servers on this machine that run [`WORKER`], with the server type's keys as given in TOML.
    ///
    /// # Panics
    ///
    /// If its directory cannot be written.
    #[must_use]
    pub fn local(server_type: &str) -> Self {
        let fleet = Self::empty("workers");
        fleet.script("worker/start", WORKER);
        fleet.configure_local(server_type);
        fleet
    }

    /// Makes a fleet whose directory is empty: there is no configuration either.
    #[must_use]
    pub fn bare() -> Self {
        Self::empty("workers")
    }

    /// Writes the configuration of a local fleet anew; takes effect at the next start.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn configure_local(&self, server_type: &str) {
        let text = format!(
            r#"fleet = "workers"
[timing]
{WATCHFUL}
[providers.here]
kind = "local"
request_timeout = "3s"
[server_types.default]
provider = "here"
snapshot = "worker"
stop_timeout = "5s"
{server_type}
"#
        );
        fs::write(self.config(), text).expect("the directory is ours");
    }

    /// Writes a program of a fleet.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn script(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the directory")).expect("the directory is ours");
        // Whole or not at all: it may be run at any moment.
        let whole = path.with_extension("new");
        fs::write(&whole, text).expect("the directory is ours");
        fs::set_permissions(&whole, fs::Permissions::from_mode(0o755)).expect("it is ours");
        fs::rename(&whole, &path).expect("the directory is ours");
    }

    /// Gives the directories of all servers, whatever the daemon knows of them.
    #[must_use]
    pub fn places(&self) -> Vec<PathBuf> {
        let servers = self.path().join("dynservers.local/servers");
        let entries = fs::read_dir(servers).into_iter().flatten().flatten();
        let mut places: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        places.sort();
        places
    }

    /// Gives every process of this machine that bears the mark of one of this fleet's servers in its environment,
    /// whatever any file says. Where there is no `/proc`, none is found.
    #[must_use]
    pub fn marked(&self) -> Vec<i32> {
        let mark = format!("DYNSERVERS_SERVER_DIR={}/", self.path().display());
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let bears = |process: &i32| {
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes()))
        };
        processes.filter(bears).collect()
    }

    /// Waits until as many workers as given have said who they are and live, and gives them.
    #[expect(clippy::must_use_candidate, reason = "often only waited for")]
    pub fn at_work(&self, count: usize) -> Vec<i32> {
        eventually(&format!("{count} workers are at work"), || {
            let workers = self.workers();
            (workers.len() == count && workers.iter().all(|worker| is_alive(*worker))).then_some(workers)
        })
    }

    /// Waits until nothing is left of any server: no record, no directory, no process.
    pub fn vanishes(&self) {
        self.settles_at(0);
        eventually("no directory and no process is left", || {
            (self.places().is_empty() && self.marked().is_empty()).then_some(())
        });
    }

    /// Gives the processes of all servers, whose workers have said who they are.
    #[must_use]
    pub fn workers(&self) -> Vec<i32> {
        self.places().iter().filter_map(|place| worker_of(place)).collect()
    }
}

fn worker_of(place: &Path) -> Option<i32> {
    fs::read_to_string(place.join("root/pid")).ok()?.trim().parse().ok()
}

/// Whether a process with this number is at work. One that has ended and that nobody has asked about yet is not.
#[must_use]
pub fn is_alive(process: i32) -> bool {
    if Pid::from_raw(process).is_none_or(|process| test_kill_process(process).is_err()) {
        return false;
    }
    // The state follows the name, which ends with the last parenthesis; where there is no such file, nothing is known.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// Ends every server of a fleet whose test is over, however it ended.
pub(crate) fn end_all(fleet: &Fleet) {
    let mut workers = fleet.marked();
    workers.extend(fleet.workers());
    for worker in workers.into_iter().filter(|worker| is_alive(*worker)).filter_map(Pid::from_raw) {
        let _ = kill_process_group(worker, Signal::KILL);
        let _ = kill_process(worker, Signal::KILL);
    }
}
