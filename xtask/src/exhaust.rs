//! The exhaustive check: every run of small worlds with the machine as it is, and with each of its safeguards left out.

use std::path::{Path, PathBuf};

use crate::runner::{Cargo, Failure};

/// The safeguards that can be left out of the core; `proof` names the same ones.
const KNOCKOUTS: &[&str] = &["intent", "token", "wait", "conviction"];

const RUN: &str = "run --release --quiet --package dynservers-proof --bin exhaust";

/// Checks that every law holds in every state, and that everything settles.
pub(crate) fn check() -> Result<(), Failure> {
    Cargo::new(RUN).run()
}

/// Checks that each safeguard is missed when it is left out. They are built apart, so that no other build finds them.
pub(crate) fn knockouts() -> Result<(), Failure> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let mut failed = Vec::new();
    for safeguard in KNOCKOUTS {
        match without(safeguard, &target).run() {
            Ok(()) => {}
            Err(Failure::Steps(steps)) => failed.extend(steps),
            Err(other) => return Err(other),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Steps(failed)) }
}

fn without(safeguard: &str, target: &Path) -> Cargo {
    let target = target.join("knockout").display().to_string();
    Cargo::new(RUN)
        .arguments(&["--target-dir".to_owned(), target])
        .environment("RUSTFLAGS", &format!("--cfg dynservers_knockout=\"{safeguard}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::root;

    #[test]
    fn every_safeguard_that_can_be_left_out_is() {
        let read = |file: &str| std::fs::read_to_string(root().join(file)).expect("it is there");
        let (manifest, check) = (read("Cargo.toml"), read("proof/src/exhaust/mod.rs"));
        let quoted: Vec<String> = KNOCKOUTS.iter().map(|safeguard| format!("{safeguard:?}")).collect();
        assert!(manifest.contains(&format!("cfg(dynservers_knockout, values({}))", quoted.join(", "))));
        assert!(check.contains(&format!("KNOCKOUTS: &[&str] = &[{}]", quoted.join(", "))));
    }

    #[test]
    fn a_build_without_a_safeguard_is_kept_apart() {
        let shown = without("wait", Path::new("target")).to_string();
        assert!(
            shown.starts_with("RUSTFLAGS=\"--cfg dynservers_knockout=\\\"wait\\\"\" cargo run --release")
        );
        assert!(shown.ends_with("--target-dir target/knockout"), "{shown}");
    }
}
