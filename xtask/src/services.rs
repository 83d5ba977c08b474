//! Services: the real servers that tests of demand sources speak to, started on free ports and ended with us.

mod kinds;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kinds::{SERVICES, find};
use rustix::process::{Pid, Signal, kill_process};

use crate::runner::Failure;

/// How long a server may take to answer for the first time, and to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most ports of one server.
const PORTS: usize = 4;
/// Who runs, where we are root, what refuses to be run by root. The first that there is.
const NOT_ROOT: [&str; 2] = ["postgres", "nobody"];

/// A kind of server.
struct Service {
    name: &'static str,
    /// Tests find it by this; whoever sets it has one already.
    variable: &'static str,
    /// By which it is seen whether it is installed.
    binary: &'static str,
    /// Debian's package of it.
    package: &'static str,
    /// What must lie in its directory.
    files: fn(&Site) -> Vec<(&'static str, String)>,
    /// What is run, one after the other; the last is the server.
    processes: fn(&Site) -> Vec<Process>,
    url: fn(&Site) -> String,
    /// What is said to it, and how its answer begins once it is up.
    greeting: (&'static str, &'static str),
}

/// Where a server is.
#[derive(Debug)]
struct Site {
    directory: PathBuf,
    ports: [u16; PORTS],
}

/// A program to run.
struct Process {
    binary: &'static str,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    /// Whether it refuses to be run by root.
    not_root: bool,
    /// Whether it ends by itself, before the next begins.
    ends: bool,
    /// Whether it is to quit by itself, by SIGQUIT.
    quits: bool,
}

impl Process {
    fn new<A: ToString>(binary: &'static str, arguments: &[A]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self { binary, arguments, variables: Vec::new(), not_root: false, ends: false, quits: false }
    }

    fn never_as_root(self) -> Self {
        Self { not_root: true, ..self }
    }
}

/// Servers that run as long as this lives.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// By which variable each is found, and where it is.
    pub(crate) environment: Vec<(&'static str, String)>,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    /// And whether each quits by itself.
    children: Vec<(Child, bool)>,
    site: Site,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Each may have ended by itself, and the directory is the system's to clean up where we cannot.
        for (child, quits) in self.children.iter_mut().rev() {
            let begun = Instant::now();
            if *quits && kill_process(Pid::from_child(child), Signal::QUIT).is_ok() {
                while matches!(child.try_wait(), Ok(None)) && begun.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.site.directory);
    }
}

impl Services {
    /// Starts every server that nobody named in the environment.
    pub(crate) fn start() -> Result<Self, Failure> {
        let mut services = Self::default();
        let mut wanted = Vec::new();
        for service in SERVICES {
            if let Ok(url) = std::env::var(service.variable) {
                println!("services: {} is at {url}, by {}", service.name, service.variable);
                continue;
            }
            service.install()?;
            wanted.push(service);
        }
        // Some take seconds, and none needs another.
        let started: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = wanted.iter().map(|service| scope.spawn(|| service.start())).collect();
            threads.into_iter().map(|thread| thread.join().expect("starting panics nowhere")).collect()
        });
        for (service, started) in wanted.into_iter().zip(started) {
            let running = started?;
            let url = (service.url)(&running.site);
            println!("services: {}={url}", service.variable);
            services.environment.push((service.variable, url));
            services.running.push(running);
        }
        Ok(services)
    }
}

/// Starts all servers and keeps them until the end of the input, for tests that somebody runs by hand.
pub(crate) fn hold() -> Result<(), Failure> {
    let services = Services::start()?;
    println!("services: they run until the input ends: press Ctrl-D, or Enter and Ctrl-D");
    // Whatever is typed meanwhile means nothing.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop(services);
    Ok(())
}

impl Service {
    /// Sees to it that its binary is there.
    fn install(&self) -> Result<(), Failure> {
        if find(self.binary).is_some() {
            return Ok(());
        }
        if find("apt-get").is_some() {
            println!("services: installing Debian's {}", self.package);
            let install = |arguments: &[&str]| {
                let mut apt = Command::new("apt-get");
                apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
                apt.status().is_ok_and(|status| status.success())
            };
            let package = ["install", "--yes", "--no-install-recommends", self.package];
            if (install(&package) || (install(&["update"]) && install(&package)))
                && find(self.binary).is_some()
            {
                // Debian starts what it installs. Here that is nobody's, and where there is no systemd it did not.
                let mut end = Command::new("systemctl");
                end.args(["disable", "--now", self.package]).stdout(Stdio::null()).stderr(Stdio::null());
                let _ = end.status();
                return Ok(());
            }
        }
        Err(Failure::Broken(format!(
            "the tests speak to a real {}: install {} so that {:?} is in the path, or say in {} where one is, as in {}",
            self.name,
            self.package,
            self.binary,
            self.variable,
            (self.url)(&Site { directory: PathBuf::new(), ports: [1234; PORTS] })
        )))
    }

