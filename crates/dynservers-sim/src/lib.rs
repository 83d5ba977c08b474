//! What providers for dynservers are tried with.
//!
//! [`conformance`] is for whoever ports dynservers to another cloud, or to anything else that can run servers: one call
//! in a test tells all that is wrong with a provider, why it is dangerous, and what to do.

pub mod conformance;
