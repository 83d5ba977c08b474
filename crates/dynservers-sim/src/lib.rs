//! What providers for dynservers are tried with.

pub mod conformance;
