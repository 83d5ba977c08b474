//! Logs: on standard error, so that standard output carries results alone.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;
use crate::terminal::no_color;

/// Installs the process's logger. `RUST_LOG` says what is logged; `default` stands in while it is not set.
///
/// A `RUST_LOG` that cannot be read counts as not set, and is reported as the first line of the log.
pub(crate) fn install(format: LogFormat, default: &str) {
    let (filter, broken) = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(wish) if !wish.is_empty() => match EnvFilter::try_new(&wish) {
            Ok(filter) => (filter, None),
            Err(error) => (EnvFilter::new(default), Some(error)),
        },
        _ => (EnvFilter::new(default), None),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second logger in one process is impossible here: this is called once, by `main`.
    let installed = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal() && !no_color()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    if installed.is_ok()
        && let Some(error) = broken
    {
        tracing::warn!(%error, default, "RUST_LOG cannot be read");
    }
}
