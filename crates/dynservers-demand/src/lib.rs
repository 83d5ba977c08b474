//! How much work there is: measured by the user's own programs, web addresses and spools of job files.
//!
//! A [`Source`] measures, and says so where it does not know: *unknown* is never zero. [`Sources`] measures all sources of a
//! server type at once, and gives the core its [`Demand`](dynservers_core::Demand). Everything blocks, within bounds; an async
//! host calls it on its blocking pool.
//!
//! `calendar` (a feature) tells which bounds hold by the clock.
//!
//! | source | what it counts |
//! |---|---|
//! | [`Command`] | what a program prints: `17`, or `{"waiting": 12, "in_flight": 5, "oldest_wait": 3.5}` |
//! | [`Http`] | numbers in the JSON that a web address gives, found by JSON pointers |
//! | [`Spool`](spool::Spool) | job files in a directory, waiting and claimed |
//! | `postgres::Postgres` (feature `postgres`) | what a query gives, and the queues of apalis, pgmq and sqlxmq |
//! | `prometheus::Prometheus` (feature `prometheus`) | what an instant query gives |
//! | `rabbitmq::RabbitMq` (feature `rabbitmq`) | messages of queues, ready and unacknowledged |
//! | `redis::Redis` (feature `redis`) | lists, streams and sorted sets, and the queues of Laravel, Sidekiq and `BullMQ` |

#[cfg(any(feature = "postgres", feature = "redis"))]
mod ca;
#[cfg(feature = "calendar")]
pub mod calendar;
mod command;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod failures;
mod http;
#[cfg(any(feature = "postgres", feature = "rabbitmq", feature = "redis"))]
mod login;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
#[cfg(feature = "redis")]
pub mod redis;
mod signal;
mod sources;
pub mod spool;

pub use command::Command;
pub use http::{Http, InvalidPointer};
pub use signal::{Signal, Source, Unknown};
pub use sources::{MOST_SOURCES, Sources, TooManySources};
