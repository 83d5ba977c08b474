//! Waiting for a condition, and for nothing else.

use std::time::{Duration, Instant};

/// How long a condition may take on a machine that is busy with other things. Nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Asks until there is an answer.
///
/// # Panics
///
/// If there is none for [`PATIENCE`]; `what` says what was waited for.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}
