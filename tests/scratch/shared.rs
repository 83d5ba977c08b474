//! What the scratch programs have in common: an account at the emulator, and the kinds of events that each must hear.

#![allow(dead_code, reason = "not every program needs all of it")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynservers::upcloud::Template;
use dynservers::{BoxError, Event, Provider, ServerType, Timing, UpCloud};

/// How long anything may take on a machine that is busy with other things. Nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at something that nobody tells of.
pub const MOMENT: Duration = Duration::from_millis(20);
/// How many servers the account may have.
pub const ROOM: u32 = 5;

/// The snapshot that every emulator has.
const SNAPSHOT: &str = "01d15ea5-0000-4000-8000-000000000001";
/// What everybody who keeps servers is told of.
const KINDS: [&str; 10] = [
    "creating",
    "running",
    "stopping",
    "stopped",
    "deleting",
    "deleted",
    "rebooting",
    "errored",
    "hanging",
    "limit_hit",
];

/// Makes the account, with the credentials of the environment.
pub fn provider() -> Result<Provider, BoxError> {
    let url = std::env::var("DYNSERVERS_SCRATCH_URL")?;
    let cloud = Provider::from(UpCloud::from_env()?.base_url(&url)?);
    let cloud = cloud.request_timeout(Duration::from_secs(3)).list_lag(Duration::from_millis(300));
    Ok(cloud.restart_time(Duration::from_secs(2)).max_servers_in_account(ROOM))
}

pub fn server_type() -> ServerType {
    let template = Template::new("de-fra1", "1xCPU-1GB", SNAPSHOT);
    ServerType::new("default").template(template).stop_timeout(Duration::from_secs(1)).max(10)
}

/// Looks often, and loses patience soon.
pub fn timing() -> Timing {
    Timing {
        poll_interval: Duration::from_millis(150),
        resync_interval: Duration::from_secs(2),
        hanging_after: Duration::from_secs(1),
        failed_retention: Duration::ZERO,
        ..Timing::default()
    }
}

/// How many events there were of each kind.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<BTreeMap<&'static str, u32>>>);

impl Heard {
    pub fn listener(&self) -> impl FnMut(&Event) + Send + 'static {
        let Self(heard) = self.clone();
        move |event| {
            *heard.lock().unwrap_or_else(PoisonError::into_inner).entry(event.kind.name()).or_default() += 1;
        }
    }

    pub fn has(&self, kind: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(kind)
    }

    /// Gives what was heard, in words, once all kinds were: a listener may be a little behind.
    pub fn all_kinds(&self) -> Result<String, BoxError> {
        let begun = Instant::now();
        while let Some(missing) = KINDS.iter().find(|kind| !self.has(kind)) {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err(format!("no event `{missing}` was heard").into());
            }
            std::thread::sleep(MOMENT);
        }
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(heard.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", "))
    }
}
