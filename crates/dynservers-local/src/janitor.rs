//! The janitor: a thread that keeps promises between two looks: deadlines, ends of children, bounds of logs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dynservers_core::Token;

use crate::children;
use crate::logs;
use crate::place::Place;
use crate::site::Site;

/// Between two rounds while something is wished and not yet true.
const BUSY: Duration = Duration::from_millis(100);
/// Between two rounds while there are servers at all, and between two looks at the logs.
const IDLE: Duration = Duration::from_secs(1);

/// What the janitor remembers from round to round.
#[derive(Debug, Default)]
struct Rounds {
    /// The bound of each log; none for servers that are not ours.
    limits: BTreeMap<Token, Option<u64>>,
    logs_at: Option<Instant>,
}

/// Starts the janitor of a site. It ends when the site's bell says so.
pub(crate) fn start(site: Arc<Site>) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name("dynservers-local".to_owned()).spawn(move || {
        let mut rounds = Rounds::default();
        let mut next = Some(Duration::ZERO);
        while site.bell.wait(next) {
            next = rounds.go(&site);
        }
    })
}

impl Rounds {
    /// Does one round. Gives how long to wait for the next one; for ever while there is no server.
    fn go(&mut self, site: &Site) -> Option<Duration> {
        children::reap();
        let waits = site.enforce_all();
        let places = site.places().unwrap_or_default();
        self.limits.retain(|token, _| places.binary_search_by_key(token, Place::token).is_ok());
        if self.logs_at.is_none_or(|at| at.elapsed() >= IDLE) {
            self.logs_at = Some(Instant::now());
            for place in &places {
                let limit = self
                    .limits
                    .entry(place.token())
                    .or_insert_with(|| site.ours(place).ok().flatten().map(|intent| intent.log_limit));
                if let Some(limit) = limit {
                    // A full disk is no reason to stop: it is tried again in a second.
                    let _ = logs::bound(place, *limit);
                }
            }
        }
        match (waits, places.is_empty()) {
            (true, _) => Some(BUSY),
            (false, false) => Some(IDLE),
            (false, true) => None,
        }
    }
}
