//! dynservers on tokio: the loop around the machine, and the transport for providers with an HTTP API.
//!
//! A [`Host`] is everything that a fleet needs. [`start`] gives a [`Handle`], which the rest of a program speaks with,
//! and a [`Running`], which does the work while it is polled:
//!
//! ```
//! # async fn example(host: dynservers_tokio::Host) -> Result<(), Box<dyn std::error::Error>> {
//! let (handle, running) = dynservers_tokio::start(host).await?;
//! let running = tokio::spawn(running);
//! println!("{} server types", handle.view().await?.types.len());
//! handle.shutdown().await;
//! running.await??;
//! # Ok(())
//! # }
//! ```
//!
//! The crate sets nothing for the whole process: no TLS provider, no subscriber, no signal handler.

mod runtime;
mod transport;

pub use dynservers_host::*;
pub use dynservers_http::TransportSetupError;
pub use runtime::{carry, clock, execute, start};
pub use transport::{HttpExecutor, HttpOptions};
