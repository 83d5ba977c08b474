//! Lenses: many look at the fleet at once, and the loop is asked once for all of them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Answers one kind of question for everybody who asks it, at most once in a while.
///
/// An answer is never older than its question: who has given a command sees what came of it. Whoever asks while
/// nobody else does waits for nothing but the loop.
#[derive(Debug)]
pub(crate) struct Lens<T> {
    /// How much time lies between two questions to the loop at least.
    pace: Duration,
    last: Mutex<Option<Answer<T>>>,
}

#[derive(Debug)]
struct Answer<T> {
    /// When the loop was asked.
    asked: Instant,
    value: Arc<T>,
}

impl<T> Lens<T> {
    /// Makes a lens through which nobody has looked.
    pub(crate) fn new(pace: Duration) -> Self {
        Self { pace, last: Mutex::new(None) }
    }

    /// Gives an answer that was asked for after this call began: by somebody else, or by `ask`.
    pub(crate) async fn look<E, F: Future<Output = Result<T, E>> + Send>(
        &self,
        ask: impl FnOnce() -> F + Send,
    ) -> Result<Arc<T>, E> {
        let came = Instant::now();
        // Whoever waits here while another asks finds an answer that was asked for meanwhile.
        let mut last = self.last.lock().await;
        if let Some(answer) = last.as_ref() {
            if answer.asked >= came {
                return Ok(Arc::clone(&answer.value));
            }
            tokio::time::sleep_until(answer.asked + self.pace).await;
        }
        let asked = Instant::now();
        let value = Arc::new(ask().await?);
        *last = Some(Answer { asked, value: Arc::clone(&value) });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const PACE: Duration = Duration::from_millis(20);

    #[tokio::test(start_paused = true)]
    async fn many_are_answered_by_few_questions_and_none_by_an_old_one() {
        let lens = Arc::new(Lens::new(PACE));
        let asked = Arc::new(AtomicU32::new(0));
        let look = || {
            let (lens, asked) = (Arc::clone(&lens), Arc::clone(&asked));
            tokio::spawn(async move {
                lens.look(|| async {
                    // The answer takes a while.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Ok::<_, ()>(asked.fetch_add(1, Ordering::Relaxed) + 1)
                })
                .await
            })
        };
        assert_eq!(look().await.unwrap(), Ok(Arc::new(1)));
        let many: Vec<_> = (0..1_000).map(|_| look()).collect();
        for one in many {
            assert_eq!(one.await.unwrap(), Ok(Arc::new(2)), "asked for after it came, and once for all");
        }
        assert_eq!(look().await.unwrap(), Ok(Arc::new(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_while_asking_leaves_the_lens_to_the_next() {
        let lens: Lens<u32> = Lens::new(PACE);
        let never = lens.look(std::future::pending::<Result<u32, ()>>);
        assert!(tokio::time::timeout(PACE, never).await.is_err());
        assert_eq!(lens.look(|| async { Err(()) }).await, Err(()));
        assert_eq!(lens.look(|| async { Ok::<_, ()>(7) }).await, Ok(Arc::new(7)));
    }
}
