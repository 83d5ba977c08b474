//! A fleet: a configuration, a daemon that can be killed and started again, and the commands of its operator.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use dynservers_upcloud::emulator::Report;
use serde_json::Value;
use tempfile::TempDir;

use crate::local;
use crate::process::{Process, binary};
use crate::{Cloud, Loop, eventually};

/// A fleet against an emulated cloud.
#[derive(Debug)]
pub struct Fleet {
    directory: TempDir,
    name: String,
    carrier: Loop,
    daemon: Option<Process>,
}

/// What a command said, and how it ended.
#[derive(Clone, Debug)]
pub struct Told {
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Told {
    /// Runs a command to its end.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn by(command: &mut Command) -> Self {
        let output = command.output().expect("the binary starts");
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The snapshot that every emulator has.
const SNAPSHOT: &str = "01d15ea5-0000-4000-8000-000000000001";

/// Fast, and generous where a slow machine must not look like a slow cloud.
pub const TIMING: &str = r#"
poll_interval = "150ms"
resync_interval = "2s"
hanging_after = "2m"
failed_retention = "1s"
"#;

/// Looks often enough, even where nothing is expected, that what is done behind the daemon's back is soon seen.
pub const WATCHFUL: &str = r#"
poll_interval = "100ms"
resync_interval = "300ms"
hanging_after = "2m"
failed_retention = "1s"
"#;

/// A second server type, to be put behind the keys of the first.
pub const BIG_TYPE: &str = r#"[server_types.big]
provider = "upcloud"
zone = "de-fra1"
plan = "2xCPU-4GB"
snapshot = "01d15ea5-0000-4000-8000-000000000001"
stop_timeout = "1s"
max = 10
"#;

impl Fleet {
    /// Makes a fleet of this name, with a daemon that is not started yet.
    #[must_use]
    pub fn new(name: &str, cloud: &Cloud) -> Self {
        Self::configured(name, cloud, TIMING, "", "max = 300")
    }

    /// Makes a watchful fleet of this many running servers.
    #[must_use]
    pub fn of(count: u32, cloud: &Cloud) -> Self {
        let mut fleet = Self::configured("workers", cloud, WATCHFUL, "", "max = 10");
        fleet.start();
        fleet.reach(count);
        fleet
    }

    /// Makes a fleet with timing, provider and server type as given in TOML.
    ///
    /// # Panics
    ///
    /// If its directory cannot be written.
    #[must_use]
    pub fn configured(name: &str, cloud: &Cloud, timing: &str, provider: &str, server_type: &str) -> Self {
        let fleet = Self::empty(name);
        fleet.configure(cloud, timing, provider, server_type);
        fleet
    }

    /// Makes a fleet without a configuration.
    pub(crate) fn empty(name: &str) -> Self {
        let directory = TempDir::with_prefix("dynservers-test-").expect("there is a temporary directory");
        Self { directory, name: name.to_owned(), carrier: Loop::Told, daemon: None }
    }

    /// Has the daemon carried by this loop; takes effect at the next start.
    #[must_use]
    pub fn on(mut self, carrier: Loop) -> Self {
        self.carrier = carrier;
        self
    }

    pub(crate) const fn carrier(&self) -> Loop {
        self.carrier
    }

    /// Writes the configuration anew; takes effect at the next start.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn configure(&self, cloud: &Cloud, timing: &str, provider: &str, server_type: &str) {
        let provider = format!("{DEFAULTS}{provider}", DEFAULTS = defaults_without(provider));
        let text = format!(
            r#"fleet = "{name}"
[timing]
{timing}
[providers.upcloud]
kind = "upcloud"
base_url = "{url}"
token = {{ env = "TEST_TOKEN" }}
{provider}
[server_types.default]
provider = "upcloud"
zone = "de-fra1"
plan = "1xCPU-1GB"
snapshot = "{SNAPSHOT}"
stop_timeout = "1s"
{server_type}
"#,
            name = self.name,
            url = cloud.url(),
        );
        std::fs::write(self.config(), text).expect("the directory is ours");
    }

    /// Gives the path of the configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path().join("dynservers.toml")
    }

