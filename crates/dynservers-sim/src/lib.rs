//! What fleets and providers are tried with, without a network and without waiting.
//!
//! [`conformance`] is for whoever ports dynservers to another cloud, or to anything else that can run servers: one call
//! in a test tells all that is wrong with a provider, why it is dangerous, and what to do.
//!
//! [`world`] is where the laws are tried: the machine in virtual time, with everything that is known to go wrong.
//!
//! [`SimulatedCloud`] and [`VirtualLoop`] are for whoever has a fleet in a program: servers in memory, and the real loop in
//! virtual time. The facade's `simulate` puts the two together.
//!
//! [`forecast`] is for whoever wants to know what a policy does before it is trusted: a day of jobs in a fraction of a second.

mod cloud;
pub mod conformance;
pub mod forecast;
mod virtual_time;
pub mod world;

pub use cloud::{Durations, SimulatedCloud, SimulatedExecutor, SimulatedServer, Trouble};
pub use virtual_time::{SimulationError, VirtualClock, VirtualLoop};