    fn start(&self) -> Result<Running, Failure> {
        let broken = |what: &str| Failure::Broken(format!("{} could not be started: {what}", self.name));
        let io = |error: std::io::Error| broken(&error.to_string());
        let ports = free_ports().map_err(io)?;
        let name = format!("dynservers-{}-{}-{}", self.binary, std::process::id(), ports[0]);
        let site = Site { directory: std::env::temp_dir().join(name), ports };
        fs::create_dir_all(&site.directory).map_err(io)?;
        let log = fs::File::create(site.directory.join("log")).map_err(io)?;
        for (name, text) in (self.files)(&site) {
            fs::write(site.directory.join(name), text).map_err(io)?;
        }
        let is_root = fs::metadata(&site.directory).map_err(io)?.uid() == 0;
        let processes = (self.processes)(&site);
        let mut running = Running { children: Vec::new(), site };
        let log_of = |running: &Running| {
            let log = fs::read_to_string(running.site.directory.join("log")).unwrap_or_default();
            broken(log.trim())
        };
        for process in processes {
            let program = find(process.binary).ok_or_else(|| broken(&format!("no {:?}", process.binary)))?;
            let mut command = Command::new(program);
            command.args(&process.arguments).envs(process.variables).current_dir(&running.site.directory);
            command.stdin(Stdio::null()).stdout(log.try_clone().map_err(io)?);
            command.stderr(log.try_clone().map_err(io)?);
            if process.not_root && is_root {
                let (user, group) =
                    not_root().ok_or_else(|| broken("root may not run it, and there is no user nobody"))?;
                std::os::unix::fs::chown(&running.site.directory, Some(user), Some(group)).map_err(io)?;
                command.uid(user).gid(group);
            }
            let mut child = command.spawn().map_err(io)?;
            if process.ends {
                if !child.wait().is_ok_and(|status| status.success()) {
                    return Err(log_of(&running));
                }
            } else {
                running.children.push((child, process.quits));
            }
        }
        let begun = Instant::now();
        while !self.answers(running.site.ports[0]) {
            let ended = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)));
            if running.children.iter_mut().any(|(child, _)| ended(child)) || begun.elapsed() > PATIENCE {
                return Err(log_of(&running));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    fn answers(&self, port: u16) -> bool {
        let (question, answer) = self.greeting;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
            return false;
        };
        let mut heard = vec![0; answer.len()];
        stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
            && stream.write_all(question.as_bytes()).is_ok()
            && stream.read_exact(&mut heard).is_ok()
            && heard == answer.as_bytes()
    }
}

/// Finds the user and the group that run what root may not run.
fn not_root() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &&str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2);
        Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
    };
    NOT_ROOT.iter().find_map(find)
}

/// Gives ports that nobody listens at now.
fn free_ports() -> std::io::Result<[u16; PORTS]> {
    let mut ports = [0; PORTS];
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_path_is_found_and_nothing_else() {
        assert!(find("cargo").is_some());
        assert!(find("no-such-server-of-dynservers").is_none());
    }

    #[test]
    fn ports_of_one_server_are_several() {
        let ports = free_ports().unwrap();
        for (index, port) in ports.iter().enumerate() {
            assert!(*port > 0 && !ports[index + 1..].contains(port), "{ports:?}");
        }
    }

    #[test]
    fn a_server_that_ends_at_once_is_told_of_with_its_own_words() {
        let service = Service {
            name: "Nothing",
            variable: "DYNSERVERS_TEST_NOTHING",
            binary: "cargo",
            package: "cargo",
            files: |_| Vec::new(),
            processes: |_| vec![Process::new("cargo", &["--no-such-option"])],
            url: |_| String::new(),
            greeting: ("", "."),
        };
        let Err(Failure::Broken(told)) = service.start() else { panic!("it cannot start") };
        assert!(
            told.starts_with("Nothing could not be started") && told.contains("--no-such-option"),
            "{told}"
        );
    }
}
