//! Documents at the root of the repository, whose Rust is compiled with this crate's documentation tests.

#[cfg(all(feature = "tokio", feature = "upcloud", feature = "sqlite"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(all(feature = "tokio", feature = "upcloud", feature = "sqlite"))]
#[doc = include_str!("../../../MIGRATING.md")]
struct Migrating;

#[cfg(feature = "simulation")]
#[doc = include_str!("../../../PROVIDERS.md")]
struct Providers;
