//! What every colour must do alike: scenarios, written once, for whatever a call of the colour needs to come to its end.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "helpers of tests are tests; the lint excuses only the functions marked so, and not every colour needs all"
)]

pub(crate) mod calls;
pub(crate) mod closures;
pub(crate) mod demands;
pub(crate) mod readers;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dynservers::{BoxError, Event, PolicyConfig, Provider, Rule, ServerType, Timing};
use dynservers_sim::{Durations, SimulatedCloud};

/// How long a condition may take on a machine that is busy with other things. Nothing is measured by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A cloud that is as fast as a test wants it.
pub(crate) fn cloud() -> SimulatedCloud {
    let millis = Duration::from_millis(5);
    SimulatedCloud::new(Durations { create: millis, stop: millis, reboot: millis })
}

/// The cloud as a provider that answers soon.
pub(crate) fn provider(cloud: &SimulatedCloud) -> Provider {
    let cloud = cloud.clone();
    let executor = Provider::executor_with(move |_, clock| {
        let clock = clock.clone();
        Ok::<_, BoxError>(cloud.executor(move || clock.now()))
    });
    executor
        .request_timeout(Duration::from_millis(300))
        .list_lag(Duration::from_millis(20))
        .restart_time(Duration::from_millis(20))
}

pub(crate) fn server_type() -> ServerType {
    ServerType::new("default").template(serde_json::json!({ "size": "small" }))
}

/// A server for every ten jobs, up and down at once.
pub(crate) fn policy() -> PolicyConfig {
    let rule = Rule::JobsPerServer(10);
    PolicyConfig { rule, rate_up: None, scale_in_after: Duration::ZERO, ..PolicyConfig::default() }
}

/// Looks often.
pub(crate) fn timing() -> Timing {
    Timing {
        poll_interval: Duration::from_millis(5),
        resync_interval: Duration::from_millis(50),
        ..Timing::default()
    }
}

/// Waits for a condition that nobody tells of.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Keeps what it is told.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Event>>>);

impl Heard {
    pub(crate) fn listener(&self) -> impl FnMut(&Event) + Send + 'static {
        let heard = Arc::clone(&self.0);
        move |event| heard.lock().unwrap().push(event.clone())
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().iter().map(|event| event.kind.name()).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().contains(&name)
    }

    /// Gives the events, which must be in order, each once.
    pub(crate) fn in_order(&self) -> Vec<Event> {
        let heard = self.0.lock().unwrap().clone();
        let numbers: Vec<u64> = heard.iter().map(|event| event.id.0).collect();
        let expected: Vec<u64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected);
        heard
    }
}
