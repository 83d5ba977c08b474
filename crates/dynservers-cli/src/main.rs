//! The binary `dynservers`: the daemon, its control API, and the commands that operate it.

mod api;
mod args;
mod bytes;
mod commands;
mod config;
mod daemon;
mod demo;
mod duration;
mod emulate;
mod exit;
mod hooks;
mod journal;
mod logging;
mod measuring;
mod providers;
mod rehearsal;
#[cfg(test)]
mod samples;
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

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::LocalGuard { directory } = &cli.command {
        return guard(directory);
    }
    let default_level =
        if matches!(cli.command, Command::Fleet(FleetCommand::Run)) { "info" } else { "warn" };
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
        Command::Demo => demo::run().await.unwrap_or_else(|error| {
            complain(format_args!("error: {error}"));
            Exit::Failed
        }),
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

async fn operate(command: FleetCommand, configuration: Configuration) -> Exit {
    let site = Site::from(&configuration);
    let result = match command {
        FleetCommand::Run => {
            return daemon::run(configuration).await.unwrap_or_else(|error| {
                complain(&error);
                error.exit()
            });
        }
        FleetCommand::List { all, json } => commands::list(&site, all, json).await,
        FleetCommand::Status { json } => commands::status(&site, json).await,
        FleetCommand::Plan { json } => commands::plan(&configuration, json).await,
        FleetCommand::Ensure { count, target } => Change::Ensure(count, target).carry_out(&site).await,
        FleetCommand::Increase { by, target } => Change::Increase(by, target).carry_out(&site).await,
        FleetCommand::Decrease { by, target } => Change::Decrease(by, target).carry_out(&site).await,
        FleetCommand::Reboot { target } => Change::Reboot(target).carry_out(&site).await,
        FleetCommand::Takeover => Change::Takeover.carry_out(&site).await,
        FleetCommand::Resume => Change::Resume.carry_out(&site).await,
    };
    result.unwrap_or_else(|error| {
        complain(format_args!("error: {error}"));
        error.exit()
    })
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
    let makes_servers = matches!(command, FleetCommand::Run | FleetCommand::Plan { .. });
    Ok(if makes_servers { Configuration::load(&path)? } else { Configuration::load_to_speak(&path)? })
}
