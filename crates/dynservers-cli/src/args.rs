//! The command line: what can be said, and how.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use dynservers_core::{ServerId, TypeName};
use jiff::Timestamp;

use crate::duration;
use crate::emulate::EmulateArgs;
use crate::simulate::SimulateArgs;

/// Keeps the right number of cloud servers alive.
#[derive(Debug, Parser)]
#[command(name = "dynservers", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// The configuration; else ./dynservers.toml, else /etc/dynservers/dynservers.toml
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "DYNSERVERS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// How logs are written.
    #[arg(help = LOG_FORMAT_HELP, long, global = true, help_heading = GLOBAL, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The hidden command by which a server on this machine begins.
pub(crate) const LOCAL_GUARD: &str = "local-guard";

const LOG_FORMAT_HELP: &str = "How to write logs to standard error; RUST_LOG says which";

const GLOBAL: &str = "Global options";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 no daemon to talk to, 4 timed out";

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Something with the fleet of a configuration.
    #[command(flatten)]
    Fleet(FleetCommand),
    /// Serve a cloud that exists on this machine only, to try things and to test against
    #[command(subcommand)]
    Emulate(Cloud),
    /// Show within a minute that no work is lost: files are worked off while a worker and the daemon are killed
    ///
    /// Servers on this machine hash and compress real files, as many servers as the jobs ask for. Needs no
    /// configuration, writes to a temporary directory only, and leaves nothing behind.
    Demo(DemoArgs),
    /// Forecast what a policy makes of a day of jobs: waits, servers, cost, with a plot
    ///
    /// Runs the policy, the machine and a cloud in memory in virtual time. Nothing is asked of a provider or a daemon.
    Simulate(Box<SimulateArgs>),
    /// Become the worker of a server on this machine
    #[command(name = LOCAL_GUARD, hide = true)]
    LocalGuard {
        /// The directory of the server
        directory: PathBuf,
    },
    /// Write a first configuration that works as it is, with a sample worker
    ///
    /// Nothing that is there already is changed: then nothing at all is written.
    #[command(display_order = 0)]
    Init {
        /// Where the servers are to be
        #[arg(long, value_enum, default_value_t = Home::Local, value_name = "KIND")]
        provider: Home,
        /// The directory to write to
        #[arg(long, default_value = ".", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Print the script that completes commands in a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page, or write one for each command
    Man {
        /// Write dynservers.1, dynservers-run.1 and so on to this directory instead
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Print the JSON schema of the configuration file, for editors
    Schema,
    /// Work on the demo's jobs: what runs on its servers
    #[command(hide = true)]
    DemoWorker {
        /// The demo's directory.
        place: PathBuf,
        /// How long a job takes at least.
        #[arg(value_parser = duration::parse)]
        job_time: Duration,
    },
}

/// Where the servers of a first configuration are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Home {
    /// On this machine: no account, no network
    Local,
    /// At UpCloud
    #[value(name = "upcloud")]
    UpCloud,
}

/// What the demo shows.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Take the files below this directory as jobs; else those below the current one
    #[arg(long, value_name = "DIR", conflicts_with = "upcloud")]
    pub(crate) jobs: Option<PathBuf>,
    /// Show instead that nothing leaks: a faulty emulated UpCloud, a killed daemon, and a naive loop beside it
    #[arg(long)]
    pub(crate) upcloud: bool,
}

/// What can be emulated.
#[derive(Debug, Subcommand)]
pub(crate) enum Cloud {
    /// The UpCloud API 1.3: stateful, strict, and faulty on demand
    #[command(name = "upcloud")]
    UpCloud(Box<EmulateArgs>),
}

