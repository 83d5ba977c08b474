//! Blocking executors on an async loop: each effect on tokio's blocking pool.

use std::sync::Arc;

use dynservers_core::{AsyncExecutor, Completing, Effect, Executor, Failure, Outcome};

/// Does the effects of a provider that has only a blocking [`Executor`].
///
/// An effect whose future is dropped goes on: to the machine that is a lost answer.
#[derive(Clone)]
pub struct BlockingExecutor(Arc<dyn Executor>);

impl BlockingExecutor {
    /// Wraps a blocking executor.
    pub fn new(executor: Arc<dyn Executor>) -> Self {
        Self(executor)
    }
}

impl std::fmt::Debug for BlockingExecutor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BlockingExecutor").finish_non_exhaustive()
    }
}

impl AsyncExecutor for BlockingExecutor {
    fn execute<'a>(&'a self, effect: &'a Effect) -> Completing<'a> {
        let (executor, effect) = (Arc::clone(&self.0), effect.clone());
        Box::pin(async move {
            // What it panicked with is not repeated, since that may hold anything.
            tokio::task::spawn_blocking(move || executor.execute(&effect))
                .await
                .unwrap_or_else(|_| Outcome::Lost(Failure::new("the executor panicked")).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dynservers_core::{Completion, EffectId, Op, ProviderName, Time, Why};

    struct Moody;

    impl Executor for Moody {
        fn execute(&self, effect: &Effect) -> Completion {
            assert!(effect.op == Op::Check, "only checks");
            Outcome::Accepted.into()
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_lost_answer_and_nothing_more() {
        let executor = BlockingExecutor::new(Arc::new(Moody));
        let effect = |op| Effect {
            id: EffectId(1),
            provider: ProviderName::new("cloud").unwrap(),
            op,
            step: None,
            not_after: Time::ZERO,
            server: None,
            why: Why::Sync,
        };
        assert_eq!(executor.execute(&effect(Op::Check)).await.outcome, Outcome::Accepted);
        assert!(matches!(executor.execute(&effect(Op::Look)).await.outcome, Outcome::Lost(_)));
    }
}
