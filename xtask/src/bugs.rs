//! Known bugs: each is put into a copy of the code, where the simulation must find it. A proof that finds no bug proves little.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::runner::{Failure, root};

/// A bug: what it is, and which words of the code it changes.
struct Bug {
    name: &'static str,
    file: &'static str,
    find: &'static str,
    replace: &'static str,
    world: &'static str,
}

/// Within so many seeds each bug must be found.
const SEEDS: u32 = 2_000;

/// What the copy is made of: everything that the workspace needs to be one.
const COPIED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "MIGRATING.md",
    "PROVIDERS.md",
    "crates",
    "fuzz",
    "proof",
    "tests",
    "xtask",
];

const BUGS: &[Bug] = &[
    Bug {
        name: "no-wait-after-a-lost-reply",
        file: "crates/dynservers-core/src/plan.rs",
        find: "Phase::Uncertain => (2, attempt.not_after + terms.provider.list_lag + Duration::from_millis(1)),",
        replace: "Phase::Uncertain => (0, Time::ZERO),",
        world: "core",
    },
    Bug {
        name: "server-error-taken-for-gone",
        file: "crates/dynservers-upcloud/src/errors.rs",
        find: "        408 => Meaning::Lost,",
        replace: "        500..=599 => Meaning::Absent,\n        408 => Meaning::Lost,",
        world: "upcloud",
    },
    Bug {
        name: "intent-written-late",
        file: "crates/dynservers-core/src/gate.rs",
        find: "        self.waiting.push_back((Seq(self.last.0 + 1), output));",
        replace: "        self.ready.push_back(output);",
        world: "core",
    },
    Bug {
        name: "label-not-checked",
        file: "crates/dynservers-core/src/sight.rs",
        find: "            && observed.labels.owner.as_ref().is_some_and(is_our_owner)",
        replace: "            && observed.labels.owner.as_ref().is_none_or(|owner| is_our_owner(owner) || true)",
        world: "core",
    },
    Bug {
        name: "limit-of-the-type-off-by-one",
        file: "crates/dynservers-core/src/issue.rs",
        find: "        if ceiling >= config.max {",
        replace: "        if ceiling > config.max {",
        world: "core",
    },
    Bug {
        name: "limit-of-the-account-off-by-one",
        file: "crates/dynservers-core/src/account.rs",
        find: "        limit.saturating_sub(total + uncounted)",
        replace: "        (limit + 1).saturating_sub(total + uncounted)",
        world: "core",
    },
    Bug {
        name: "deadline-without-an-exit",
        file: "crates/dynservers-core/src/plan.rs",
        find: "        (Class::Failed, FailedPolicy::Delete) => turn_at(kept_until, Turn::Doomed, terms),",
        replace: "        (Class::Failed, FailedPolicy::Delete) => Verdict::Rest(None),",
        world: "core",
    },
    Bug {
        name: "backoff-reset-on-error",
        file: "crates/dynservers-core/src/creation.rs",
        find: "                before => backoff::CREATE.after(before, now),",
        replace: "                _ => backoff::CREATE.after(None, now),",
        world: "core",
    },
    Bug {
        name: "page-shortfall-accepted",
        file: "crates/dynservers-core/src/provider.rs",
        find: "        self.total.is_some_and(|total| total > self.shown)",
        replace: "        self.total.is_some_and(|total| total > self.shown) && false",
        world: "core",
    },
    Bug {
        name: "late-success-dropped",
        file: "crates/dynservers-core/src/adopt.rs",
        find: "        let id = observed.labels.token.and_then(|token| self.ledger.by_token(token));",
        replace: "        let id = observed.labels.token.filter(|_| false).and_then(|token| self.ledger.by_token(token));",
        world: "core",
    },
    Bug {
        name: "orphan-deleted-without-grace",
        file: "crates/dynservers-core/src/adopt.rs",
        find: "self.provider_config(name).map(|config| config.request_timeout + config.list_lag).unwrap_or_default()",
        replace: "self.provider_config(name).map(|config| config.list_lag - config.list_lag).unwrap_or_default()",
        world: "core",
    },
    Bug {
        name: "hanging-dropped-from-the-ceiling",
        file: "crates/dynservers-core/src/index.rs",
        find: "        let exists = record.may_exist();",
        replace: "        let exists = record.may_exist() && record.status != Status::Hanging;",
        world: "core",
    },
    Bug {
        name: "account-not-confirmed",
        file: "crates/dynservers-core/src/missing.rs",
        find: "        if !live.absent.is_empty() && live.confirmed < Some(live.absent_at) {",
        replace: "        if live.absent.len() > usize::MAX - 1 {",
        world: "core",
    },
    Bug {
        name: "drain-not-waited-for",
        file: "crates/dynservers-core/src/drain.rs",
        find: "removal.drain = Some(Drain { since: now, deadline: now + config.deadline, done: false });",
        replace: "removal.drain = Some(Drain { since: now, deadline: now + config.deadline, done: true });",
        world: "core",
    },
    Bug {
        name: "repeated-command-done-twice",
        file: "crates/dynservers-core/src/ledger.rs",
        find: "        self.commands.get(id)\n",
        replace: "        self.commands.get(id).filter(|_| false)\n",
        world: "core",
    },
];

