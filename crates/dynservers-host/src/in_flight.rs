//! Effects in flight: each a job of its own, and each ends in exactly one completion.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dynservers_core::{Completion, Effect, EffectId, Failure, Outcome, ProviderName, Reason, Time};

use crate::clock::FleetClock;
use crate::hands::Hands;
use crate::jobs::{AsyncJob, BlockingJob, Job, Leash, Report};
use crate::mailbox::{Kind, Mailbox};
use crate::metrics::Metrics;

/// The effects whose completion is still to come. How many there are is the machine's to bound.
///
/// Dropping it gives their futures up, which counts as lost answers.
#[derive(Debug)]
pub(crate) struct InFlight {
    issued: BTreeMap<EffectId, Issued>,
    deadlines: BTreeSet<(Time, EffectId)>,
    /// Blocking ones that were given up and have not come back: each holds a thread.
    hung: BTreeMap<EffectId, ProviderName>,
    clock: FleetClock,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Issued {
    effect: Arc<Effect>,
    at: Instant,
    give_up: Time,
    /// None where it blocks a thread, which cannot be given up.
    leash: Option<Leash>,
}

impl InFlight {
    pub(crate) fn new(clock: FleetClock, metrics: Arc<Metrics>) -> Self {
        Self { issued: BTreeMap::new(), deadlines: BTreeSet::new(), hung: BTreeMap::new(), clock, metrics }
    }

    /// Counts the threads that a provider's executor keeps and does not give back.
    pub(crate) fn count_hung(&self, provider: &ProviderName) -> usize {
        self.hung.values().filter(|hung| *hung == provider).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.issued.is_empty()
    }

    /// Begins an effect. An executor that has no answer at `give_up` is not waited for any longer.
    pub(crate) fn begin(
        &mut self,
        effect: Effect,
        hands: Hands,
        give_up: Time,
        mailbox: &Arc<Mailbox>,
    ) -> Job {
        let effect = Arc::new(effect);
        let id = effect.id;
        let report = Report::new(mailbox, Kind::Completed(id, lost("the executor panicked")));
        let (given, clock) = (Arc::clone(&effect), self.clock.clone());
        let (job, leash) = match hands {
            Hands::Blocking(executor) => {
                let work = move || {
                    let completion = late(&given, &clock).unwrap_or_else(|| executor.execute(&given));
                    Kind::Completed(id, completion)
                };
                (Job::Blocking(BlockingJob::new(report, work)), None)
            }
            Hands::Async(executor) => {
                let work = async move {
                    let completion = match late(&given, &clock) {
                        Some(completion) => completion,
                        None => executor.execute(&given).await,
                    };
                    Kind::Completed(id, completion)
                };
                let (job, leash) = AsyncJob::new(report, work);
                (Job::Async(job), Some(leash))
            }
        };
        self.issued.insert(id, Issued { effect, at: Instant::now(), give_up, leash });
        self.deadlines.insert((give_up, id));
        job
    }

    /// Gives when the next effect is not waited for any longer.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Gives up the next effect that has had its time.
    pub(crate) fn give_up(&mut self, now: Time) -> Option<(EffectId, Completion)> {
        let (at, id) = *self.deadlines.first()?;
        if at > now {
            return None;
        }
        let late = lost("the executor gave no answer in time");
        let issued = self.issued.get(&id).filter(|issued| issued.leash.is_none());
        let provider = issued.map(|issued| issued.effect.provider.clone());
        let ended = self.end(id, &late);
        self.hung.extend(provider.map(|provider| (id, provider)));
        ended.then_some((id, late))
    }

    /// Notes what became of an effect. Gives whether that was still waited for.
    pub(crate) fn end(&mut self, id: EffectId, completion: &Completion) -> bool {
        let Some(issued) = self.issued.remove(&id) else {
            self.hung.remove(&id);
            return false;
        };
        self.deadlines.remove(&(issued.give_up, id));
        let (effect, latency) = (&issued.effect, issued.at.elapsed());
        self.metrics.effect(&effect.provider, effect.op.name(), completion.outcome.name(), latency);
        log(effect, completion, latency);
        true
    }
}

/// Ends an effect whose time passed before its job had its turn, so that no executor has to look at the clock for that.
fn late(effect: &Effect, clock: &FleetClock) -> Option<Completion> {
    let is_late = clock.now() > effect.not_after;
    is_late.then(|| Outcome::Unsent(Failure::new("its time had passed before it could be begun")).into())
}

fn lost(message: &str) -> Completion {
    Outcome::Lost(Failure::new(message)).into()
}

fn log(effect: &Effect, completion: &Completion, latency: Duration) {
    let op = effect.op.name();
    let provider = effect.provider.as_str();
    let server = effect.server.map(|server| server.0);
    let outcome = completion.outcome.name();
    let latency_millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    let id = effect.id.0;
    match (trouble(&completion.outcome), effect.op.is_read()) {
        (Some(failure), _) => {
            tracing::warn!(effect = id, op, provider, server, outcome, latency_millis, %failure);
        }
        (None, true) => tracing::debug!(effect = id, op, provider, server, outcome, latency_millis),
        (None, false) => tracing::info!(effect = id, op, provider, server, outcome, latency_millis),
    }
}

/// Gives the failure that somebody may want to know of. Absent, existing and busy servers are daily news.
fn trouble(outcome: &Outcome) -> Option<&Failure> {
    match outcome {
        Outcome::Page(_)
        | Outcome::Inspected(_)
        | Outcome::Account(_)
        | Outcome::Created(_)
        | Outcome::Accepted
        | Outcome::Absent(_)
        | Outcome::Exists(_)
        | Outcome::Refused(Reason::Busy, _) => None,
        Outcome::Refused(_, failure)
        | Outcome::Vanished(failure)
        | Outcome::Denied(failure)
        | Outcome::Throttled { failure, .. }
        | Outcome::Unsent(failure)
        | Outcome::Lost(failure) => Some(failure),
    }
}
