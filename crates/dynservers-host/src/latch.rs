//! The latch: falls once, when a loop has ended, and lets everybody go who waits for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_listener::Event;

/// Whether a loop has ended.
#[derive(Debug, Default)]
pub(crate) struct Latch {
    fallen: AtomicBool,
    fell: Event,
}

impl Latch {
    /// Waits until it has fallen.
    pub(crate) async fn wait(&self) {
        loop {
            let fell = self.fell.listen();
            if self.fallen.load(Ordering::Acquire) {
                return;
            }
            fell.await;
        }
    }
}

/// Makes a latch fall when it is dropped.
#[derive(Debug)]
pub(crate) struct Weight(pub(crate) Arc<Latch>);

impl Drop for Weight {
    fn drop(&mut self) {
        self.0.fallen.store(true, Ordering::Release);
        self.0.fell.notify(usize::MAX);
    }
}
