//! The manual: what a shell and `man` are told of the command line, made from its definition.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;

const NAME: &str = "dynservers";

/// Gives the script that completes commands in a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Gives the page of the whole command.
pub(crate) fn page() -> String {
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = Man::new(Cli::command()).render(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

/// Writes one page for each command, and gives how many.
pub(crate) fn write_pages(directory: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(directory)?;
    let mut command = Cli::command();
    command.build();
    write(&command, NAME, directory)
}

fn write(command: &Command, name: &str, directory: &Path) -> io::Result<usize> {
    let mut page = Vec::new();
    Man::new(command.clone()).title(name).render(&mut page)?;
    std::fs::write(directory.join(format!("{name}.1")), page)?;
    let mut pages = 1;
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        pages += write(subcommand, &format!("{name}-{}", subcommand.get_name()), directory)?;
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in Shell::value_variants() {
            let script = completions(*shell);
            for command in ["ensure", "takeover", "unprotect"] {
                assert!(script.contains(command), "{shell}: {command}");
            }
        }
    }

    #[test]
    fn there_is_a_page_for_each_command() {
        let directory = tempfile::tempdir().unwrap();
        let pages = write_pages(directory.path()).unwrap();
        let text = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert!(text("dynservers-ensure.1").contains("how many servers there should be"));
        assert!(text("dynservers-emulate-upcloud.1").contains(".TH"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), pages);
        assert!(page().contains("Exit codes: 0 done"));
    }
}
