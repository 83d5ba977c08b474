//! dynservers on threads: the transport for providers with an HTTP API, without an async runtime.
//!
//! [`HttpExecutor`] does one effect at a time on the thread that calls it, and any number of threads may share one:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use dynservers_blocking::{FleetClock, HttpExecutor, HttpOptions};
//! use dynservers_core::{Completion, Effect, Executor as _};
//!
//! # fn example(provider: Arc<dyn dynservers_http::Provider>, effect: &Effect) -> Result<Completion, Box<dyn std::error::Error>> {
//! let options = HttpOptions { request_timeout: Duration::from_secs(30), clock: FleetClock::new() };
//! let executor = HttpExecutor::new(provider, options)?;
//! Ok(executor.execute(effect))
//! # }
//! ```
//!
//! The crate sets nothing for the whole process: no TLS provider, no logger, no signal handler.

mod transport;

pub use dynservers_host::FleetClock;
pub use transport::{HttpExecutor, HttpOptions, TransportSetupError};
