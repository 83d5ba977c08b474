//! What the examples share: a queue that somebody works off, and an account that may be an emulator.

#![allow(dead_code, reason = "not every example needs all of it")]
#![allow(missing_docs, unreachable_pub, reason = "a module of examples is nobody's interface")]

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dynservers::{BoxError, Event, Provider, ServerType, Timing, UpCloud, upcloud};

/// A queue: for how many minutes its last job would wait, were there one server. Yours is in Redis, or elsewhere.
#[derive(Clone)]
pub struct Queue(Arc<AtomicU32>);

impl Queue {
    /// Makes a queue with so much work in it.
    pub fn with_minutes(minutes: u32) -> Self {
        Self(Arc::new(AtomicU32::new(minutes)))
    }

    /// Gives for how long its last job waits, in minutes.
    pub fn waiting_minutes(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    /// Stands in for what the servers do: each of them works off five minutes between two looks.
    pub fn work_off(&self, running: u32) {
        let left = self.waiting_minutes().saturating_sub(5 * running);
        self.0.store(left, Ordering::SeqCst);
    }
}

/// The account that the environment tells of; `UPCLOUD_API_URL` leads to an emulator instead, as `dynservers emulate
/// upcloud` is one.
pub fn account() -> Result<Provider, BoxError> {
    let mut account = UpCloud::from_env()?;
    if let Ok(url) = env::var("UPCLOUD_API_URL") {
        account = account.base_url(&url)?;
    }
    // After a lost answer, twice so long is waited before it counts as none.
    Ok(Provider::from(account).list_lag(faster(Duration::from_secs(30))))
}

/// What servers are cloned from: an image of one that has your worker on it.
pub fn server_type() -> ServerType {
    let snapshot = env::var("SNAPSHOT").unwrap_or_else(|_| "01d15ea5-0000-4000-8000-000000000001".to_owned());
    let template = upcloud::Template::new("de-fra1", "2xCPU-4GB", snapshot.as_str());
    ServerType::new("default").max(5).stop_timeout(faster(Duration::from_secs(60))).template(template)
}

/// Looks as often as in life, or as many times more often as `SPEED` says: an emulator may be faster than life too.
pub fn timing() -> Timing {
    let life = Timing::default();
    Timing {
        poll_interval: faster(life.poll_interval),
        resync_interval: faster(life.resync_interval),
        ..life
    }
}

/// Gives a time of life as `SPEED` has it.
pub fn faster(time: Duration) -> Duration {
    let speed = env::var("SPEED").ok().and_then(|speed| speed.parse().ok()).unwrap_or(1);
    time / u32::max(speed, 1)
}

/// Prints an event in a line.
pub fn print(event: &Event) {
    let server = event.kind.server().map(|server| &*server.name).unwrap_or_default();
    println!("{:>16}  {server}", event.kind.name());
}
