//! Which servers there are: how each is found, started, reached and ended.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Process, Service, Site};

pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "Redis",
        variable: "DYNSERVERS_TEST_REDIS",
        binary: "redis-server",
        package: "redis-server",
        files: |_| Vec::new(),
        processes: |site| {
            let (directory, port) = (site.directory.display().to_string(), site.port().to_string());
            let arguments = [
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--dir",
                &directory,
                "--save",
                "",
                "--appendonly",
                "no",
            ];
            vec![Process::new("redis-server", &arguments)]
        },
        url: |site| format!("redis://127.0.0.1:{}", site.port()),
        greeting: ("PING\r\n", "+PONG"),
    },
    Service {
        name: "Prometheus",
        variable: "DYNSERVERS_TEST_PROMETHEUS",
        binary: "prometheus",
        package: "prometheus",
        files: |site| {
            let targets = format!("static_configs: [{{ targets: ['127.0.0.1:{}'] }}]", site.port());
            let text = format!(
                "scrape_configs: [{{ job_name: itself, scrape_interval: 1s, scrape_timeout: 1s, {targets} }}]\n"
            );
            vec![("prometheus.yml", text)]
        },
        processes: |site| {
            let (directory, port) = (site.directory.display(), site.port());
            let arguments = [
                format!("--config.file={directory}/prometheus.yml"),
                format!("--storage.tsdb.path={directory}/data"),
                format!("--web.listen-address=127.0.0.1:{port}"),
            ];
            vec![Process::new("prometheus", &arguments)]
        },
        url: |site| format!("http://127.0.0.1:{}", site.port()),
        greeting: ("GET /-/ready HTTP/1.0\r\n\r\n", "HTTP/1.0 200"),
    },
    Service {
        name: "PostgreSQL",
        variable: "DYNSERVERS_TEST_POSTGRES",
        binary: "postgres",
        package: "postgresql",
        files: |_| vec![("password", "secret-of-postgres\n".to_owned())],
        processes: |site| {
            let (directory, port) = (site.directory.display(), site.port());
            let data = format!("{directory}/data");
            let password = format!("--pwfile={directory}/password");
            let make = [
                "-D",
                &data,
                "--username=postgres",
                "--auth=scram-sha-256",
                &password,
                "--no-sync",
                "--no-locale",
                "--encoding=UTF8",
            ];
            let (port, sockets) = (format!("port={port}"), format!("unix_socket_directories={directory}"));
            let run = [
                "-D",
                &data,
                "-c",
                &port,
                "-c",
                &sockets,
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "fsync=off",
            ];
            vec![
                Process { ends: true, ..Process::new("initdb", &make).never_as_root() },
                // Killed, it would leave its shared memory behind; this has it end at once and take that with it.
                Process { quits: true, ..Process::new("postgres", &run).never_as_root() },
            ]
        },
        url: |site| format!("postgres://postgres:secret-of-postgres@127.0.0.1:{}/postgres", site.port()),
        // A client that says who it is, and is asked for its password.
        greeting: ("\0\0\0\u{17}\0\u{3}\0\0user\0postgres\0\0", "R"),
    },
    Service {
        name: "RabbitMQ",
        variable: "DYNSERVERS_TEST_RABBITMQ",
        binary: "rabbitmq-server",
        package: "rabbitmq-server",
        files: |site| {
            let mut text = format!(
                "management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {}\nlisteners.tcp.1 = 127.0.0.1:{}\n",
                site.ports[0], site.ports[1],
            );
            // Tests wait for its numbers, which are otherwise taken every 5 seconds.
            text.push_str("collect_statistics_interval = 500\n");
            for level in ["global", "basic", "detailed"] {
                let _ = writeln!(text, "management.sample_retention_policies.{level}.minute = 1");
            }
            vec![
                ("rabbitmq.conf", text),
                ("enabled_plugins", "[rabbitmq_management].\n".to_owned()),
                ("environment", String::new()),
            ]
        },
        processes: |site| {
            let directory = site.directory.display();
            let [_, _, epmd, nodes] = site.ports.map(|port| port.to_string());
            let variables = [
                ("HOME", format!("{directory}")),
                ("RABBITMQ_NODENAME", format!("dynservers{nodes}@localhost")),
                ("RABBITMQ_DIST_PORT", nodes.clone()),
                ("RABBITMQ_CONF_ENV_FILE", format!("{directory}/environment")),
                ("RABBITMQ_CONFIG_FILE", format!("{directory}/rabbitmq")),
                ("RABBITMQ_ENABLED_PLUGINS_FILE", format!("{directory}/enabled_plugins")),
                ("RABBITMQ_MNESIA_BASE", format!("{directory}/data")),
                ("RABBITMQ_LOG_BASE", format!("{directory}/logs")),
                ("RABBITMQ_LOGS", "-".to_owned()),
                (
                    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                    "-kernel inet_dist_use_interface {127,0,0,1}".to_owned(),
                ),
                ("ERL_EPMD_PORT", epmd.clone()),
                ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
                // So the script becomes the server, and does not wait beside it, where it would be killed alone.
                ("RUNNING_UNDER_SYSTEMD", "1".to_owned()),
            ];
            let mut server = Process::new::<&str>("rabbitmq-server", &[]);
            server.variables = variables.into();
            // Erlang's register of names: one of our own, which ends with us, and not the machine's.
            vec![Process::new("epmd", &["-address", "127.0.0.1", "-port", &epmd]), server]
        },
        url: |site| format!("http://guest:guest@127.0.0.1:{}", site.port()),
        greeting: (
            "GET /api/overview HTTP/1.0\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n",
            "HTTP/1.1 200",
        ),
    },
];

/// Where packages keep what is not for everybody's path; the first that has it is taken.
const ELSEWHERE: [&str; 2] = ["/usr/lib/postgresql", "/usr/lib/rabbitmq"];

/// Finds a program: where its package keeps it, else in the path. Debian's `rabbitmq-server` in the path is for its own user.
pub(super) fn find(binary: &str) -> Option<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    for place in ELSEWHERE {
        directories.push(Path::new(place).join("bin"));
        let versions = std::fs::read_dir(place).into_iter().flatten().flatten();
        let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
        versions.sort();
        directories.extend(versions.into_iter().rev());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    directories.extend(std::env::split_paths(&path));
    directories.into_iter().map(|directory| directory.join(binary)).find(|file| file.is_file())
}

impl Site {
    /// The port that the tests are told of.
    const fn port(&self) -> u16 {
        self.ports[0]
    }
}
