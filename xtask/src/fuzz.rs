//! Fuzzing: every target in a row for so many seconds, and a table of what came of it.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::runner::{Failure, root};

mod story;

use story::Story;

/// How long a target may think about one input, in seconds.
const TIMEOUT: u32 = 20;
/// How many lines of a target's last words are shown.
const LAST_WORDS: usize = 40;

/// What a person asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    time: Duration,
    target: Option<String>,
}

/// Runs every target, or one, for so many seconds each.
pub(crate) fn fuzz(arguments: &[String]) -> Result<(), Failure> {
    let wish = Wish::read(arguments)?;
    let folder = root().join("fuzz");
    let known = targets(&folder)?;
    let chosen: Vec<&String> = match &wish.target {
        None => known.iter().collect(),
        Some(name) => known.iter().filter(|target| *target == name).collect(),
    };
    if chosen.is_empty() {
        let name = wish.target.unwrap_or_default();
        return Err(Failure::Usage(format!("there is no target `{name}`: there are {}", known.join(", "))));
    }
    if !answers(Command::new("cargo").args(["fuzz", "--version"])) {
        let message = "cargo-fuzz is missing; install it: cargo install --locked cargo-fuzz";
        return Err(Failure::Broken(message.to_owned()));
    }
    let toolchain = Toolchain::choose();
    println!("fuzz: {}", toolchain.told());
    let mut stories = Vec::new();
    for target in chosen {
        stories.push(run(toolchain, &folder, target, wish.time)?);
    }
    println!("\n{}\n", story::table(&stories));
    let failed = stories.iter().filter(|story| story.failed()).map(|story| {
        let artifact = story.artifact.clone().unwrap_or_else(|| "INPUT".to_owned());
        format!("run it alone: {} {} {artifact}", toolchain.call().join(" "), story.target)
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Steps(failed)) }
}

impl Wish {
    fn read(arguments: &[String]) -> Result<Self, Failure> {
        let usage =
            || Failure::Usage("`fuzz` takes `--seconds N`, and `--target NAME` for one of them".to_owned());
        let (mut time, mut target) = (None, None);
        for pair in arguments.chunks(2) {
            match pair {
                [option, seconds] if option == "--seconds" => {
                    let seconds = seconds.parse().ok().filter(|seconds| (1..=1_000_000).contains(seconds));
                    time = Some(Duration::from_secs(seconds.ok_or_else(usage)?));
                }
                [option, name] if option == "--target" => target = Some(name.clone()),
                _ => return Err(usage()),
            }
        }
        Ok(Self { time: time.ok_or_else(usage)?, target })
    }
}

/// The compiler that targets are built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Toolchain {
    /// The one that everything is built with: without a sanitizer.
    Stable,
    /// A nightly that has the parts of the address sanitizer.
    Nightly,
}

impl Toolchain {
    fn choose() -> Self {
        let mut rustc = Command::new("rustc");
        let output = rustc.args(["+nightly", "--print", "target-libdir"]).stderr(Stdio::null()).output();
        let libraries = output.ok().filter(|output| output.status.success());
        let libraries = libraries.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        let has_parts = libraries.and_then(|folder| fs::read_dir(folder).ok()).is_some_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_rt.asan"))
        });
        if has_parts && answers(Command::new("cargo").args(["+nightly", "--version"])) {
            Self::Nightly
        } else {
            Self::Stable
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Stable => "no nightly with an address sanitizer: on this toolchain, without a sanitizer",
            Self::Nightly => "on the nightly toolchain, with the address sanitizer",
        }
    }

    /// The words that run a target.
    const fn call(self) -> &'static [&'static str] {
        match self {
            Self::Stable => &["cargo", "fuzz", "run", "--sanitizer", "none"],
            Self::Nightly => &["cargo", "+nightly", "fuzz", "run"],
        }
    }
}

/// Whether a variable is what cargo tells a program of itself, and not how a person has cargo build.
fn is_of_this_program(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|start| name.starts_with(start))
        || matches!(name, "CARGO" | "CARGO_PRIMARY_PACKAGE")
}

/// Whether a program is there and does what it is asked for.
fn answers(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Gives the names of all targets: each has an entry for libFuzzer.
fn targets(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = folder.join("fuzz_targets");
    let broken = |error| Failure::Broken(format!("{} cannot be read: {error}", entries.display()));
    let paths = fs::read_dir(&entries).map_err(broken)?.flatten().map(|entry| entry.path());
    let rust = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut names: Vec<String> =
        rust.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort_unstable();
    Ok(names)
}

/// Runs one target. What it finds goes to a folder of its own beside the corpus, which only a person adds to.
fn run(toolchain: Toolchain, folder: &Path, target: &str, time: Duration) -> Result<Story, Failure> {
    let grown = Path::new("fuzz").join("grown").join(target);
    let broken = |error: std::io::Error| Failure::Broken(format!("{target} cannot be fuzzed: {error}"));
    fs::create_dir_all(root().join(&grown)).map_err(broken)?;
    let (program, words) = toolchain.call().split_first().expect("a call has a program");
    let mut command = Command::new(program);
    command.args(words).arg(target).arg(&grown).arg(Path::new("fuzz").join("corpus").join(target)).arg("--");
    command.arg(format!("-max_total_time={}", time.as_secs()));
    command.args([format!("-timeout={TIMEOUT}").as_str(), "-print_final_stats=1"]);
    let dictionary = folder.join("dictionaries").join(format!("{target}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    // What cargo tells us of this very program would reach build scripts, and have half of everything built anew.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_program(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    println!("$ {target}: {}", toolchain.call().join(" "));
    let mut child = command.current_dir(root()).stderr(Stdio::piped()).spawn().map_err(broken)?;
    let mut story = Story::of(target);
    let mut last_words = VecDeque::new();
    if let Some(errors) = child.stderr.take() {
        for line in BufReader::new(errors).split(b'\n') {
            let line = line.map_err(broken)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            story.read(&line);
            if line.starts_with("   Compiling") {
                println!("{line}");
            }
            last_words.push_back(line);
            if last_words.len() > LAST_WORDS {
                last_words.pop_front();
            }
        }
    }
    story.succeeded = child.wait().map_err(broken)?.success();
    if story.failed() {
        for line in &last_words {
            eprintln!("{line}");
        }
    }
    println!("  {}", story.told());
    Ok(story)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(u64, Option<String>)> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Wish::read(&words).ok().map(|wish| (wish.time.as_secs(), wish.target))
    }

    #[test]
    fn a_time_is_needed_and_a_target_is_not() {
        assert_eq!(read("--seconds 60"), Some((60, None)));
        assert_eq!(read("--target config --seconds 1"), Some((1, Some("config".to_owned()))));
        for wrong in ["", "--seconds", "--seconds 0", "--seconds x", "--target config", "--seconds 1 config"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn how_a_person_has_cargo_build_stays() {
        for (name, is_ours) in [
            ("CARGO_PKG_NAME", true),
            ("CARGO", true),
            ("CARGO_TARGET_DIR", false),
            ("CARGO_BUILD_JOBS", false),
        ] {
            assert_eq!(is_of_this_program(name), is_ours, "{name}");
        }
    }

    #[test]
    fn every_entry_is_a_target() {
        let known = targets(&root().join("fuzz")).unwrap();
        assert!(known.contains(&"config".to_owned()), "{known:?}");
    }
}
