//! Measuring: how much work there is for each type with sources, told to the machine again and again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{Demand, TypeName};
use dynservers_tokio::Handle;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How much longer than it may take a source is waited for: it bounds itself, and this is for one that does not.
const GRACE: Duration = Duration::from_secs(10);

/// Counts jobs, within a bound of its own. Blocking; the error says why it cannot, for people.
pub(crate) type Count = dyn Fn() -> Result<u64, String> + Send + Sync;

/// One place where work is counted.
pub(crate) struct Source {
    /// What it is called where it fails.
    pub(crate) name: String,
    /// How long counting may take.
    pub(crate) bound: Duration,
    /// Counts.
    pub(crate) count: Arc<Count>,
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The sources of one type.
#[derive(Debug)]
pub(crate) struct Gauge {
    /// The type.
    pub(crate) server_type: TypeName,
    /// From one measurement to the next.
    pub(crate) interval: Duration,
    /// What is added up.
    pub(crate) sources: Vec<Source>,
}

/// The measurements of a fleet. Dropping it ends them; a count that is under way is not told any more.
#[derive(Debug)]
pub(crate) struct Measuring(
    #[expect(dead_code, reason = "held, since dropping it ends the tasks")] JoinSet<()>,
);

impl Measuring {
    /// Measures at once and then at every interval, for as long as the loop runs.
    pub(crate) fn start(gauges: Vec<Gauge>, handle: &Handle) -> Self {
        Self(gauges.into_iter().map(|gauge| measure(gauge, handle.clone())).collect())
    }
}

async fn measure(gauge: Gauge, handle: Handle) {
    let mut ticks = interval(gauge.interval);
    // After a source that took long the next measurement is a whole interval later, not several at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut dials: Vec<Dial> = gauge.sources.into_iter().map(Dial::new).collect();
    loop {
        ticks.tick().await;
        let demand = read(gauge.server_type.clone(), &mut dials).await;
        tracing::debug!(r#type = %demand.server_type, work = demand.work, unknown = demand.unknown, "demand");
        if handle.demand(demand).await.is_err() {
            return;
        }
    }
}

/// Adds up what the sources say. Where one says nothing, the sum is the least that there is.
async fn read(server_type: TypeName, dials: &mut [Dial]) -> Demand {
    // All begin before the first is waited for.
    for dial in dials.iter_mut() {
        dial.begin();
    }
    let (mut work, mut unknown) = (0_u64, Vec::new());
    for dial in dials {
        match dial.read().await {
            Ok(jobs) => work = work.saturating_add(jobs),
            Err(reason) => unknown.push(format!("{}: {reason}", dial.source.name)),
        }
    }
    let unknown = (!unknown.is_empty()).then(|| unknown.join("; "));
    Demand { server_type, work, unknown }
}

/// A source, and its count that is under way: a source that hangs is not asked a second time meanwhile, or hanging
/// threads would pile up.
struct Dial {
    source: Source,
    counting: Option<JoinHandle<Result<u64, String>>>,
}

impl Dial {
    const fn new(source: Source) -> Self {
        Self { source, counting: None }
    }

    fn begin(&mut self) {
        if self.counting.is_none() {
            let count = Arc::clone(&self.source.count);
            self.counting = Some(spawn_blocking(move || count()));
        }
    }

    async fn read(&mut self) -> Result<u64, String> {
        let Some(counting) = &mut self.counting else { return Err("it was not asked".to_owned()) };
        let Ok(counted) = timeout(self.source.bound + GRACE, counting).await else {
            return Err(format!("it gave no answer within {:?}", self.source.bound));
        };
        self.counting = None;
        // What it panicked with is not repeated, since that may hold anything.
        counted.unwrap_or_else(|_| Err("counting panicked".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn dial(name: &str, count: impl Fn() -> Result<u64, String> + Send + Sync + 'static) -> Dial {
        let bound = Duration::from_millis(1);
        Dial::new(Source { name: name.to_owned(), bound, count: Arc::new(count) })
    }

    fn default_type() -> TypeName {
        TypeName::new("default").unwrap()
    }

    #[tokio::test]
    async fn what_the_sources_say_is_added_up() {
        let mut dials = [dial("a", || Ok(3)), dial("b", || Ok(4))];
        let demand = read(default_type(), &mut dials).await;
        assert_eq!((demand.work, demand.unknown), (7, None));
        let mut dials = [dial("a", || Ok(u64::MAX)), dial("b", || Ok(1))];
        assert_eq!(read(default_type(), &mut dials).await.work, u64::MAX);
    }

    #[tokio::test]
    async fn a_source_that_fails_or_panics_leaves_the_rest_as_the_least() {
        let mut dials =
            [dial("a", || Ok(3)), dial("b", || Err("it is down".to_owned())), dial("c", || panic!("secret"))];
        let demand = read(default_type(), &mut dials).await;
        assert_eq!(demand.work, 3);
        assert_eq!(demand.unknown.as_deref(), Some("b: it is down; c: counting panicked"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_unknown_and_not_asked_twice() {
        let (free, hanging) = channel::<()>();
        let hanging: Mutex<Receiver<()>> = Mutex::new(hanging);
        let asked = Arc::new(Mutex::new(0));
        let count = {
            let asked = Arc::clone(&asked);
            move || {
                *asked.lock().unwrap() += 1;
                let _ = hanging.lock().unwrap().recv();
                Ok(5)
            }
        };
        let mut dials = [dial("a", count)];
        // The paused clock does not run on while a blocking thread is at work, so that its end is brought about here.
        for _ in 0..2 {
            dials[0].begin();
            let late = tokio::time::advance(GRACE + GRACE);
            let (read, ()) = tokio::join!(dials[0].read(), late);
            assert!(read.unwrap_err().starts_with("it gave no answer within"));
        }
        free.send(()).unwrap();
        assert_eq!(read(default_type(), &mut dials).await.work, 5);
        assert_eq!(*asked.lock().unwrap(), 1);
    }
}
