//! dynservers on threads: the loop around the machine, and the transport for providers with an HTTP API, without an
//! async runtime.
//!
//! A [`Host`] is everything that a fleet needs. [`start`] gives a [`Handle`], which the rest of a program speaks with,
//! and a [`Running`], which does the work while it is run:
//!
//! ```
//! # fn example(host: dynservers_blocking::Host) -> Result<(), Box<dyn std::error::Error>> {
//! use dynservers_blocking::{start, wait};
//!
//! let (handle, running) = start(host)?;
//! let running = std::thread::spawn(move || running.run());
//! println!("{} server types", wait(handle.view())?.types.len());
//! wait(handle.shutdown());
//! running.join().expect("a loop does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! A program that has a loop already turns this one in it: [`Running::turn`].
//!
//! The crate sets nothing for the whole process: no TLS provider, no logger, no signal handler.

mod runtime;
mod transport;

pub use dynservers_host::*;
pub use dynservers_http::TransportSetupError;
pub use runtime::{Running, Turned, start};
pub use transport::{HttpExecutor, HttpOptions};
