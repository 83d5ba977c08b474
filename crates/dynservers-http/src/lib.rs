//! The sans-IO provider protocol: a cloud as two pure functions over HTTP values.
//!
//! A [`Provider`] turns an effect into an [`http::Request`] and the answer to it into a
//! [`Completion`](dynservers_core::Completion). An [`Exchange`] is one such round; a transport is whatever carries it
//! over a socket. Choreography (paging, retries, stop before delete, waiting) is not here: it is the core's.

mod exchange;
mod provider;
mod retry_after;
mod secrets;
pub mod template;
mod text;

pub use exchange::{Exchange, Sent, TransportError, TransportSetupError, stated_length};
pub use provider::{Capabilities, Clock, CreateRetry, Provider, SoftStop, TokenCarrier, Unbuildable};
pub use retry_after::retry_after;
pub use secrecy::{ExposeSecret, SecretString};
pub use secrets::{Reference, Secrets, SystemSecrets, redact, secret_header};
pub use template::{Names, Rendered};
pub use text::Text;
