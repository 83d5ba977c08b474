//! Effects in flight: each a job of its own, and each ends in exactly one completion.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dynservers_core::{Completion, Effect, EffectId, Failure, Outcome, Reason, Time};

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
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Issued {
    effect: Arc<Effect>,
    at: Instant,
    give_up: Time,
    _leash: Option<Leash>,
}

impl InFlight {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { issued: BTreeMap::new(), deadlines: BTreeSet::new(), metrics }
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
        let given = Arc::clone(&effect);
        let (job, leash) = match hands {
            Hands::Blocking(executor) => {
                let work = move || Kind::Completed(id, executor.execute(&given));
                (Job::Blocking(BlockingJob::new(report, work)), None)
            }
            Hands::Async(executor) => {
                let work = async move { Kind::Completed(id, executor.execute(&given).await) };
                let (job, leash) = AsyncJob::new(report, work);
                (Job::Async(job), Some(leash))
            }
        };
        self.issued.insert(id, Issued { effect, at: Instant::now(), give_up, _leash: leash });
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
        self.end(id, &late).then_some((id, late))
    }

    /// Notes what became of an effect. Gives whether that was still waited for.
    pub(crate) fn end(&mut self, id: EffectId, completion: &Completion) -> bool {
        let Some(issued) = self.issued.remove(&id) else { return false };
        self.deadlines.remove(&(issued.give_up, id));
        let (effect, latency) = (&issued.effect, issued.at.elapsed());
        self.metrics.effect(&effect.provider, effect.op.name(), completion.outcome.name(), latency);
        log(effect, completion, latency);
        true
    }
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
