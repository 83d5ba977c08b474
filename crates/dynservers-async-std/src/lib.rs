//! dynservers on async-std: the transport for providers with an HTTP API.
//!
//! async-std is discontinued upstream (RUSTSEC-2025-0052). This crate is for those who have it, is a default of nothing,
//! and will be deleted when the last of them is gone. What it does is done on async-std's pool of threads by
//! [`dynservers_blocking`], so there is no second HTTP client to trust.
//!
//! The crate sets nothing for the whole process: no TLS provider, no logger, no signal handler.

mod blocking;
mod transport;

pub use blocking::BlockingExecutor;
pub use dynservers_blocking::{FleetClock, HttpOptions, TransportSetupError};
pub use transport::HttpExecutor;
