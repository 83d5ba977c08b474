//! What every loop of dynservers has in common, without a runtime.
//!
//! A [`Host`] is everything that a fleet needs. [`Host::open`] reads the ledger and gives a [`Handle`], which the rest of
//! a program speaks with, and a [`Driver`]: the loop itself, but for the waiting and for having things done. What is left
//! for a runtime is in the documentation of [`Driver`], in twenty lines; `dynservers-tokio`, `dynservers-async-std` and
//! `dynservers-blocking` are that, and a transport for HTTP.
//!
//! Nothing here knows a runtime: futures are awaited on any executor, or by a thread with [`wait`].

mod asks;
mod callers;
mod clock;
mod counting;
mod desk;
mod driver;
mod feed;
mod handle;
mod hands;
mod host;
mod in_flight;
mod jobs;
mod latch;
mod machine;
mod mailbox;
mod metrics;
mod running;
mod settling;
mod threads;

pub use clock::{FleetClock, wall_millis};
pub use counting::{CountFn, Counter, Counting};
pub use driver::{Driver, RunError};
pub use feed::{Feed, Receiver, RecvError};
pub use futures_lite::future::block_on as wait;
pub use handle::{EventsError, Handle, ReloadError, Settled, Stopped};
pub use hands::{Hands, Wrap};
pub use host::{Host, Parts, PrepareFn, StartError};
pub use jobs::{AsyncJob, BlockingJob, Job};
pub use machine::Machine;
pub use mailbox::{Mailbox, News};
pub use metrics::{BOUNDS, EffectKind, Histogram, Snapshot};
pub use running::Running;
pub use threads::Threads;
