//! Everything that a person runs on this repository: `cargo xtask help` lists it.

mod bugs;
mod commands;
mod exhaust;
mod fuzz;
mod mutants;
mod runner;
mod services;
mod tally;
mod tidy;
mod whole;

use std::process::ExitCode;

use runner::Failure;

/// What can be run, with a line for `help`. README's commands are checked against it.
const COMMANDS: &[(&str, &str)] = &[
    ("lint", "format, clippy and docs with warnings denied on all targets and features, then tidy"),
    ("tidy", "what a person would have to remember: file lengths, walls between crates, README's commands"),
    (
        "test",
        "build the daemon, then run every test and documentation example; further arguments go to cargo test",
    ),
    (
        "services",
        "start the real servers that tests speak to, as `test` does by itself, and keep them until the input ends",
    ),
    (
        "storm",
        "kill the daemon at drawn moments of local servers, --rounds N times (200), and look for what is left",
    ),
    (
        "bench",
        "measure the core, the store and the loops against the budget; --quick for small sizes; names of parts for those",
    ),
    (
        "sim",
        "tell --seeds N drawn stories (1000) from --seed S on, to the --world core or upcloud: the laws must hold",
    ),
    (
        "bugs",
        "put one known bug at a time into a copy of the code: the simulation must find it; names for those alone",
    ),
    (
        "exhaust",
        "check every run of small worlds; --knockouts: that each safeguard is missed when it is left out",
    ),
    (
        "fuzz",
        "let libFuzzer loose on every target for --seconds N, or on one: --target NAME; needs cargo-fuzz",
    ),
    (
        "policies",
        "ours by default against models of other policies, on traces of a day: none may be better; --write for the docs",
    ),
    ("loops", "every test about the cloud on the loops that the daemon is not shipped with"),
    ("features", "every feature alone: checked in all packages, tested in the library; needs cargo-hack"),
    (
        "mutants",
        "change the core in one small way at a time, in FILE... or all of it: some test must notice; needs cargo-mutants",
    ),
    ("scratch", "build programs outside of the workspace that use the library, and run them"),
    ("gate", "what a release needs: lint, test, features, loops, scratch, storm"),
    ("help", "this list"),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = arguments.collect();
    let done = match (command.as_str(), rest.as_slice()) {
        ("test", rest) => commands::test(rest),
        ("services", []) => services::hold(),
        ("storm", []) => commands::storm("200"),
        ("storm", [option, rounds]) if option == "--rounds" => commands::storm(rounds),
        ("storm", _) => Err(Failure::Usage("`storm` takes `--rounds N` and nothing else".to_owned())),
        ("bench", rest) => commands::bench(rest),
        ("sim", rest) => commands::sim(rest),
        ("policies", rest) => commands::policies(rest),
        ("bugs", names) => bugs::all_are_found(names),
        ("exhaust", []) => exhaust::check(),
        ("exhaust", [option]) if option == "--knockouts" => exhaust::knockouts(),
        ("exhaust", _) => Err(Failure::Usage("`exhaust` takes `--knockouts` and nothing else".to_owned())),
        ("fuzz", rest) => fuzz::fuzz(rest),
        ("lint", []) => commands::lint(),
        ("tidy", []) => commands::tidy(),
        ("loops", []) => whole::loops(),
        ("features", []) => whole::features(),
        ("mutants", files) => mutants::run(files),
        ("scratch", []) => whole::scratch(),
        ("gate", []) => whole::gate(),
        ("help" | "--help" | "-h", []) => {
            print!("{}", help());
            Ok(())
        }
        ("lint" | "tidy" | "loops" | "features" | "scratch" | "gate" | "help", _) => {
            Err(Failure::Usage(format!("`{command}` takes no arguments")))
        }
        _ => Err(Failure::Usage(format!("there is no command `{command}`"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            if matches!(failure, Failure::Usage(_)) {
                eprint!("\n{}", help());
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let lines: Vec<String> = COMMANDS.iter().map(|(name, what)| format!("  {name:<8} {what}\n")).collect();
    format!("Usage: cargo xtask COMMAND\n\nCommands:\n{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_command() {
        let help = help();
        for (name, what) in COMMANDS {
            assert!(help.contains(&format!("  {name}")) && help.contains(what), "{name}");
        }
    }
}
