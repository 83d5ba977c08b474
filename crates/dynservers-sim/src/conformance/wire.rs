//! The wire: effects carried from a provider to the fake of its cloud, without a socket.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use dynservers_core::{Completion, Effect, Executor, Time};
use dynservers_http::{Clock, Exchange, Provider};

use super::subject::Cloud;

/// A provider and a fake of its cloud, as one executor: with it a whole fleet can be run on the fake.
pub struct Wire<P, C> {
    provider: P,
    cloud: Mutex<C>,
    now: Box<dyn Fn() -> Time + Send + Sync>,
}

impl<P: Provider, C: Cloud> Wire<P, C> {
    /// Makes a wire that goes by this clock, which is the wall clock too.
    pub fn new(provider: P, cloud: C, now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self { provider, cloud: Mutex::new(cloud), now: Box::new(now) }
    }
}

impl<P, C> fmt::Debug for Wire<P, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl<P: Provider, C: Cloud + Send> Executor for Wire<P, C> {
    fn execute(&self, effect: &Effect) -> Completion {
        let time = (self.now)();
        let clock = Clock { time, wall_millis: time.as_millis() };
        let exchange = Exchange::new(&self.provider, effect);
        match exchange.request(clock) {
            Ok(request) => {
                let mut cloud = self.cloud.lock().unwrap_or_else(PoisonError::into_inner);
                exchange.finish(Ok(cloud.answer(&request, time.as_millis())), clock)
            }
            Err(ended) => *ended,
        }
    }
}