/// Puts in one bug after the other, and demands that each is found.
pub(crate) fn all_are_found(names: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = names.iter().find(|name| BUGS.iter().all(|bug| bug.name != name.as_str())) {
        let known: Vec<&str> = BUGS.iter().map(|bug| bug.name).collect();
        return Err(Failure::Usage(format!("there is no bug {unknown:?}: there are {}", known.join(", "))));
    }
    let tree = target().join("bugs").join("tree");
    let (mut lines, mut failed) = (Vec::new(), Vec::new());
    for bug in BUGS.iter().filter(|bug| names.is_empty() || names.iter().any(|name| name == bug.name)) {
        let begun = Instant::now();
        println!("$ sim with {}", bug.name);
        copy_all(&tree)?;
        bug.put_into(&tree)?;
        let told = bug.look_for(&tree)?;
        let found = told.clone().unwrap_or_else(|| format!("NOT FOUND in {SEEDS} seeds"));
        lines.push(format!("  {:<34} {:>4} s  {found}", bug.name, begun.elapsed().as_secs()));
        if told.is_none() {
            failed.push(format!("{}: nobody found it", bug.name));
        }
    }
    println!("\n{}", lines.join("\n"));
    if failed.is_empty() { Ok(()) } else { Err(Failure::Steps(failed)) }
}

impl Bug {
    fn put_into(&self, tree: &Path) -> Result<(), Failure> {
        let path = tree.join(self.file);
        let text = fs::read_to_string(&path).map_err(|error| broken(&path, &error))?;
        fs::write(&path, text.replacen(self.find, self.replace, 1)).map_err(|error| broken(&path, &error))
    }

    /// Gives what found it: the law that it breaks and the seed, or the rare path that it keeps every story from.
    fn look_for(&self, tree: &Path) -> Result<Option<String>, Failure> {
        let mut sim = Command::new("cargo");
        sim.args(["run", "--release", "--quiet", "--package", "dynservers-proof", "--bin", "sim", "--"])
            .args(["--seeds", &SEEDS.to_string(), "--world", self.world])
            .current_dir(tree)
            .env("CARGO_TARGET_DIR", target().join("bugs").join("build"))
            // What is broken on purpose may warn.
            .env("RUSTFLAGS", "--cap-lints warn")
            .stderr(Stdio::piped());
        let output =
            sim.output().map_err(|error| Failure::Broken(format!("cargo cannot be run: {error}")))?;
        let (told, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if errors.contains("could not compile") {
            return Err(Failure::Broken(format!("{} does not build:\n{errors}", self.name)));
        }
        let line =
            |begin: &str| told.lines().rev().find_map(|line| line.strip_prefix(begin).map(str::to_owned));
        let unreached = "error: never reached, and so never tried: ";
        if let Some(path) = errors.lines().find_map(|line| line.strip_prefix(unreached)) {
            return Ok(Some(format!("{SEEDS} seeds: never reached: {path}")));
        }
        Ok(line("broken: ").map(|law| {
            let seed = line("again: ").and_then(|again| again.rsplit(' ').next().map(str::to_owned));
            let law: String = law.chars().take(60).collect();
            format!("seed {}: {law}", seed.unwrap_or_default())
        }))
    }
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Makes the copy what the code is; what is the same already is left, so that it is not built again.
fn copy_all(tree: &Path) -> Result<(), Failure> {
    COPIED.iter().try_for_each(|name| copy(&root().join(name), &tree.join(name)))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| broken(from, &error);
    if !from.is_dir() {
        let bytes = fs::read(from).map_err(failed)?;
        if fs::read(to).is_ok_and(|known| known == bytes) {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        return fs::write(to, bytes).map_err(failed);
    }
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // What was built or found there is nobody's source.
        if !["target", "grown", "artifacts"].iter().any(|made| entry.file_name() == *made) {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn broken(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Broken(format!("{} cannot be copied: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_has_its_place_in_the_code() {
        for bug in BUGS {
            let text = fs::read_to_string(root().join(bug.file)).expect("the file is there");
            assert_eq!(text.matches(bug.find).count(), 1, "{}: {}", bug.name, bug.find);
            assert_ne!(bug.find, bug.replace);
        }
    }

    #[test]
    fn an_unknown_bug_is_told_with_those_there_are() {
        let Err(Failure::Usage(message)) = all_are_found(&["nothing".to_owned()]) else {
            panic!("a usage error")
        };
        assert!(message.contains("late-success-dropped"), "{message}");
    }
}
