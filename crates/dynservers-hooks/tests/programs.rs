//! Programs run within their bounds, and leave nothing behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test file, helpers included")]

use std::path::Path;
use std::time::Duration;

use dynservers_hooks::{End, KEPT_STDERR, MOST_STDOUT, Program, ProgramError};

const LONG: Duration = Duration::from_secs(60);

fn shell(script: &str, timeout: Duration) -> Program {
    Program::new(["/bin/sh", "-c", script].map(str::to_owned).into(), timeout)
}

fn wait_until_gone(pid: &str) {
    // A process that was killed may be nobody's child for a moment.
    while Path::new("/proc").join(pid).exists()
        && !std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default().contains(") Z")
    {
        std::thread::yield_now();
    }
}

#[test]
fn what_it_prints_and_how_it_ends_is_told() {
    let output = shell("cat; echo oops >&2; exit 3", LONG).run(&[], b"hello").unwrap();
    assert_eq!(
        (output.status, output.stdout.as_slice(), output.stderr.as_str()),
        (End::Exit(3), &b"hello"[..], "oops\n")
    );
    assert_eq!(shell("kill -9 $$", LONG).run(&[], &[]).unwrap().status, End::Signal(9));
}

#[test]
fn a_program_need_not_read_what_it_is_given() {
    let input = vec![b'x'; 1024 * 1024];
    assert_eq!(shell("exit 0", LONG).run(&[], &input).unwrap().status, End::Exit(0));
    let output = shell("wc -c", LONG).run(&[], &input).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "1048576");
}

#[test]
fn it_inherits_nothing_that_may_be_a_secret() {
    let given = [("GIVEN".to_owned(), "a b".to_owned())];
    let output = shell("env", LONG).run(&given, &[]).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("GIVEN=a b"));
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")), "there is something to hide");
    assert!(!printed.contains("CARGO"), "{printed}");
}

#[test]
fn it_runs_where_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().canonicalize().unwrap();
    let program = Program { directory: Some(place.clone()), ..shell("pwd -P", LONG) };
    let output = program.run(&[], &[]).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), place.to_str().unwrap());
}

#[test]
fn one_that_hangs_is_killed_with_all_that_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    let script =
        format!("sleep 1000 & echo deep in >&2; echo $! > {0}.tmp; mv {0}.tmp {0}; wait", file.display());
    // The time may be over before the script has begun: then it gets more.
    let mut timeout = Duration::from_millis(200);
    let (error, pid) = loop {
        let error = shell(&script, timeout).run(&[], &[]).unwrap_err();
        match std::fs::read_to_string(&file) {
            Ok(pid) => break (error, pid),
            Err(_) => timeout *= 2,
        }
    };
    assert!(matches!(&error, ProgramError::TimedOut { stderr, .. } if stderr == "deep in\n"), "{error:?}");
    wait_until_gone(pid.trim());
}

#[test]
fn a_grandchild_that_keeps_the_pipes_open_holds_nobody() {
    let output = shell("sleep 1000 & echo $!", LONG).run(&[], &[]).unwrap();
    assert_eq!(output.status, End::Exit(0));
    wait_until_gone(String::from_utf8(output.stdout).unwrap().trim());
}

#[test]
fn output_is_bounded() {
    let most = format!("head -c {MOST_STDOUT} /dev/zero");
    assert_eq!(shell(&most, LONG).run(&[], &[]).unwrap().stdout.len(), MOST_STDOUT);
    let error = shell("cat /dev/zero", LONG).run(&[], &[]).unwrap_err();
    assert!(matches!(error, ProgramError::TooMuch { .. }), "{error}");
    let output =
        shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo last >&2", LONG).run(&[], &[]).unwrap();
    assert_eq!(output.stderr.len(), KEPT_STDERR);
    assert!(output.stderr.ends_with("xlast\n"));
}

#[test]
fn what_is_not_there_is_said() {
    let nothing = Program::new(Vec::new(), LONG).run(&[], &[]).unwrap_err();
    assert_eq!(nothing, ProgramError::Nothing);
    let missing = Program::new(vec!["/no/such/program".into()], LONG).run(&[], &[]).unwrap_err();
    assert!(missing.to_string().starts_with("/no/such/program cannot be started: "), "{missing}");
}
