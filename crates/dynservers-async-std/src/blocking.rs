//! Blocking executors on an async loop: each effect on async-std's blocking pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_std::task::spawn_blocking;
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
            // The pool would hand a panic on to whoever waits. What it was is not repeated, since that may hold anything.
            spawn_blocking(move || catch_unwind(AssertUnwindSafe(|| executor.execute(&effect))))
                .await
                .unwrap_or_else(|_| Outcome::Lost(Failure::new("the executor panicked")).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use async_std::task::block_on;
    use dynservers_core::{Completion, EffectId, Op, ProviderName, Time, Why};

    use super::*;

    struct Moody;

    impl Executor for Moody {
        fn execute(&self, effect: &Effect) -> Completion {
            assert!(effect.op == Op::Check, "only checks");
            Outcome::Accepted.into()
        }
    }

    #[test]
    fn a_panic_is_a_lost_answer_and_nothing_more() {
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
        assert_eq!(block_on(executor.execute(&effect(Op::Check))).outcome, Outcome::Accepted);
        assert!(matches!(block_on(executor.execute(&effect(Op::Look))).outcome, Outcome::Lost(_)));
    }
}
