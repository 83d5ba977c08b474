//! The stage: a directory with snapshot, spool and configuration, and the daemon in it. All of it goes away, however the
//! demo ends.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use dynservers_demand::spool::Spool;
use rustix::process::{Pid, Signal, kill_process};

use crate::config::Configuration;
use crate::demo::local::DemoError;
use crate::demo::local::crew;
use crate::demo::local::place::Place;
use crate::demo::local::verdict::Left;
use crate::duration;
use crate::terminal::{complain, shown};

/// How many servers there may be.
pub(super) const SERVERS_MOST: u32 = 5;
/// How many all of the jobs ask for: so many are wanted for a while, and a dead one is replaced before fewer are.
const SERVERS_ASKED_FOR: usize = 10;
/// What the program is called in the snapshot.
const PROGRAM: &str = "worker";
/// How many of the last lines of a log are shown when the demo fails.
const LOG_LINES: usize = 10;
/// How often what is left is killed and removed before it counts as left behind.
const SWEEPS: u32 = 100;
/// How long to wait between two.
const BETWEEN_SWEEPS: Duration = Duration::from_millis(20);

/// The demo's directory, and the daemon that works in it.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) place: Place,
    pub(super) spool: Spool,
    daemon: Option<Child>,
    struck: bool,
}

impl Stage {
    /// Makes everything that the daemon needs for so many jobs, each of which takes so long.
    pub(super) fn prepare(jobs: usize, job_time: Duration) -> Result<Self, DemoError> {
        let directory = tempfile::Builder::new().prefix("dynservers-demo-").tempdir()?;
        let place = Place::at(directory.path().canonicalize()?);
        for made in [place.snapshot(), place.crew()] {
            fs::create_dir(made)?;
        }
        // Each server runs this very program; a link is copied as a link.
        std::os::unix::fs::symlink(std::env::current_exe()?, place.snapshot().join(PROGRAM))?;
        fs::write(place.configuration(), configuration(&place, jobs, job_time))?;
        let spool = Spool::create(place.spool())?;
        // From here on it is removed by `strike`, which first ends what works in it.
        let _ = directory.keep();
        Ok(Self { place, spool, daemon: None, struck: false })
    }

    pub(super) fn configuration(&self) -> Result<Configuration, DemoError> {
        Ok(Configuration::load(&self.place.configuration())?)
    }

    /// Starts the daemon as a process of its own, the same binary as this one.
    pub(super) fn start(&mut self) -> io::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.place.log())?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--config").arg(self.place.configuration()).arg("run").env("NO_COLOR", "1");
        // A Ctrl-C is for the demo, which ends the daemon in its turn.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        self.daemon = Some(command.spawn()?);
        Ok(())
    }

    /// Kills the daemon with SIGKILL: it gets to do nothing more.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill()?;
            daemon.wait()?;
        }
        Ok(())
    }

    /// Asks the daemon to end. Whether it has is told by [`Self::ended`].
    pub(super) fn ask_to_end(&self) -> io::Result<()> {
        let pid =
            self.daemon.as_ref().and_then(|daemon| i32::try_from(daemon.id()).ok()).and_then(Pid::from_raw);
        Ok(pid.map_or(Ok(()), |pid| kill_process(pid, Signal::TERM))?)
    }

    /// Gives how the daemon ended, if it did by itself.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.daemon.as_mut().map_or(Ok(None), Child::try_wait)
    }

    /// Gives the ends of the daemon's log and of those of the servers that are there still.
    pub(super) fn logs(&self) -> String {
        let mut logs = vec![self.place.log()];
        logs.extend(self.servers().unwrap_or_default().into_iter().map(|server| server.join("log")));
        let ends = logs.into_iter().map(|log| {
            let all = fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<_> = all.lines().map(shown).collect();
            let name = log.strip_prefix(self.place.path()).unwrap_or(&log);
            format!(
                "{} ends so:\n{}\n",
                name.display(),
                lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
            )
        });
        ends.collect()
    }

    /// Gives the directories of servers, whole or not.
    fn servers(&self) -> io::Result<Vec<PathBuf>> {
        let servers = self.place.home().join("servers");
        fs::read_dir(servers)?.map(|entry| Ok(entry?.path())).collect()
    }

    /// Counts what the daemon has left behind, and then removes everything and counts what withstands that.
    pub(super) fn strike(mut self) -> io::Result<Left> {
        let running = usize::from(self.daemon.is_some() && self.ended()?.is_none());
        let processes = crew::alive(&self.place.crew())?.len() + running;
        let directories = self.servers()?.len();
        self.clear()?;
        Ok(Left { processes, directories: directories + usize::from(self.place.path().exists()) })
    }

    /// Ends every process and removes the directory.
    fn clear(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.struck, true) {
            return Ok(());
        }
        self.kill()?;
        // Whoever was about to begin does not find what it needs any more, and nothing grows while it is removed.
        let mut gone = self.place.path().as_os_str().to_owned();
        gone.push(".gone");
        fs::rename(self.place.path(), &gone)?;
        let gone = Place::at(gone.into());
        for sweep in 1.. {
            let swept = sweep_once(&gone);
            match swept {
                Ok(()) => break,
                Err(error) if sweep == SWEEPS => return Err(error),
                Err(_) => thread::sleep(BETWEEN_SWEEPS),
            }
        }
        Ok(())
    }
}

fn sweep_once(place: &Place) -> io::Result<()> {
    let alive = crew::alive(&place.crew())?;
    for member in &alive {
        member.signal(Signal::KILL)?;
    }
    if alive.is_empty() {
        fs::remove_dir_all(place.path())
    } else {
        Err(io::Error::other("workers live still"))
    }
}

impl Drop for Stage {
    /// However the demo ends, nothing stays: not on Ctrl-C, not on an error.
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            complain(format_args!("warning: {} could not be cleared: {error}", self.place.path().display()));
        }
    }
}

/// The configuration that the demo works by.
fn configuration(place: &Place, jobs: usize, job_time: Duration) -> String {
    let text = |path: &Path| toml::Value::String(path.to_string_lossy().into_owned());
    format!(
        r#"fleet = "demo"

[timing]
poll_interval = "200ms"
resync_interval = "500ms"
failed_retention = "1s"

[providers.here]
kind = "local"
directory = {home}

[server_types.worker]
provider = "here"
snapshot = {snapshot}
command = ["./{PROGRAM}", "demo-worker", {place}, "{job_time}"]
max = {SERVERS_MOST}
stop_timeout = "30s"
demand_interval = "500ms"
sources = [{{ kind = "spool", directory = {spool} }}]
policy = {{ jobs_per_server = {jobs_per_server}, scale_in_after = "2s" }}
"#,
        home = text(&place.home()),
        snapshot = text(&place.snapshot()),
        place = text(place.path()),
        spool = text(&place.spool()),
        job_time = duration::show(job_time),
        jobs_per_server = jobs.div_ceil(SERVERS_ASKED_FOR).max(1),
    )
}
