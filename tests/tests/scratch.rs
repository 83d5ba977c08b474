//! Programs outside of the workspace that use the library as anybody would: one runtime each, and nothing else of ours.
//!
//! `cargo xtask scratch` runs them. They are built from nothing, which is too long for every run of the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use dynservers_tests::{Cloud, Told, binary};
use serde_json::{Value, json};

/// Without this variable nothing is built, and nothing is run.
const ASKED_FOR: &str = "DYNSERVERS_SCRATCH";

/// What must not be in the tree of a program that did not ask for it.
const TOKIO: &[&str] = &["tokio", "reqwest", "hyper"];
const ASYNC_STD: &[&str] = &["async-std"];
const UREQ: &[&str] = &["ureq"];
const OUR_SQLITE: &[&str] = &["rusqlite"];

/// A program, in a folder of its own.
struct Program(&'static str);

impl Program {
    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scratch").join(self.0)
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.arg(command).arg("--manifest-path").arg(self.folder().join("Cargo.toml"));
        // Where there is no terminal, nobody reads how far it is.
        cargo.env("CARGO_TERM_QUIET", "true");
        cargo
    }

    /// Takes the versions of the workspace: what others are needed is all that is new.
    fn takes_our_versions(&self) {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        std::fs::copy(ours, self.folder().join("Cargo.lock")).expect("the workspace has a lock");
    }

    /// Builds it beside the others, outside of the workspace's own builds, and gives what can be run.
    fn build(&self) -> PathBuf {
        let target = binary().ancestors().nth(2).expect("a binary is in a target directory").join("scratch");
        let told = Told::by(self.cargo("build").arg("--target-dir").arg(&target));
        assert_eq!(told.code, Some(0), "{} does not build: {}", self.0, told.err);
        // Ours too: a path is no registry, whose crates are built with their warnings off.
        assert!(!told.err.contains("warning"), "{} is warned: {}", self.0, told.err);
        target.join("debug").join(format!("scratch-{}", self.0))
    }

    /// Asserts that none of these crates came with the library.
    fn has_none_of(&self, unwanted: &[&[&str]]) {
        let tree = Told::by(self.cargo("tree").args(["--edges", "normal", "--prefix", "none"]));
        assert_eq!(tree.code, Some(0), "{}", tree.err);
        let crates: Vec<&str> = tree.out.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(crates.contains(&"dynservers-core"), "{crates:?}");
        let found: Vec<_> = unwanted.concat().into_iter().filter(|name| crates.contains(name)).collect();
        assert!(found.is_empty(), "{} has {found:?} in its tree", self.0);
    }

    /// Runs it against a cloud of its own, of which nothing may be left.
    fn stands(&self, settings: &Value, unwanted: &[&[&str]]) {
        if std::env::var_os(ASKED_FOR).is_none() {
            println!("not asked for: `cargo xtask scratch` runs it");
            return;
        }
        self.takes_our_versions();
        let format = Told::by(self.cargo("fmt").arg("--check"));
        assert_eq!(format.code, Some(0), "{}: {}{}", self.0, format.out, format.err);
        let program = self.build();
        self.has_none_of(unwanted);
        let cloud = Cloud::with(100, settings);
        let mut command = Command::new(program);
        command.env("DYNSERVERS_SCRATCH_URL", cloud.url()).env("UPCLOUD_TOKEN", "ucat_0123456789secret");
        let told = Told::by(command.env_remove("UPCLOUD_USERNAME").env_remove("UPCLOUD_PASSWORD"));
        assert_eq!(told.code, Some(0), "{}: {}{}", self.0, told.out, told.err);
        let report = cloud.report();
        println!(
            "{}made {}, deleted {}, most at a time {}, requests {}",
            told.out,
            report.created.len(),
            report.deleted.len(),
            report.peak,
            report.requests
        );
        assert!(report.servers.is_empty(), "servers left: {:?}", report.servers);
        assert!(report.disks_left.is_empty(), "disks left: {:?}", report.disks_left);
        assert!(report.ever_doubled.is_empty(), "doubled: {:?}", report.ever_doubled);
        assert_eq!(report.created.len(), report.deleted.len());
        assert!(report.peak <= 5, "more than the account may have: {}", report.peak);
    }
}

/// Each second create takes three seconds longer than the program's patience, and each third ends in an error.
fn troubled() -> Value {
    json!({"create-error-every": 3, "create-stuck-every": 2, "create-stuck-millis": 300_000})
}

#[test]
fn a_program_on_tokio_hears_of_everything_and_leaves_nothing() {
    Program("tokio").stands(&troubled(), &[ASYNC_STD, UREQ, OUR_SQLITE]);
}

#[test]
fn a_program_on_async_std_hears_of_everything_and_leaves_nothing() {
    Program("async-std").stands(&troubled(), &[TOKIO, OUR_SQLITE]);
}

#[test]
fn a_program_on_threads_hears_of_everything_and_leaves_nothing() {
    Program("blocking").stands(&troubled(), &[TOKIO, ASYNC_STD, OUR_SQLITE]);
}

#[test]
fn a_program_that_links_sqlite_by_sqlx_links_it_once() {
    Program("sqlx").stands(&json!({}), &[ASYNC_STD, UREQ, OUR_SQLITE]);
}
