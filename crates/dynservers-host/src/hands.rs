//! Hands: who does the effects of a provider, blocking or not, and what is wrapped around them.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use dynservers_core::{AsyncExecutor, Completing, Completion, Effect, Executor, Failure, Outcome};

/// Who does the effects of one provider.
///
/// Every loop takes both kinds: an async one runs what blocks on threads for that, and a blocking one waits for what is
/// async on a thread. An async executor that needs the reactor of a runtime is of use on that runtime alone.
#[derive(Clone)]
pub enum Hands {
    /// Somebody who blocks a thread meanwhile.
    Blocking(Arc<dyn Executor>),
    /// Somebody who does not.
    Async(Arc<dyn AsyncExecutor>),
}

impl fmt::Debug for Hands {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Blocking(_) => "Hands::Blocking",
            Self::Async(_) => "Hands::Async",
        })
    }
}

/// Something around every effect of a provider: before it, after it, or in its place.
///
/// Called on the loop's behalf wherever the effect is done: it must not block for long. A panic in it is a lost answer.
pub trait Wrap: Send + Sync {
    /// Is called before an effect. What it gives stands in place of the effect, which is then not done.
    ///
    /// The reconciler takes the completion at its word: to call something done that was not is to lose a server. What
    /// was certainly not done is [`Outcome::Unsent`](dynservers_core::Outcome::Unsent).
    fn before(&self, effect: &Effect) -> Option<Completion> {
        let _ = effect;
        None
    }

    /// Is called with what became of an effect, or of what stood in its place, and gives what the fleet is told.
    fn after(&self, effect: &Effect, completion: Completion) -> Completion {
        let _ = effect;
        completion
    }
}

/// Does nothing, and says why.
struct Nobody(String);

impl AsyncExecutor for Nobody {
    fn execute<'a>(&'a self, _effect: &'a Effect) -> Completing<'a> {
        Box::pin(ready(Outcome::Unsent(Failure::new(self.0.as_str())).into()))
    }
}

impl<W: Wrap + ?Sized> Wrap for Arc<W> {
    fn before(&self, effect: &Effect) -> Option<Completion> {
        (**self).before(effect)
    }

    fn after(&self, effect: &Effect, completion: Completion) -> Completion {
        (**self).after(effect, completion)
    }
}

impl Hands {
    /// Gives somebody who does nothing, and says why.
    pub(crate) fn none(why: String) -> Self {
        Self::Async(Arc::new(Nobody(why)))
    }

    /// Puts something around every effect. Of several, the last one put around is the outermost: its `before` comes
    /// first and its `after` last.
    #[must_use]
    pub fn wrapped(self, wrap: Arc<dyn Wrap>) -> Self {
        match self {
            Self::Blocking(inner) => Self::Blocking(Arc::new(Wrapped { inner, wrap })),
            Self::Async(inner) => Self::Async(Arc::new(Wrapped { inner, wrap })),
        }
    }
}

struct Wrapped<E> {
    inner: E,
    wrap: Arc<dyn Wrap>,
}

impl Executor for Wrapped<Arc<dyn Executor>> {
    fn execute(&self, effect: &Effect) -> Completion {
        let completion = self.wrap.before(effect).unwrap_or_else(|| self.inner.execute(effect));
        self.wrap.after(effect, completion)
    }
}

impl AsyncExecutor for Wrapped<Arc<dyn AsyncExecutor>> {
    fn execute<'a>(&'a self, effect: &'a Effect) -> Completing<'a> {
        Box::pin(async move {
            let completion = match self.wrap.before(effect) {
                Some(instead) => instead,
                None => self.inner.execute(effect).await,
            };
            self.wrap.after(effect, completion)
        })
    }
}
