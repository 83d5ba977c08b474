//! dynservers on async-std: the loop around the machine, and the transport for providers with an HTTP API.
//!
//! async-std is discontinued upstream (RUSTSEC-2025-0052). This crate is for those who have it, is a default of nothing,
//! and will be deleted when the last of them is gone. HTTP is carried by [`dynservers_blocking`] on async-std's pool of
//! threads, so that there is no second client to trust.
//!
//! A [`Host`] is everything that a fleet needs. [`start`] gives a [`Handle`], which the rest of a program speaks with,
//! and a [`Running`], which does the work while it is polled:
//!
//! ```
//! # async fn example(host: dynservers_async_std::Host) -> Result<(), Box<dyn std::error::Error>> {
//! let (handle, running) = dynservers_async_std::start(host).await?;
//! let running = async_std::task::spawn(running);
//! println!("{} server types", handle.view().await?.types.len());
//! handle.shutdown().await;
//! running.await?;
//! # Ok(())
//! # }
//! ```
//!
//! The crate sets nothing for the whole process: no TLS provider, no logger, no signal handler.

mod runtime;

pub use dynservers_blocking::{HttpExecutor, HttpOptions, TransportSetupError};
pub use dynservers_host::*;
pub use runtime::{carry, execute, start};
