//! The binary `dynservers`: the daemon, its control API, and the commands that operate it.

mod api;
mod args;
mod commands;
mod config;
mod daemon;
mod emulate;
mod exit;
mod journal;
mod logging;
mod providers;
#[cfg(test)]
mod samples;
mod site;
mod terminal;
mod time;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command, EmulatedCloud};
use commands::Change;
use config::{Configuration, NoConfiguration, Problems, find};
use exit::Exit;
use site::Site;
use terminal::complain;
use thiserror::Error;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let default_level = if matches!(cli.command, Command::Run) { "info" } else { "warn" };
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

/// Does what was said, and gives the code to end with; what went wrong has been told then.
async fn dispatch(cli: Cli) -> Exit {
    if let Command::Emulate { cloud: EmulatedCloud::Upcloud(arguments) } = cli.command {
        return match emulate::run(arguments).await {
            Ok(()) => Exit::Done,
            Err(error) => {
                complain(format_args!("error: {error}"));
                Exit::Failed
            }
        };
    }
    let configuration = match configuration(&cli) {
        Ok(configuration) => configuration,
        Err(problem) => {
            complain(problem);
            return Exit::Usage;
        }
    };
    let site = Site::from(&configuration);
    let change = match cli.command {
        Command::Run => {
            return daemon::run(configuration).await.unwrap_or_else(|error| {
                complain(&error);
                error.exit()
            });
        }
        Command::List { all, json } => {
            return ended(commands::list(&site, all, json).await.map(|()| Exit::Done));
        }
        Command::Status { json } => return ended(commands::status(&site, json).await.map(|()| Exit::Done)),
        Command::Ensure { count, target } => Change::Ensure(count, target),
        Command::Increase { by, target } => Change::Increase(by, target),
        Command::Decrease { by, target } => Change::Decrease(by, target),
        Command::Reboot { target } => Change::Reboot(target),
        Command::Takeover => Change::Takeover,
        Command::Emulate { .. } => return Exit::Usage,
        Command::Resume => Change::Resume,
    };
    ended(change.carry_out(&site).await)
}

/// Why there is no configuration to work by.
#[derive(Debug, Error)]
enum ConfigurationError {
    #[error(transparent)]
    Missing(#[from] NoConfiguration),
    #[error(transparent)]
    Wrong(#[from] Problems),
}

fn configuration(cli: &Cli) -> Result<Configuration, ConfigurationError> {
    Ok(Configuration::load(&find(cli.config.as_deref())?)?)
}

fn ended(result: Result<Exit, commands::CommandError>) -> Exit {
    result.unwrap_or_else(|error| {
        complain(format_args!("error: {error}"));
        error.exit()
    })
}
