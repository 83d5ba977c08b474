//! Services: the real servers that tests of demand sources speak to, started on free ports and ended with us.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::runner::Failure;

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A kind of server.
struct Service {
    name: &'static str,
    /// Tests find it by this; whoever sets it has one already.
    variable: &'static str,
    binary: &'static str,
    /// Debian's package of it.
    package: &'static str,
    /// What must lie in its directory.
    files: fn(port: u16) -> Vec<(&'static str, String)>,
    command: fn(directory: &Path, port: u16) -> Vec<String>,
    url: fn(port: u16) -> String,
    /// What is said to it, and how its answer begins once it is up.
    greeting: (&'static str, &'static str),
}

const SERVICES: &[Service] = &[
    Service {
        name: "Redis",
        variable: "DYNSERVERS_TEST_REDIS",
        binary: "redis-server",
        package: "redis-server",
        files: |_| Vec::new(),
        command: |directory, port| {
            let (directory, port) = (directory.display().to_string(), port.to_string());
            ["--port", &port, "--bind", "127.0.0.1", "--dir", &directory, "--save", "", "--appendonly", "no"]
                .map(str::to_owned)
                .into()
        },
        url: |port| format!("redis://127.0.0.1:{port}"),
        greeting: ("PING\r\n", "+PONG"),
    },
    Service {
        name: "Prometheus",
        variable: "DYNSERVERS_TEST_PROMETHEUS",
        binary: "prometheus",
        package: "prometheus",
        files: |port| {
            let targets = format!("static_configs: [{{ targets: ['127.0.0.1:{port}'] }}]");
            let text = format!(
                "scrape_configs: [{{ job_name: itself, scrape_interval: 1s, scrape_timeout: 1s, {targets} }}]\n"
            );
            vec![("prometheus.yml", text)]
        },
        command: |directory, port| {
            let directory = directory.display();
            [
                format!("--config.file={directory}/prometheus.yml"),
                format!("--storage.tsdb.path={directory}/data"),
                format!("--web.listen-address=127.0.0.1:{port}"),
            ]
            .into()
        },
        url: |port| format!("http://127.0.0.1:{port}"),
        greeting: ("GET /-/ready HTTP/1.0\r\n\r\n", "HTTP/1.0 200"),
    },
];

/// Servers that run as long as this lives.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// By which variable each is found, and where it is.
    pub(crate) environment: Vec<(&'static str, String)>,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    directory: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, and its directory is the system's to clean up where we cannot.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Services {
    /// Starts every server that nobody named in the environment.
    pub(crate) fn start() -> Result<Self, Failure> {
        let mut services = Self::default();
        for service in SERVICES {
            if let Ok(url) = std::env::var(service.variable) {
                println!("services: {} is at {url}, by {}", service.name, service.variable);
                continue;
            }
            service.install()?;
            let (running, url) = service.start()?;
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
        if is_there(self.binary) {
            return Ok(());
        }
        if is_there("apt-get") {
            println!("services: installing Debian's {}", self.package);
            let install = |arguments: &[&str]| {
                let mut apt = Command::new("apt-get");
                apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
                apt.status().is_ok_and(|status| status.success())
            };
            let package = ["install", "--yes", "--no-install-recommends", self.package];
            if (install(&package) || (install(&["update"]) && install(&package))) && is_there(self.binary) {
                return Ok(());
            }
        }
        Err(Failure::Broken(format!(
            "the tests speak to a real {}: install {} so that {:?} is in the path, or say in {} where one is, as in {}",
            self.name,
            self.package,
            self.binary,
            self.variable,
            (self.url)(6379)
        )))
    }

    fn start(&self) -> Result<(Running, String), Failure> {
        let broken = |what: &str| Failure::Broken(format!("{} could not be started: {what}", self.name));
        let port = free_port().map_err(|error| broken(&error.to_string()))?;
        let directory =
            std::env::temp_dir().join(format!("dynservers-{}-{}-{port}", self.binary, std::process::id()));
        fs::create_dir_all(&directory).map_err(|error| broken(&error.to_string()))?;
        let log = fs::File::create(directory.join("log")).map_err(|error| broken(&error.to_string()))?;
        for (name, text) in (self.files)(port) {
            fs::write(directory.join(name), text).map_err(|error| broken(&error.to_string()))?;
        }
        let errors = log.try_clone().map_err(|error| broken(&error.to_string()))?;
        let child = Command::new(self.binary)
            .args((self.command)(&directory, port))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|error| broken(&error.to_string()))?;
        let mut running = Running { child, directory };
        let begun = Instant::now();
        while !self.answers(port) {
            if matches!(running.child.try_wait(), Ok(Some(_))) || begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(running.directory.join("log")).unwrap_or_default();
                return Err(broken(log.trim()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok((running, (self.url)(port)))
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

fn is_there(binary: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(binary).is_file())
}

/// Gives a port that nobody listens at now.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_path_is_found_and_nothing_else() {
        assert!(is_there("cargo"));
        assert!(!is_there("no-such-server-of-dynservers"));
    }

    #[test]
    fn a_server_that_ends_at_once_is_told_of_with_its_own_words() {
        let service = Service {
            name: "Nothing",
            variable: "DYNSERVERS_TEST_NOTHING",
            binary: "cargo",
            package: "cargo",
            files: |_| Vec::new(),
            command: |_, _| vec!["--no-such-option".to_owned()],
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
