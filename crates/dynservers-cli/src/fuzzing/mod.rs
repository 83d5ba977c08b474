//! The doors by which the fuzz targets come in: what reads words of strangers, and what must hold whatever they say.

mod api;
mod config;
mod fleet;

pub use api::control_api;
pub use config::config;
