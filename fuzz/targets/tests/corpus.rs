//! The corpus: every input that is kept holds, and no target is without inputs, nor without its entry for libFuzzer.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dynservers_fuzz_targets::{TARGETS, Target};

/// The most bytes that all inputs may have together: what the fuzzer grows is not kept here.
const MOST: u64 = 300 * 1024;

/// Gives a path in the folder of the fuzzer.
fn fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// Gives what is in a folder, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn inputs(target: &Target) -> Vec<PathBuf> {
    entries(&fuzz("corpus").join(target.name))
}

fn names() -> BTreeSet<String> {
    TARGETS.iter().map(|target| target.name.to_owned()).collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn every_input_holds() {
    let mut fallen = Vec::new();
    for target in TARGETS {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{} has no input", target.name);
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))).is_err() {
                fallen.push(input);
            }
        }
    }
    assert!(fallen.is_empty(), "these fell: {fallen:#?}");
}

#[test]
fn inputs_are_those_of_targets_and_small() {
    let folders: BTreeSet<String> = entries(&fuzz("corpus")).iter().map(|path| stem(path)).collect();
    assert_eq!(folders, names());
    let all = TARGETS.iter().flat_map(inputs);
    let bytes: u64 = all.map(|input| fs::metadata(input).unwrap().len()).sum();
    assert!(bytes <= MOST, "{bytes} bytes");
}

#[test]
fn every_target_has_its_entry() {
    let entries: BTreeSet<String> = entries(&fuzz("fuzz_targets")).iter().map(|path| stem(path)).collect();
    assert_eq!(entries, names());
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).unwrap();
    for name in names() {
        let entry = format!("[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&entry), "fuzz/Cargo.toml lacks:\n{entry}");
        let source = fs::read_to_string(fuzz("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(
            source.contains(&format!("dynservers_fuzz_targets::{name}(bytes)")),
            "{name} calls another one"
        );
    }
}
