//! Effects in flight: each a task of its own, and each ends in exactly one completion.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{AsyncExecutor, Completion, Effect, EffectId, Failure, Outcome, Reason};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

use crate::metrics::Metrics;

/// The effects whose completion is still to come. How many there are is the machine's to bound.
///
/// Dropping it drops their futures, which counts as lost answers.
#[derive(Debug)]
pub(crate) struct InFlight {
    tasks: JoinSet<Completion>,
    issued: HashMap<Id, Issued>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Issued {
    effect: Arc<Effect>,
    at: Instant,
}

impl InFlight {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { tasks: JoinSet::new(), issued: HashMap::new(), metrics }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Begins an effect. An executor that has no answer at `give_up` is not waited for any longer.
    pub(crate) fn begin(
        &mut self,
        effect: Effect,
        executor: Option<Arc<dyn AsyncExecutor>>,
        give_up: Instant,
    ) {
        let effect = Arc::new(effect);
        let issued = Issued { effect: Arc::clone(&effect), at: Instant::now() };
        let task = async move {
            let Some(executor) = executor else {
                return lacking(&effect);
            };
            timeout_at(give_up, executor.execute(&effect))
                .await
                .unwrap_or_else(|_| lost("the executor gave no answer in time"))
        };
        let id = self.tasks.spawn(task).id();
        self.issued.insert(id, issued);
    }

    /// Waits for the next completion; none if nothing is in flight. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<(EffectId, Completion)> {
        loop {
            let joined = self.tasks.join_next_with_id().await?;
            if let Some(ended) = self.end(joined) {
                return Some(ended);
            }
        }
    }

    /// Gives the next completion that is there already.
    pub(crate) fn try_next(&mut self) -> Option<(EffectId, Completion)> {
        loop {
            let joined = self.tasks.try_join_next_with_id()?;
            if let Some(ended) = self.end(joined) {
                return Some(ended);
            }
        }
    }

    fn end(&mut self, joined: Result<(Id, Completion), JoinError>) -> Option<(EffectId, Completion)> {
        let (id, completion) = match joined {
            Ok(ended) => ended,
            // What it panicked with is not repeated, since that may hold anything.
            Err(error) => (error.id(), lost("the executor panicked")),
        };
        let issued = self.issued.remove(&id)?;
        let (effect, latency) = (&issued.effect, issued.at.elapsed());
        self.metrics.effect(&effect.provider, effect.op.name(), completion.outcome.name(), latency);
        log(effect, &completion, latency);
        Some((issued.effect.id, completion))
    }
}

fn lost(message: &str) -> Completion {
    Outcome::Lost(Failure::new(message)).into()
}

fn lacking(effect: &Effect) -> Completion {
    Outcome::Unsent(Failure::new(format!("there is no executor for provider {}", effect.provider))).into()
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
