//! Delivery: the fleet's events to the user's webhooks and programs, each at least once, in order for each server.
//!
//! [`Lanes`] decides what is delivered when and touches nothing; [`Courier`] carries it out with threads. What a receiver
//! gets is [`payload`].

mod courier;
mod cursor;
mod hook;
mod lanes;

pub use courier::{Bell, Courier, CourierError, Log, MOST_HOOKS, Told, What};
pub use hook::{Hook, InvalidHook, Target, payload};
pub use lanes::{Delivery, Dropped, Filter, Lanes, Limits, Undelivered};