/// What can be done with a fleet.
#[derive(Debug, Subcommand)]
pub(crate) enum FleetCommand {
    /// Run the daemon: keep the servers as they should be until told to stop
    ///
    /// SIGTERM or Ctrl-C ends it: nothing new is begun, what is under way is recorded, and the servers stay. A second
    /// Ctrl-C ends it at once. SIGHUP has it read its configuration again, and keep the one before if that is wrong.
    Run {
        /// End once the servers are as they should be: for cron, without the control API
        #[arg(long)]
        once: bool,
        /// How long that may take, such as "90s" or "10m"; exit code 4 if it is not enough
        #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse, requires = "once")]
        max_wait: Duration,
        /// Only watch: measure, decide and record what would be done, and change nothing
        ///
        /// For the first days beside an existing system: `explain` then says what would have been done.
        #[arg(long, conflicts_with = "once")]
        shadow: bool,
        /// By what the fleet is carried: for the end-to-end tests.
        #[cfg(feature = "other-loops")]
        #[arg(long = "loop", hide = true, env = "DYNSERVERS_TEST_LOOP", value_enum, default_value_t)]
        carrier: crate::other_loops::Loop,
    },
    /// Check the configuration, and the files and the ledger that it names
    ///
    /// Exit code 1 if anything would not work. Changes nothing, and works beside a running daemon.
    Check {
        /// Also ask the providers: credentials, zone, plan, snapshot, limits and prices
        #[arg(long)]
        online: bool,
        /// Write JSON: one object
        #[arg(long)]
        json: bool,
    },
    /// Set how many servers there should be
    Ensure {
        /// How many, within the type's min and max
        #[arg(value_name = "N", value_parser = count, allow_negative_numbers = true)]
        count: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Want more servers
    Increase {
        /// How many more
        #[arg(value_name = "N", value_parser = count, default_value_t = 1, allow_negative_numbers = true)]
        by: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Want fewer servers
    Decrease {
        /// How many fewer
        #[arg(value_name = "N", value_parser = count, default_value_t = 1, allow_negative_numbers = true)]
        by: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Set the number of a type whose sources decide otherwise, or give it back to them
    Override {
        /// How many; the type may stand before it
        #[arg(value_name = "[TYPE] N", num_args = 0..=2, allow_negative_numbers = true)]
        words: Vec<String>,
        /// Let the sources decide again
        #[arg(long)]
        end: bool,
        /// For how long, such as "2h"; else until it is ended
        #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, conflicts_with = "end")]
        lasting: Option<Duration>,
        #[command(flatten)]
        target: Target,
    },
    /// Keep a server from being chosen to go
    Protect {
        /// Its number, as `list` shows it
        #[arg(value_name = "ID", value_parser = server)]
        id: ServerId,
        /// End the protection, as `unprotect` does
        #[arg(long)]
        off: bool,
    },
    /// Let a server be chosen to go again
    Unprotect {
        /// Its number, as `list` shows it
        #[arg(value_name = "ID", value_parser = server)]
        id: ServerId,
    },
    /// Make no servers, and choose none to go, until `resume`
    ///
    /// Without options both. What is under way goes on.
    Pause {
        /// Make no servers
        #[arg(long = "out")]
        outward: bool,
        /// Choose none to go
        #[arg(long = "in")]
        inward: bool,
    },
    /// Reboot every server of a type
    Reboot {
        /// How many may be down at a time; else all
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        at_a_time: Option<u32>,
        #[command(flatten)]
        target: Target,
    },
    /// Show the servers
    ///
    /// Asks the daemon; while it is down, reads the store as the daemon left it.
    List {
        /// Also those that were deleted of late
        #[arg(long)]
        all: bool,
        /// Show every column, however wide the table becomes
        #[arg(long)]
        wide: bool,
        /// Write JSON: an array of objects
        #[arg(long)]
        json: bool,
    },
    /// Show how many servers there are and should be, and what is wrong
    ///
    /// Asks the daemon; while it is down, reads the store as the daemon left it.
    Status {
        /// Write JSON: one object
        #[arg(long)]
        json: bool,
    },
    /// Show what happened
    ///
    /// Asks the daemon; while it is down, reads the store as the daemon left it.
    Events {
        /// Go on with what happens from now on, until Ctrl-C; also while the daemon is started again
        #[arg(long)]
        follow: bool,
        /// Begin after the event of this number
        #[arg(long, value_name = "ID")]
        after: Option<u64>,
        /// Only events of this name, such as "running" or "errored"
        #[arg(long = "event", value_name = "NAME")]
        name: Option<String>,
        /// Only events of this server type
        #[arg(long = "type", value_name = "TYPE")]
        server_type: Option<TypeName>,
        /// How many: the last ones, or with --after the next ones [default: 50]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: Option<u32>,
        /// Write JSON: one object a line
        #[arg(long)]
        json: bool,
    },
    /// Explain why there are as many servers as there are: what was measured, what came of it, and what is done
    ///
    /// Of types with sources, of which every decision is kept for a week. Asks the daemon; while it is down, reads the
    /// store as the daemon left it.
    Explain {
        /// Only decisions about this server type
        #[arg(long = "type", value_name = "TYPE")]
        server_type: Option<TypeName>,
        /// The decision that held at this moment, such as 2026-01-31T23:59:00Z
        #[arg(long, value_name = "TIME", conflicts_with = "last")]
        at: Option<Timestamp>,
        /// The last so many decisions
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        last: u32,
        /// Write JSON: one object a line
        #[arg(long)]
        json: bool,
    },
    /// Show what would be done now, and why, and do none of it
    ///
    /// Takes one look at the provider. Works beside a running daemon and without one.
    Plan {
        /// Write JSON: one object
        #[arg(long)]
        json: bool,
    },
    /// Take over the servers that other owners made for this fleet
    ///
    /// They are held, counted and not touched until then. For a ledger that was lost, or a host that was replaced: be
    /// sure that no other daemon keeps them.
    Takeover,
    /// End what stands still: the pauses if there are any, else the holds
    ///
    /// To end a hold is to accept what is seen at the provider now: see first what happened.
    Resume {
        /// Make servers again
        #[arg(long = "out")]
        outward: bool,
        /// Choose servers to go again
        #[arg(long = "in")]
        inward: bool,
        /// End the holds
        #[arg(long)]
        holds: bool,
    },
}

/// Which servers, and whether to wait for them.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The server type; may be left out if there is only one
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) server_type: Option<TypeName>,
    /// Wait until the servers that should be there run and nothing is under way
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait, such as "90s" or "10m"
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse, requires = "wait")]
    pub(crate) timeout: Duration,
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("a number of servers is a whole number from 0 to {}", u32::MAX))
}

