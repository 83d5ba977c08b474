//! Children: the processes that this one started, reaped when they end, with a word about it in their server's log.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};

use crate::files::is_file;

/// The children of this process, whichever provider started them: one that is dropped leaves them to the next.
static CHILDREN: Mutex<Vec<Started>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Started {
    child: Child,
    log: PathBuf,
}

/// Takes care of a child from now on.
pub(crate) fn add(child: Child, log: PathBuf) {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner).push(Started { child, log });
}

/// Reaps the children that have ended.
pub(crate) fn reap() {
    let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
    children.retain_mut(|started| match started.child.try_wait() {
        Ok(None) => true,
        Ok(Some(status)) => {
            note(&started.log, &told(status));
            false
        }
        // Somebody else of this process has reaped it.
        Err(_) => false,
    });
}

/// Adds a line of ours to the log of a server. A log that is gone or full stays so, and what a worker put in its place is
/// no log: there is nowhere else to tell it.
pub(crate) fn note(log: &Path, text: &str) {
    if !is_file(log) {
        return;
    }
    if let Ok(mut log) = OpenOptions::new().append(true).open(log) {
        let _ = log.write_all(format!("[dynservers] {text}\n").as_bytes());
    }
}

fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => format!("ended: {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_by_code_or_signal() {
        assert_eq!(told(ExitStatus::from_raw(1 << 8)), "exited with 1");
        assert_eq!(told(ExitStatus::from_raw(9)), "killed by signal 9");
    }
}
