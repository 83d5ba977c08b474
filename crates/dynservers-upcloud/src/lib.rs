//! UpCloud for dynservers: its API 1.3 as pure functions over HTTP values.
//!
//! [`UpCloud`] implements [`dynservers_http::Provider`]: an operation becomes an [`http::Request`], the answer becomes
//! an outcome. Nothing here opens a socket, waits or tries again; secrets are read through
//! [`dynservers_http::Secrets`] while a request is built, and never kept. What a server type asks for is a
//! [`Template`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use dynservers_core::{Failure, FleetName, Op, Time};
//! use dynservers_http::{Clock, Provider, Reference, Secrets};
//! use dynservers_upcloud::{Credentials, Settings, UpCloud};
//! use secrecy::SecretString;
//!
//! struct Vault;
//!
//! impl Secrets for Vault {
//!     fn read(&self, _: &Reference) -> Result<SecretString, Failure> {
//!         Ok("ucat_secret".into())
//!     }
//! }
//!
//! let credentials = Credentials::from_env(|name| name == "UPCLOUD_TOKEN")?;
//! let settings = Settings::new(FleetName::new("workers")?, credentials);
//! let upcloud = UpCloud::new(settings, Arc::new(Vault))?;
//!
//! let clock = Clock { time: Time::ZERO, wall_millis: 0 };
//! let request = upcloud.request(&Op::Account, None, clock)?;
//! assert_eq!(request.uri(), "https://api.upcloud.com/1.3/server?limit=1");
//! assert_eq!(request.headers()["authorization"], "Bearer ucat_secret");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod answer;
mod base_url;
mod create;
mod credentials;
#[cfg(feature = "emulator")]
pub mod emulator;
mod envelope;
mod errors;
mod labels;
mod page;
mod provider;
mod request;
pub mod survey;
mod template;
mod wire;

pub use base_url::{BaseUrl, BaseUrlError};
pub use credentials::{Credentials, CredentialsError};
pub use provider::{BILLING_UNIT, Settings, SettingsError, UpCloud};
pub use template::{Location, Part, Segment, Template, TemplateError, TemplateProblem};
