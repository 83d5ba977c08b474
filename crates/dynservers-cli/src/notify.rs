//! Words for whoever supervises the daemon: systemd's notification protocol, `sd_notify(3)`.
//!
//! A datagram on the socket that `NOTIFY_SOCKET` names. Without that variable nobody listens, and nothing is said.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Where the supervisor listens, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// Finds the supervisor by the environment. One that cannot be reached is told to the log, and is no reason to end.
    pub(crate) fn find() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        match connect(name.as_bytes()) {
            Ok(socket) => Self { socket: Some(socket), watchdog: watchdog(|name| std::env::var(name).ok()) },
            Err(error) => {
                tracing::warn!(%error, "the supervisor at NOTIFY_SOCKET cannot be reached");
                Self::default()
            }
        }
    }

    /// Says that commands can be given, or that a reload is over.
    pub(crate) fn ready(&self, status: &str) {
        self.say(&format!("READY=1\n{}", status_line(status)));
    }

    /// Says that the configuration is read again.
    pub(crate) fn reloading(&self) {
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={}\n", monotonic_micros()));
    }

    /// Says that the daemon is about to end.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1\n");
    }

    /// Says that the loop still answers.
    pub(crate) fn alive(&self) {
        self.say("WATCHDOG=1\n");
    }

    /// Gives how often that is to be said, if anybody waits for it.
    pub(crate) const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    fn say(&self, words: &str) {
        let Some(socket) = &self.socket else { return };
        // It may have gone away; the fleet goes on without it.
        if let Err(error) = socket.send(words.as_bytes()) {
            tracing::debug!(%error, "the supervisor does not listen");
        }
    }
}

fn connect(name: &[u8]) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address(name)?)?;
    // A supervisor that is too busy to read must not stop the daemon.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => path_address(name),
    }
}

#[cfg(not(target_os = "linux"))]
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    path_address(name)
}

fn path_address(name: &[u8]) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(Path::new(std::ffi::OsStr::from_bytes(name)))
}

/// One line, whatever somebody else put into it.
fn status_line(status: &str) -> String {
    let line: String = status.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    format!("STATUS={line}\n")
}

fn monotonic_micros() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or_default() / 1_000)
}

/// Gives how often the supervisor must hear something: half of what it allows, and only if it means this process.
fn watchdog(variable: impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let micros: u64 = variable("WATCHDOG_USEC")?.parse().ok()?;
    let is_ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
    (is_ours && micros >= 2).then(|| Duration::from_micros(micros / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut words = [0; 512];
        let length = socket.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_supervisor_hears_each_word() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let supervisor =
            Supervisor { socket: Some(connect(path.as_os_str().as_bytes()).unwrap()), watchdog: None };
        supervisor.ready("fleet a\nREADY=0");
        assert_eq!(received(&socket), "READY=1\nSTATUS=fleet a READY=0\n");
        let before = monotonic_micros();
        supervisor.reloading();
        let words = received(&socket);
        let micros = words.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
        assert!((before..=monotonic_micros()).contains(&micros.parse().unwrap()), "{words}");
        supervisor.alive();
        assert_eq!(received(&socket), "WATCHDOG=1\n");
        supervisor.stopping();
        assert_eq!(received(&socket), "STOPPING=1\n");
    }

    #[test]
    fn without_a_supervisor_nothing_happens() {
        Supervisor::default().ready("nobody hears this");
        assert!(connect(b"/nonexistent/notify").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_without_a_file_is_understood() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("dynservers-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        let supervisor =
            Supervisor { socket: Some(connect(format!("@{name}").as_bytes()).unwrap()), watchdog: None };
        supervisor.stopping();
        assert_eq!(received(&socket), "STOPPING=1\n");
    }

    #[test]
    fn the_watchdog_is_fed_twice_as_often_as_it_asks_and_only_by_who_is_meant() {
        let ours = std::process::id().to_string();
        let asks = |micros: &'static str, pid: Option<String>| {
            watchdog(move |name| match name {
                "WATCHDOG_USEC" => Some(micros.to_owned()),
                _ => pid.clone(),
            })
        };
        assert_eq!(asks("30000000", None), Some(Duration::from_secs(15)));
        assert_eq!(asks("30000000", Some(ours)), Some(Duration::from_secs(15)));
        assert_eq!(asks("30000000", Some("1".to_owned())), None);
        assert_eq!(asks("soon", None), None);
        assert_eq!(asks("0", None), None);
    }
}
