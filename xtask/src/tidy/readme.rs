//! The documentation's commands: each one shown must exist.

use std::collections::BTreeSet;

use super::Finding;
use super::source::File;
use crate::COMMANDS;

/// Finds commands in the code blocks of the documents at the root and in `docs/` that do not exist. `help` is what `dynservers help` prints.
pub(super) fn check(files: &[File], help: &str) -> Vec<Finding> {
    if !files.iter().any(|file| file.path == "README.md") {
        return vec![Finding::new("README.md", 1, "is missing")];
    }
    let daemon = Known::read(help);
    if daemon.commands.is_empty() {
        return vec![Finding::new(
            "README.md",
            1,
            "its commands cannot be checked: `dynservers help` lists none",
        )];
    }
    let xtask = Known {
        commands: COMMANDS.iter().map(|(name, _)| (*name).to_owned()).collect(),
        valued: BTreeSet::new(),
    };
    let is_documentation = |file: &&File| {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        (folder.is_empty() && name.split('.').next_back() == Some("md")) || file.path.starts_with("docs/")
    };
    let documents = files.iter().filter(is_documentation);
    documents.flat_map(|document| unknown(document, &daemon, &xtask)).collect()
}

/// Finds commands of one document that do not exist.
fn unknown(document: &File, daemon: &Known, xtask: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in block_lines(document) {
        for (program, arguments) in calls(line) {
            let known = if program == Program::Daemon { daemon } else { xtask };
            let Some(command) = known.command_of(&arguments) else { continue };
            if !known.commands.contains(command) {
                let names: Vec<&str> = known.commands.iter().map(String::as_str).collect();
                let message =
                    format!("there is no command `{command}`: {} knows {}", program.name(), names.join(", "));
                findings.push(Finding::new(&document.path, number, message));
            }
        }
    }
    findings
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Daemon,
    Xtask,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Daemon => "dynservers",
            Self::Xtask => "cargo xtask",
        }
    }
}

/// What a program knows.
#[derive(Debug, Default)]
struct Known {
    commands: BTreeSet<String>,
    /// Options before the command that take a value, which is then no command.
    valued: BTreeSet<String>,
}

impl Known {
    /// Reads the lists under `Commands:` and `Options:` as clap prints them.
    fn read(help: &str) -> Self {
        let mut known = Self::default();
        let mut heading = "";
        for line in help.lines() {
            let entry = line.strip_prefix("  ").filter(|rest| !rest.starts_with("         "));
            match entry.map(str::trim_start) {
                None if !line.trim().is_empty() && !line.starts_with(' ') => heading = line.trim(),
                Some(entry)
                    if heading == "Commands:" && line.starts_with("  ") && !line.starts_with("   ") =>
                {
                    known.commands.extend(entry.split_whitespace().next().map(str::to_owned));
                }
                Some(entry) if heading.to_lowercase().ends_with("options:") && entry.contains('<') => {
                    let names = entry.split(['<', ' ', ',', '=']).filter(|word| word.starts_with('-'));
                    known.valued.extend(names.map(str::to_owned));
                }
                _ => {}
            }
        }
        known
    }

    /// Finds the command among arguments, past options and their values.
    fn command_of<'a>(&self, arguments: &[&'a str]) -> Option<&'a str> {
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if self.valued.contains(*argument) {
                arguments.next();
            } else if !argument.starts_with('-') {
                return Some(argument);
            }
        }
        None
    }
}

/// Gives the lines of fenced blocks that are commands for a shell or bare.
fn block_lines(readme: &File) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut block: Option<&str> = None;
    for (number, line) in readme.lines() {
        match (line.trim_start().strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language.trim()),
            (Some(_), Some(_)) => block = None,
            (None, Some("" | "sh" | "bash" | "shell" | "console" | "text")) => lines.push((number, line)),
            (None, _) => {}
        }
    }
    lines
}

/// Gives the calls of our programs in a line, each with its arguments.
fn calls(line: &str) -> Vec<(Program, Vec<&str>)> {
    let line = line.split(" #").next().unwrap_or_default();
    let mut found = Vec::new();
    for call in line.split(['|', ';', '&', '(', ')']) {
        let words: Vec<&str> = call.split_whitespace().skip_while(|word| is_prelude(word)).collect();
        match words.as_slice() {
            ["cargo", "xtask", rest @ ..] => found.push((Program::Xtask, rest.to_vec())),
            ["cargo", "run", rest @ ..] => {
                let own = rest.iter().position(|word| *word == "--").map_or(rest.len(), |at| at + 1);
                found.push((Program::Daemon, rest[own..].to_vec()));
            }
            [program, rest @ ..] if *program == "dynservers" || program.ends_with("/dynservers") => {
                found.push((Program::Daemon, rest.to_vec()));
            }
            _ => {}
        }
    }
    found
}

/// Whether a word may stand before a program: a prompt, `sudo`, or a variable.
fn is_prelude(word: &str) -> bool {
    matches!(word, "$" | "#" | "sudo" | "exec") || word.contains('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Keeps servers alive\n\nUsage: dynservers [OPTIONS] <COMMAND>\n\nCommands:\n  run      Runs the daemon\n  \
        ensure   Wants so many\n           and no more\n  emulate  Serves an emulator\n  help     Print this\n\nOptions:\n      \
        --config <FILE>  Reads it\n  -v, --verbose        More\n  -f, --log-format <FORMAT>\n          Format [x]\n";

    fn found(readme: &str) -> Vec<(usize, String)> {
        let findings = check(&[File::new("README.md", readme)], HELP);
        findings.into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn commands_that_exist_pass() {
        let readme = "`dynservers nonsense`\n```sh\n$ cargo run --release -- run\ncargo xtask test -- a\nsudo X=1 \
            ./target/release/dynservers --config a.toml -f json ensure 3 # dynservers nothing\ndynservers --verbose emulate x | \
            cargo run -- help\n```\n```toml\ndynservers nonsense\n```\n";
        assert_eq!(found(readme), []);
    }

    #[test]
    fn commands_that_do_not_exist_are_found_with_their_line() {
        let readme = "# A\n```\ndynservers --config run enshure 3\nls && cargo run --release -- demmo\ncargo xtask tests\n```\n";
        let expected = [
            (3, "there is no command `enshure`: dynservers knows emulate, ensure, help, run"),
            (4, "there is no command `demmo`: dynservers knows emulate, ensure, help, run"),
            (
                5,
                "there is no command `tests`: cargo xtask knows bench, bugs, exhaust, features, fuzz, gate, help, lint, loops, mutants, policies, scratch, services, sim, storm, test, tidy",
            ),
        ];
        assert_eq!(found(readme), expected.map(|(line, message)| (line, message.to_owned())));
    }

    #[test]
    fn other_documents_are_read_too() {
        let text = "```sh\ndynservers demmo\n```\n";
        let files = ["README.md", "B.md", "docs/a.md", "crates/a.md"].map(|path| File::new(path, text));
        let found: Vec<_> = check(&files, HELP).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["README.md", "B.md", "docs/a.md"]);
    }

    #[test]
    fn what_cannot_be_checked_is_said() {
        assert_eq!(check(&[], HELP).len(), 1);
        assert_eq!(check(&[File::new("README.md", "")], "").len(), 1);
    }
}
