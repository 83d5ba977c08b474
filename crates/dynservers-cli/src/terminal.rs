//! Terminals: whether there is a person at the other end, and what is safe to show them.

use std::error::Error;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

/// How standard output may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether colours may be used.
    pub(crate) color: bool,
}

impl Style {
    /// No colours: for pipes, files and tests.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { color: false };

    /// Finds out what standard output is.
    pub(crate) fn of_stdout() -> Self {
        Self { color: std::io::stdout().is_terminal() && !no_color() }
    }
}

/// Whether somebody asked for no colours, by <https://no-color.org>.
pub(crate) fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Tells a person something beside the result, on standard error. Nobody may be there to read it.
pub(crate) fn complain(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Gives an error with all that caused it, for errors that leave their causes to be told apart.
pub(crate) fn whole(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Makes text from elsewhere safe to show: names and messages come from providers, and a terminal obeys what it is sent.
pub(crate) fn shown(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_escape_sequence_gets_through() {
        assert_eq!(shown("web\x1b[2J-1\r\n\u{9b}1m"), "web\u{fffd}[2J-1\u{fffd}\u{fffd}\u{fffd}1m");
        assert_eq!(shown("Zürich ✓"), "Zürich ✓");
    }
}
