//! The stage: two emulated clouds with the same faults, and a daemon of its own process, in a directory that goes away.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use dynservers_upcloud::emulator::{Call, Emulator, Fault, FaultRule, Report, Settings, Throttle};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::config::Configuration;
use crate::demo::upcloud::DemoError;
use crate::emulate;

/// How many times faster than real the clouds are: half a minute of boot is a second.
pub(super) const SPEED: f64 = 25.0;
/// Each so-many-th answer to a create is lost.
pub(super) const LOSE_EVERY: u32 = 5;
/// So many requests a second are let through.
pub(super) const REQUESTS_A_SECOND: f64 = 30.0;
/// A new server is missing from listings for so long, by the cloud's clock.
pub(super) const LIST_LAG_MILLIS: u64 = 5_000;

/// An emulated cloud on a socket of its own.
pub(super) struct Cloud {
    emulator: Arc<Mutex<Emulator>>,
    pub(super) base_url: String,
}

impl Cloud {
    pub(super) async fn open() -> Result<Self, DemoError> {
        let settings = Settings {
            list_lag_millis: LIST_LAG_MILLIS,
            throttle: Some(Throttle { per_second: REQUESTS_A_SECOND / SPEED, retry_after: None }),
            faults: vec![FaultRule::every(LOSE_EVERY, Call::Create, Fault::Lost)],
            ..Settings::default()
        };
        let emulator = Arc::new(Mutex::new(Emulator::new(settings, 1)));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}/1.3", listener.local_addr()?);
        tokio::spawn(emulate::serve(listener, Arc::clone(&emulator), SPEED, std::future::pending()));
        Ok(Self { emulator, base_url })
    }

    /// Gives what the provider saw, as of the latest request.
    pub(super) fn report(&self) -> Report {
        self.emulator.lock().unwrap_or_else(PoisonError::into_inner).report(0)
    }
}

/// A directory with a configuration, and the daemon that works by it.
pub(super) struct Site {
    directory: TempDir,
    daemon: Option<Child>,
}

impl Site {
    pub(super) fn prepare(cloud: &Cloud) -> Result<Self, DemoError> {
        let site = Self { directory: TempDir::with_prefix("dynservers-demo-")?, daemon: None };
        std::fs::write(site.file("dynservers.toml"), configuration(&cloud.base_url))?;
        std::fs::write(site.file("token"), "ucat_demo")?;
        Ok(site)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn configuration(&self) -> Result<Configuration, DemoError> {
        Ok(Configuration::load(&self.file("dynservers.toml"))?)
    }

    /// Starts the daemon as a process of its own, the same binary as this one.
    pub(super) fn start(&mut self) -> Result<(), DemoError> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.file("daemon.log"))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--config").arg(self.file("dynservers.toml")).arg("run");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        self.daemon = Some(command.spawn()?);
        Ok(())
    }

    /// Kills the daemon with SIGKILL: it gets to do nothing more.
    pub(super) async fn kill(&mut self) -> Result<(), DemoError> {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().await?;
        }
        Ok(())
    }

    /// Gives how the daemon ended, if it did by itself.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>, DemoError> {
        Ok(self.daemon.as_mut().map(Child::try_wait).transpose()?.flatten())
    }

    /// Gives the end of the daemon's log.
    pub(super) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.file("daemon.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

fn configuration(base_url: &str) -> String {
    format!(
        r#"fleet = "demo"

[timing]
poll_interval = "250ms"
resync_interval = "2s"

[providers.upcloud]
kind = "upcloud"
base_url = "{base_url}"
token = {{ file = "token" }}
request_timeout = "2s"
list_lag = "1s"
restart_time = "2s"
max_servers_in_account = 50

[server_types.default]
provider = "upcloud"
zone = "de-fra1"
plan = "1xCPU-1GB"
snapshot = "01d15ea5-0000-4000-8000-000000000001"
max = 20
"#
    )
}
