//! Keeps the right number of cloud servers alive for a workload, from inside your own program.

#![cfg_attr(
    not(any(feature = "tokio", feature = "async-std", feature = "blocking")),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "what makes a fleet is there, and no colour to make it in"
    )
)]

#[cfg(feature = "async-std")]
pub mod async_std;
#[cfg(feature = "blocking")]
pub mod blocking;
mod blueprint;
mod errors;
mod events;
mod face;
mod fleet;
mod ledger;
#[cfg(feature = "local")]
pub mod local;
mod overriding;
mod provider;
mod server;
mod server_type;
#[cfg(feature = "simulation")]
pub mod simulation;
#[cfg(any(feature = "tokio", feature = "async-std"))]
mod stream;
mod template;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "upcloud")]
pub mod upcloud;

#[cfg(any(feature = "tokio", feature = "async-std"))]
pub(crate) use dynservers_host as host;

#[cfg(feature = "tokio")]
pub use self::tokio::{Fleet, FleetBuilder, FleetType};
pub use dynservers_core as core;
pub use dynservers_core::{
    Event, EventId, EventKind, FailedPolicy, FleetView, OrphanPolicy, OtherOwnerPolicy, Refusal, ServerEvent,
    ServerId, Status, StopBeforeDelete, Subject, Time, Timing, TypeName,
};
pub use dynservers_host::{FleetClock, Snapshot as Metrics, Stopped, Wrap};
pub use errors::{BoxError, BuildError, CommandError, Mistake, RunError, SettleError};
pub use events::Lagged;
pub use fleet::Desired;
pub use ledger::OpenStore;
#[cfg(feature = "sqlite")]
pub use ledger::Sqlite;
#[cfg(feature = "local")]
pub use local::Local;
pub use overriding::{Drained, Naming, Undrained, Workers};
pub use provider::Provider;
pub use server::Server;
pub use server_type::ServerType;
#[cfg(any(feature = "tokio", feature = "async-std"))]
pub use stream::Events;
pub use template::{NewServer, Template};
#[cfg(feature = "upcloud")]
pub use upcloud::UpCloud;
