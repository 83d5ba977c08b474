//! What the binary `dynservers` does: the daemon, its control API, and the commands that operate it.
//!
//! Nobody but that binary and the fuzz targets has a use for this library: it promises nothing to anybody else.

mod api;
mod args;
mod bytes;
mod check;
mod commands;
mod config;
mod daemon;
mod demo;
mod duration;
mod emulate;
mod exit;
mod explaining;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hooks;
mod init;
mod journal;
mod logging;
mod making;
mod manual;
mod measuring;
mod notify;
mod once;
#[cfg(feature = "other-loops")]
mod other_loops;
mod providers;
mod rehearsal;
mod reload;
#[cfg(test)]
mod samples;
mod schema;
mod simulate;
mod site;
mod terminal;
mod time;
mod workers;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Cloud, Command, FleetCommand};
use commands::Change;
use config::{Configuration, NoConfiguration, Problems, find};
use exit::Exit;
use site::Site;
use terminal::{complain, whole};
use thiserror::Error;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::LocalGuard { directory } = &cli.command {
        return guard(directory);
    }
    let default_level =
        if matches!(cli.command, Command::Fleet(FleetCommand::Run { .. })) { "info" } else { "warn" };
    logging::install(cli.log_format, default_level);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("error: the system refuses threads: {error}"));
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(dispatch(cli));
    // Whoever wants out at once must not wait for a write that hangs.
    runtime.shutdown_background();
    exit.into()
}

/// Becomes the worker of a server on this machine; what is said here goes to that server's log.
fn guard(directory: &Path) -> ExitCode {
    let Err(error) = dynservers_local::guard::run(directory);
    complain(format_args!("error: {}", whole(&error)));
    Exit::Failed.into()
}

/// Does what was said, and gives the code to end with; what went wrong has been told then.
async fn dispatch(cli: Cli) -> Exit {
    match cli.command {
        Command::Fleet(command) => match configuration(cli.config.as_deref(), &command) {
            Ok(configuration) => operate(command, configuration).await,
            Err(problem) => {
                complain(problem);
                Exit::Usage
            }
        },
        Command::Init { provider, dir } => match init::init(provider, &dir) {
            Ok(told) => print(&told),
            Err(error) => {
                complain(&error);
                error.exit()
            }
        },
        Command::Completions { shell } => print(&manual::completions(shell)),
        Command::Man { dir: None } => print(&manual::page()),
        Command::Man { dir: Some(directory) } => match manual::write_pages(&directory) {
            Ok(pages) => print(&format!("{pages} pages written to {}\n", directory.display())),
            Err(error) => {
                complain(format_args!("error: {} cannot be written: {error}", directory.display()));
                Exit::Failed
            }
        },
        Command::Schema => print(schema::TEXT),
        Command::Simulate(wish) => match simulate::simulate(&wish, cli.config.as_deref()) {
            Ok(()) => Exit::Done,
            Err(error) => {
                complain(&error);
                error.exit()
            }
        },
        Command::Demo(args) => demo::run(args).await,
        Command::DemoWorker { place, job_time } => match demo::local::worker::run(place, job_time).await {
            Ok(()) => Exit::Done,
            Err(error) => {
                complain(format_args!("error: {error}"));
                Exit::Failed
            }
        },
        Command::LocalGuard { directory } => {
            complain(format_args!("error: {} is begun before anything else", directory.display()));
            Exit::Usage
        }
        Command::Emulate(Cloud::UpCloud(wishes)) => match emulate::run(*wishes).await {
            Ok(()) => Exit::Done,
            Err(error) => {
                complain(format_args!("error: {}", whole(&error)));
                Exit::Failed
            }
        },
    }
}

async fn operate(command: FleetCommand, mut configuration: Configuration) -> Exit {
    let site = Site::from(&configuration);
    let result = match command {
        FleetCommand::Run {
            once,
            max_wait,
            shadow,
            #[cfg(feature = "other-loops")]
            carrier,
        } => {
            #[cfg(feature = "other-loops")]
            other_loops::choose(carrier);
            configuration.core.shadow = shadow;
            let ended = if once {
                once::run(&configuration, max_wait).await
            } else {
                daemon::run(configuration).await
            };
            return ended.unwrap_or_else(|error| {
                complain(&error);
                error.exit()
            });
        }
        FleetCommand::Check { online, json } => check::check(&configuration, online, json).await,
        FleetCommand::List { all, wide, json } => commands::list(&site, all, wide, json).await,
        FleetCommand::Events { follow, after, name, server_type, limit, json } => {
            let wish = commands::Wish { follow, after, name, server_type, limit, json };
            commands::events(&site, &wish).await
        }
        FleetCommand::Explain { server_type, at, last, json } => {
            commands::explain(&site, &commands::Question { server_type, at, last, json }).await
        }
        FleetCommand::Status { json } => commands::status(&site, json).await,
        FleetCommand::Plan { json } => commands::plan(&configuration, json).await,
        FleetCommand::Ensure { count, target } => Change::Ensure(count, target).carry_out(&site).await,
        FleetCommand::Increase { by, target } => Change::Increase(by, target).carry_out(&site).await,
        FleetCommand::Decrease { by, target } => Change::Decrease(by, target).carry_out(&site).await,
        FleetCommand::Override { words, end, lasting, target } => {
            match commands::overriding(words, end, lasting, target) {
                Ok(change) => change.carry_out(&site).await,
                Err(error) => Err(error),
            }
        }
        FleetCommand::Protect { id, off } => Change::Protect(id, !off).carry_out(&site).await,
        FleetCommand::Unprotect { id } => Change::Protect(id, false).carry_out(&site).await,
        FleetCommand::Pause { outward, inward } => Change::Pause { outward, inward }.carry_out(&site).await,
        FleetCommand::Reboot { at_a_time, target } => {
            Change::Reboot(at_a_time, target).carry_out(&site).await
        }
        FleetCommand::Takeover => Change::Takeover.carry_out(&site).await,
        FleetCommand::Resume { outward, inward, holds } => {
            Change::Resume { outward, inward, holds }.carry_out(&site).await
        }
    };
    result.unwrap_or_else(|error| {
        complain(format_args!("error: {error}"));
        error.exit()
    })
}

/// Writes a result; a reader that has seen enough is no error.
fn print(text: &str) -> Exit {
    match commands::emit(text) {
        Ok(()) => Exit::Done,
        Err(error) => {
            complain(format_args!("error: {error}"));
            error.exit()
        }
    }
}

/// Why there is no configuration to work by.
#[derive(Debug, Error)]
enum ConfigurationError {
    #[error(transparent)]
    Missing(#[from] NoConfiguration),
    #[error(transparent)]
    Wrong(#[from] Problems),
}

fn configuration(named: Option<&Path>, command: &FleetCommand) -> Result<Configuration, ConfigurationError> {
    let path = find(named)?;
    let makes_servers = matches!(command, FleetCommand::Run { .. } | FleetCommand::Plan { .. });
    Ok(if makes_servers { Configuration::load(&path)? } else { Configuration::load_to_speak(&path)? })
}