fn server(text: &str) -> Result<ServerId, String> {
    text.parse()
        .map(ServerId)
        .map_err(|_| "the number of a server is a whole number, as `list` shows it".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn refusal(arguments: &[&str]) -> String {
        let error = Cli::try_parse_from([&["dynservers"], arguments].concat()).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_stable() {
        // The environment must not show in it.
        let mut command = Cli::command().mut_arg("config", |arg| arg.hide_env(true)).term_width(100);
        command.build();
        let mut help = command.render_help().to_string();
        for name in [
            "init",
            "check",
            "run",
            "ensure",
            "increase",
            "decrease",
            "override",
            "protect",
            "unprotect",
            "pause",
            "resume",
            "reboot",
            "list",
            "status",
            "events",
            "plan",
            "simulate",
            "takeover",
            "completions",
            "man",
            "schema",
            "emulate",
            "demo",
        ] {
            let subcommand = command.find_subcommand_mut(name).unwrap();
            help.push_str("\n==============\n");
            help.push_str(&subcommand.clone().term_width(100).render_help().to_string());
        }
        insta::assert_snapshot!(help);
    }

    #[test]
    fn bad_usage_is_told() {
        let refusals = [
            refusal(&["ensure", "-3"]),
            refusal(&["ensure"]),
            refusal(&["ensure", "many"]),
            refusal(&["ensure", "4294967296"]),
            refusal(&["increase", "-1"]),
            refusal(&["decrease", "1.5"]),
            refusal(&["ensure", "3", "--wait", "--timeout", "soon"]),
            refusal(&["ensure", "3", "--timeout", "5m"]),
            refusal(&["ensure", "3", "--type", "Web Server"]),
            refusal(&["list", "--log-format", "xml"]),
            refusal(&["run", "--max-wait", "1m"]),
            refusal(&["protect", "web"]),
            refusal(&["reboot", "--at-a-time", "0"]),
            refusal(&["override", "--end", "--for", "2h"]),
            refusal(&["init", "--provider", "moon"]),
            refusal(&["completions", "notepad"]),
            refusal(&["demo", "--upcloud", "--jobs", "."]),
            refusal(&["explode"]),
        ];
        insta::assert_snapshot!(refusals.join("--------------\n"));
    }

    #[test]
    fn what_is_left_out_has_a_sensible_value() {
        let Command::Fleet(FleetCommand::Increase { by, target }) =
            Cli::try_parse_from(["dynservers", "increase"]).unwrap().command
        else {
            panic!("another command");
        };
        assert_eq!((by, target.wait, target.timeout), (1, false, Duration::from_secs(600)));
        assert_eq!(target.server_type, None);
    }
}