    /// Gives the directory that the configuration and the ledger are in.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a command of this fleet, to which its arguments are still to be said.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("--config")
            .arg(self.config())
            .env("TEST_TOKEN", "ucat_0123456789secret")
            .env_remove("RUST_LOG");
        self.carrier.tell(&mut command);
        command.stdin(Stdio::null());
        command
    }

    /// Starts the daemon and waits until it can be spoken with.
    ///
    /// # Panics
    ///
    /// If it ends instead.
    pub fn start(&mut self) {
        let mut command = self.command();
        self.start_as(command.arg("run").env("RUST_LOG", "debug"));
    }

    /// Starts a command that becomes the daemon, and waits until it can be spoken with.
    ///
    /// # Panics
    ///
    /// If it ends instead.
    pub fn start_as(&mut self, command: &mut Command) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path()).expect("ours");
        let mut process = Process::spawn(command.stderr(log));
        eventually("the daemon answers", || {
            assert!(process.is_running(), "the daemon ended: {}", self.log());
            // A daemon that was killed has left its socket, and the store is read while nobody listens on it.
            self.path().join("dynservers.sock").exists().then_some(())?;
            let told = self.tell(&["status", "--json"]);
            (told.code == Some(0) && told.out.contains("\"source\": \"daemon\"")).then_some(())
        });
        self.daemon = Some(process);
    }

    /// Whether the daemon was started and has not ended.
    pub fn is_running(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(Process::is_running)
    }

    /// Waits until the daemon ends by itself.
    ///
    /// # Panics
    ///
    /// If it is not running, or goes on.
    pub fn ends(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        eventually("the daemon ends", || (!daemon.is_running()).then_some(()));
        daemon.wait()
    }

    fn log_path(&self) -> PathBuf {
        self.path().join("daemon.log")
    }

    /// Gives what the daemon has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Ends the daemon as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill();
        }
    }

    /// Asks the daemon to end, and waits for that.
    ///
    /// # Panics
    ///
    /// If it is not running.
    pub fn stop(&mut self) -> ExitStatus {
        self.daemon.take().expect("the daemon runs").terminate()
    }

    /// Presses Ctrl-C once, and waits for nothing.
    ///
    /// # Panics
    ///
    /// If the daemon is not running.
    pub fn interrupt(&mut self) {
        self.daemon.as_mut().expect("the daemon runs").signal(rustix::process::Signal::INT);
    }

    /// Has the daemon read its configuration again.
    ///
    /// # Panics
    ///
    /// If the daemon is not running.
    pub fn hang_up(&mut self) {
        self.daemon.as_mut().expect("the daemon runs").signal(rustix::process::Signal::HUP);
    }

    /// Says a command.
    ///
    /// # Panics
    ///
    /// If the binary does not start.
    #[must_use]
    pub fn tell(&self, arguments: &[&str]) -> Told {
        Told::by(self.command().args(arguments))
    }

    /// Says a command that must succeed.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[expect(clippy::must_use_candidate, reason = "most are said for what they do")]
    pub fn must(&self, arguments: &[&str]) -> String {
        let told = self.tell(arguments);
        assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
        told.out
    }

    /// Sets the desired number.
    pub fn ensure(&self, count: u32) {
        self.must(&["ensure", &count.to_string()]);
    }

    /// Sets the desired number and waits until it is reached and nothing is in flight.
    pub fn reach(&self, count: u32) {
        self.must(&["ensure", &count.to_string(), "--wait", "--timeout", "90s"]);
    }

    /// Gives the status of the only type.
    ///
    /// # Panics
    ///
    /// If it is no JSON.
    #[must_use]
    pub fn status(&self) -> Value {
        let told = self.must(&["status", "--json"]);
        serde_json::from_str(&told).expect("the status is JSON")
    }

    /// Gives the servers as listed.
    ///
    /// # Panics
    ///
    /// If they are no JSON.
    #[must_use]
    pub fn list(&self) -> Vec<Value> {
        serde_json::from_str(&self.must(&["list", "--json"])).expect("the list is JSON")
    }

    /// Gives how many listed servers have a status.
    #[must_use]
    pub fn count(&self, status: &str) -> usize {
        self.list().iter().filter(|server| server["status"] == status).count()
    }

    /// Waits until as many servers run as given, and nothing else is listed.
    pub fn settles_at(&self, count: usize) {
        eventually(&format!("{count} servers run and nothing else is there"), || {
            let list = self.list();
            (list.len() == count && list.iter().all(|server| server["status"] == "running")).then_some(())
        });
    }

    /// Holds the ledger against what the provider saw.
    ///
    /// # Panics
    ///
    /// If a server leaked, was doubled, or left a disk.
    #[must_use]
    pub fn agrees(&self, cloud: &Cloud) -> Report {
        let mut known: Vec<String> = self
            .list()
            .iter()
            .filter_map(|server| server["provider_id"].as_str().map(str::to_owned))
            .collect();
        let mut living: Vec<String> =
            cloud.servers(&self.name).into_iter().map(|server| server.uuid).collect();
        known.sort();
        living.sort();
        assert_eq!(known, living, "the ledger and the provider differ; the daemon says:\n{}", self.log());
        let report = cloud.report();
        assert!(report.ever_doubled.is_empty(), "doubled: {:?}", report.ever_doubled);
        assert!(report.disks_left.is_empty(), "disks left: {:?}", report.disks_left);
        report
    }
}

impl Drop for Fleet {
    /// A test that fails shows how it came to that. Servers on this machine do not outlive it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the daemon of fleet {} says:\n{}", self.name, self.log());
        }
        self.kill();
        local::end_all(self);
    }
}

/// What a test's provider has unless it says otherwise.
fn defaults_without(given: &str) -> String {
    let defaults = [
        ("request_timeout", "\"3s\""),
        ("list_lag", "\"300ms\""),
        ("restart_time", "\"2s\""),
        ("max_servers_in_account", "1000"),
    ];
    let missing = defaults.into_iter().filter(|(key, _)| !given.contains(key));
    let lines: Vec<String> = missing.map(|(key, value)| format!("{key} = {value}\n")).collect();
    lines.concat()
}
