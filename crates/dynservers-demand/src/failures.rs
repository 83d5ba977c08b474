//! How long nobody connects anew after a connection failed.

use std::time::{Duration, Instant};

use crate::signal::Unknown;

/// The first pause; twice as long after each further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// When a connection last failed to come about, and how often in a row.
#[derive(Default)]
pub(crate) struct Failures(Option<(Instant, u32)>);

impl Failures {
    /// Connects, unless that failed just now.
    pub(crate) fn heed<C>(
        &mut self,
        shown: &str,
        connect: impl FnOnce() -> Result<C, Unknown>,
    ) -> Result<C, Unknown> {
        if let Some((at, times)) = self.0 {
            let pause = FIRST_PAUSE.saturating_mul(1 << times.min(8)).min(LONGEST_PAUSE);
            if at.elapsed() < pause {
                return Err(Unknown::new(format!("{shown}: it could not be reached just now")));
            }
        }
        let result = connect();
        let times = self.0.map_or(0, |(_, times)| times + 1);
        self.0 = result.is_err().then(|| (Instant::now(), times));
        result
    }
}

/// Gives how long is left; never zero, which would mean for ever.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}
