//! Logs: on standard error, so that standard output carries results alone.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

use crate::args::LogFormat;
use crate::terminal::no_color;

/// Who writes down every byte that it sends, secrets included, and can be told otherwise in no other way.
const TOO_FRANK: &str = "ureq_proto::util=warn";

/// Installs the process's logger. `RUST_LOG` says what is logged; `default` stands in while it is not set. Secrets stay out
/// of it even where everything is asked for.
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
    let quiet: Directive = TOO_FRANK.parse().expect("it is a target and a level");
    let filter = filter.add_directive(quiet);
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
