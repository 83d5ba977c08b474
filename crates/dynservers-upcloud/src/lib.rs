//! UpCloud for dynservers: its API 1.3 as pure functions over HTTP values.
//!
//! [`UpCloud`] implements [`dynservers_http::Provider`]: an operation becomes an [`http::Request`], the answer becomes
//! an outcome. Nothing here opens a socket, waits or tries again; secrets are read through
//! [`dynservers_http::Secrets`] while a request is built, and never kept. What a server type asks for is a
//! [`Template`].

mod address;
mod answer;
mod base_url;
mod create;
mod credentials;
mod envelope;
mod errors;
mod labels;
mod page;
mod provider;
mod request;
mod retry_after;
mod template;
mod wire;

pub use base_url::{BaseUrl, BaseUrlError};
pub use credentials::{Credentials, CredentialsError};
pub use provider::{Settings, SettingsError, UpCloud};
pub use template::{Template, TemplateError};
