//! dynservers on tokio: the loop around the machine, and the transport for providers with an HTTP API.
//!
//! A [`Host`] is everything that a fleet needs. [`Host::start`] gives a [`Handle`], which the rest of a program
//! speaks with, and a [`Running`], which does the work while it is polled:
//!
//! ```
//! # async fn example(host: dynservers_tokio::Host) -> Result<(), Box<dyn std::error::Error>> {
//! let (handle, running) = host.start().await?;
//! let running = tokio::spawn(running);
//! println!("{} server types", handle.view().await?.types.len());
//! handle.shutdown().await;
//! running.await??;
//! # Ok(())
//! # }
//! ```
//!
//! The crate sets nothing for the whole process: no TLS provider, no subscriber, no signal handler.

mod asks;
mod blocking;
mod callers;
mod clock;
mod desk;
mod engine;
mod handle;
mod host;
mod in_flight;
mod machine;
mod metrics;
mod transport;

pub use blocking::BlockingExecutor;
pub use clock::FleetClock;
pub use engine::{PrepareFn, RunError};
pub use handle::{EventsError, Handle, ReloadError, Stopped};
pub use host::{Host, Parts, Running, StartError};
pub use metrics::{BOUNDS, EffectKind, Histogram, Snapshot};
pub use transport::{HttpExecutor, HttpOptions, TransportSetupError};
