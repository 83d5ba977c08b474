//! The demo keeps what it claims and leaves nothing behind, also when somebody does not want to see its end.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use dynservers_tests::{Told, binary, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Where a demo runs: files to work on, and a place for what it makes, of which nothing may stay.
struct Stage {
    files: TempDir,
    temporary: TempDir,
}

impl Stage {
    fn with(files: usize) -> Self {
        let directory = || TempDir::with_prefix("dynservers-test-").expect("there is a temporary directory");
        let stage = Self { files: directory(), temporary: directory() };
        for number in 0..files {
            let text = format!("file {number}\n").repeat(number * 10);
            fs::write(stage.files.path().join(format!("{number}.txt")), text).expect("the directory is ours");
        }
        stage
    }

    fn demo(&self) -> Command {
        let mut command = Command::new(binary());
        command.arg("demo").arg("--jobs").arg(self.files.path()).env("TMPDIR", self.temporary.path());
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Gives what the demo has made so far: its directory, under whatever name.
    fn made(&self) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(self.temporary.path()).expect("the directory is ours");
        entries.map(|entry| entry.expect("the directory is ours").path()).collect()
    }

    fn leaves_nothing(&self) {
        assert_eq!(self.made(), Vec::<std::path::PathBuf>::new());
        // Who was only about to begin finds nothing to begin with, and ends by itself.
        eventually("no process is left", || processes(self.temporary.path()).is_empty().then_some(()));
    }
}

/// Gives the command lines that name a directory, where the system tells them.
fn processes(directory: &Path) -> Vec<String> {
    let directory = directory.to_str().expect("it was drawn from ASCII");
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(directory)).collect()
}

fn row(shown: &str, name: &str) -> u64 {
    let line = shown.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.split_whitespace().last()?.parse().ok());
    number.unwrap_or_else(|| panic!("no row {name} in {shown}"))
}

#[test]
fn every_job_is_done_once_and_nothing_is_left_behind() {
    let stage = Stage::with(40);
    let told = Told::by(&mut stage.demo());
    assert_eq!(told.code, Some(0), "{told:?}");
    let number = |name| row(&told.out, name);
    assert_eq!(
        (number("jobs: "), number("done: "), number("lost"), number("twice")),
        (40, 40, 0, 0),
        "{told:?}"
    );
    assert!((2..=5).contains(&number("most at a time")), "{told:?}");
    assert!(number("servers made") >= number("most at a time"), "{told:?}");
    let killed =
        (number("workers that we killed"), number("jobs given back"), number("daemons that we killed"));
    assert_eq!(killed, (1, 1, 1), "{told:?}");
    assert_eq!((number("processes left"), number("directories left")), (0, 0), "{told:?}");
    stage.leaves_nothing();
}

#[test]
fn too_few_files_are_told() {
    let stage = Stage::with(3);
    let told = Told::by(&mut stage.demo());
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.err.contains("has 3 files that can be jobs, and 24 are the least"), "{told:?}");
    fs::remove_dir_all(stage.files.path()).expect("the directory is ours");
    let told = Told::by(&mut stage.demo());
    assert!(told.code == Some(1) && told.err.contains("--jobs must name a directory"), "{told:?}");
    stage.leaves_nothing();
}

#[test]
fn who_leaves_early_leaves_nothing_behind() {
    let stage = Stage::with(40);
    let mut demo: Child =
        stage.demo().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    eventually("workers are at work", || {
        let crew = stage.made().first()?.join("crew");
        (fs::read_dir(crew).ok()?.count() > 1).then_some(())
    });
    assert!(cfg!(not(target_os = "linux")) || processes(stage.temporary.path()).len() > 2);
    let id = i32::try_from(demo.id()).ok().and_then(Pid::from_raw).expect("a process has an id");
    kill_process(id, Signal::INT).expect("the process is ours");
    assert_eq!(demo.wait().expect("the process is ours").code(), Some(1));
    stage.leaves_nothing();
}
