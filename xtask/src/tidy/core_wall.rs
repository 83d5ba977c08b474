//! The wall around the core: what it may depend on, and what its sources may name.

use super::Finding;
use super::source::File;
use super::workspace::Metadata;

const CORE: &str = "dynservers-core";
const SOURCES: &str = "crates/dynservers-core/src/";
/// What the core may depend on, outside of its tests.
const DEPENDENCIES: &[&str] = &["hashbrown", "serde", "serde_json", "thiserror"];
/// What the core's sources may not name outside of tests: it is `no_std`, and nothing else guards the doors to it.
const STD: &[&str] = &["std::", "extern crate std"];
/// What they may name in one place, which lets nobody iterate: iterated, they make runs of one seed differ.
const HASHES: &[&str] = &["HashMap", "HashSet", "hash_map", "hash_set"];
const TABLES: &str = "crates/dynservers-core/src/tables.rs";

/// Finds what leads out of the core.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with(SOURCES) && file.is_rust()) {
        if !file.is_test() {
            for (number, line) in file.shipped_lines() {
                for word in STD.iter().filter(|word| names(line, word)) {
                    let message =
                        format!("the core is no_std and is told everything: `{word}` may not be used");
                    findings.push(Finding::new(&file.path, number, message));
                }
            }
        }
        for (number, line) in file.lines().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for word in HASHES.iter().filter(|word| file.path != TABLES && names(line, word)) {
                let message = format!(
                    "nothing in the core may depend on a hash's order: `{word}`, use a BTree or a `Table`"
                );
                findings.push(Finding::new(&file.path, number, message));
            }
        }
        if file.path == format!("{SOURCES}lib.rs") && !file.lines().any(|(_, line)| line == "#![no_std]") {
            findings.push(Finding::new(&file.path, 1, "the core must be `#![no_std]`"));
        }
    }
    findings
}

/// Finds dependencies of the core that are not on its list.
pub(super) fn check_dependencies(metadata: &Metadata) -> Vec<Finding> {
    let Some(core) = metadata.packages.iter().find(|package| package.name == CORE) else {
        return vec![Finding::new("Cargo.toml", 1, format!("there is no package {CORE}"))];
    };
    let unlisted = core.dependencies.iter().filter(|name| !DEPENDENCIES.contains(&name.as_str()));
    let finding = |name: &String| {
        let message = format!("the core may depend on {} only, not on {name}", DEPENDENCIES.join(", "));
        Finding::new(&core.manifest, 1, message)
    };
    unlisted.map(finding).collect()
}

/// Whether a line has a word that is not the end of a longer one.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

#[cfg(test)]
mod tests {
    use super::super::workspace::Package;
    use super::*;

    fn found(text: &str) -> Vec<usize> {
        let file = File::new("crates/dynservers-core/src/a.rs", text);
        check(&[file]).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn std_is_found_outside_of_tests_and_comments() {
        assert_eq!(found("//! std::time\nuse std::time::Instant;\n"), [2]);
        assert_eq!(found("extern crate std;\n"), [1]);
        assert_eq!(found("use core::fmt;\nuse my_std::a;\n// std::env\n"), [0; 0]);
        assert_eq!(found("#[cfg(test)]\nmod tests {\n    use std::env;\n}\n"), [0; 0]);
    }

    #[test]
    fn hashes_are_found_everywhere() {
        assert_eq!(found("use hashbrown::HashMap;\n"), [1]);
        assert_eq!(found("#[cfg(test)]\nmod tests {\n    use x::HashSet;\n}\n"), [3]);
        assert_eq!(found("use alloc::collections::BTreeMap;\n"), [0; 0]);
    }

    #[test]
    fn tables_are_made_of_a_hash() {
        assert_eq!(check(&[File::new(TABLES, "use hashbrown::HashMap;\n")]), []);
    }

    #[test]
    fn only_the_core_is_walled_in_and_its_root_says_so() {
        assert_eq!(check(&[File::new("crates/other/src/a.rs", "use std::env;\n")]), []);
        let root = |text: &str| check(&[File::new("crates/dynservers-core/src/lib.rs", text)]).len();
        assert_eq!((root("#![no_std]\n"), root("//! A.\n")), (0, 1));
    }

    #[test]
    fn a_dependency_that_is_not_listed_is_found() {
        let core = |dependencies: &[&str]| Metadata {
            target_directory: "target".into(),
            packages: vec![Package {
                name: CORE.to_owned(),
                manifest: "crates/dynservers-core/Cargo.toml".to_owned(),
                dependencies: dependencies.iter().map(ToString::to_string).collect(),
            }],
        };
        assert_eq!(check_dependencies(&core(&["serde", "thiserror"])), []);
        let findings = check_dependencies(&core(&["serde", "tokio"]));
        assert!(findings.len() == 1 && findings[0].message.ends_with("not on tokio"), "{findings:?}");
        assert_eq!(check_dependencies(&Metadata::default()).len(), 1);
    }
}
