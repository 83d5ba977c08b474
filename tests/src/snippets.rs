//! Snippets of the documentation, and what it takes to run them.

use std::net::TcpListener;
use std::path::Path;

/// Gives the snippets of a language in a document, in order.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn snippets(document: &str, language: &str) -> Vec<String> {
    let mut snippets = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if line.strip_prefix("```") == Some(language) {
            let snippet: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            snippets.push(snippet.join("\n"));
        }
    }
    assert!(!snippets.is_empty(), "there is {language} in the documentation");
    snippets
}

/// Whether a program is on the path.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file())
}

/// Gives a port of this machine that nobody listens on just now.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a port");
    listener.local_addr().expect("it has an address").port()
}
