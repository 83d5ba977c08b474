//! Keeps the right number of cloud servers alive for a workload, from inside your own program.
//!
//! Work piles up in your queues, and servers are cloned from a snapshot; it is gone, and they are drained, stopped and
//! deleted. The decision is a pure state machine ([`core`]) made so that it never leaks a server, never makes one twice
//! and never kills one by mistake, whatever is lost, crashed or answered late. This crate puts that machine into a Rust
//! program, on tokio, on async-std, or on plain threads.
//!
//! ```no_run
//! # #[cfg(all(feature = "tokio", feature = "upcloud", feature = "sqlite"))]
//! # mod example {
//! use std::time::Duration;
//!
//! use dynservers::{BoxError, Fleet, ServerType, Sqlite, UpCloud, upcloud};
//!
//! # async fn waiting_minutes() -> Result<u32, BoxError> { Ok(0) }
//! # async fn example() -> Result<(), BoxError> {
//! let image = "01d15ea5-0000-4000-8000-000000000001"; // the snapshot that has your worker on it
//! let fleet = Fleet::builder("workers")
//!     .provider("upcloud", UpCloud::from_env()?)
//!     .server_type(ServerType::new("default").max(20).template(
//!         upcloud::Template::new("de-fra1", "2xCPU-4GB", image),
//!     ))
//!     .store(Sqlite::at("fleet.db"))
//!     .determine_server_count(|fleet| async move {
//!         fleet.ensure(waiting_minutes().await?.div_ceil(10)).await?; // a server for every ten minutes of waiting
//!         Ok::<_, BoxError>(())
//!     })
//!     .start()
//!     .await?;
//!
//! fleet.ensure(3).await?; // durable when it returns
//! fleet.wait_until_settled(Duration::from_secs(600)).await?; // running
//! fleet.shutdown().await?; // the loop ends, the servers stay
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! # Three colours, one fleet
//!
//! | runs on | is | feature |
//! |---|---|---|
//! | tokio | [`tokio::Fleet`], which is `dynservers::Fleet` | `tokio`, a default |
//! | async-std | [`async_std::Fleet`] | `async-std` |
//! | threads | [`blocking::Fleet`] | `blocking` |
//!
//! All three have the same calls under the same names; without `async` in front they block. Other features are `upcloud`
//! (a default), `local` (servers on this machine), `sqlite` (a ledger in a file; no default, since a program can link
//! SQLite only once, and may have it from elsewhere), `demand` (sources that count the work), with it `redis`, `postgres`,
//! `rabbitmq`, `prometheus` (sources of that kind) and `calendar`, and `simulation`. Features add to the interface, and
//! change nothing that is there.
//!
//! The library changes nothing of its host: it sets no TLS provider, no logger, no signal handler and no panic hook, and
//! starts no runtime.
//!
//! # Concepts
//!
//! - A **fleet** has a name, which is on each of its servers as a label. One program at a time keeps it.
//! - A **provider** is where servers can be: [`UpCloud`], [`Local`], or your own ([`Provider`]).
//! - A **server type** says what to clone, where, and within which bounds ([`ServerType`]).
//! - A **server** is one record of the ledger, with a [`Status`]. *Provisioned* are those that count towards what is
//!   desired: new, starting, running, rebooting.
//! - The **ledger** is what the fleet remembers ([`Sqlite`], or any [`Store`](crate::core::Store)). Without one, what
//!   exists is found again by the servers' labels, and what was desired is said again by your program.
//! - **Settled** is a fleet of which all desired servers run, and nothing is on its way.
//!
//! # First fleet
//!
//! The program above, line by line: the account is that of `UPCLOUD_TOKEN`; the type named `default` is what `ensure`
//! means; the closure is called every minute, and says how many servers there should be; `start` reads the ledger, refuses
//! what contradicts it or itself (all mistakes at once, before anything is begun: [`BuildError`]), and runs the loop in the
//! background. To run it yourself, say `build` instead, and give [`Fleet::run`](crate::tokio::Fleet::run) to a `select!`,
//! or to a thread; a program that owns its loop turns this one in it
//! ([`turns`](crate::blocking::FleetBuilder::turns)).
//!
//! `ensure`, `increase` and `decrease` return once the wish is durable, and not when it is fulfilled: that is what
//! `wait_until_settled` waits for. A number outside of the type's bounds is clamped, and the answer says so. If the closure
//! fails, panics or takes too long, the last number stays, [`EventKind::CountUnknown`] says why, and the closure is called
//! again a minute later; on threads, where nobody can end it, once it has returned.
//!
//! # Types
//!
//! ```no_run
//! # #[cfg(all(feature = "tokio", feature = "upcloud"))]
//! # mod example {
//! # use dynservers::{BoxError, Fleet, Provider, ServerType, UpCloud, upcloud};
//! # async fn example() -> Result<(), BoxError> {
//! let account = Provider::from(UpCloud::from_env()?).option("disk_image", "01d15ea5-0000-4000-8000-000000000001");
//! let small = ServerType::new("default").min(1).max(20).template(
//!     upcloud::Template::new("de-fra1", "1xCPU-1GB", "01d15ea5-0000-4000-8000-000000000001"),
//! );
//! // A closure over the new server, called once for each.
//! let big = ServerType::new("big").max(4).template_with(|server| {
//!     let image = server.option("disk_image").ok_or("disk_image is not set")?;
//!     Ok::<_, BoxError>(upcloud::Template::new("de-fra1", "8xCPU-32GB", image))
//! });
//! let fleet = Fleet::builder("workers").provider("upcloud", account).server_type(small).server_type(big);
//! let fleet = fleet.start().await?;
//! fleet.ensure(5).await?; // of the type `default`
//! fleet.of("big").ensure(1).await?;
//! println!("{} of {}", fleet.of("big").provisioned_count().await?, fleet.provisioned_count().await?);
//! for server in fleet.servers().await? {
//!     println!("{} {} {:?}", server.name(), server.status(), server.meta("ip"));
//! }
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! What a server is made from is kept with its record, with references to secrets and not with the secrets. A type that has
//! servers and is no longer in the builder is refused: say [`retired_type`](crate::tokio::FleetBuilder::retired_type) to
//! let it shrink to zero.
//!
//! # Numbers that follow from the work
//!
//! Instead of saying numbers, a type can have a policy: a rule from work to servers, and clamps that keep the number calm,
//! learn how long a job takes, and hold it while the work is not known. With the feature `demand` its work is counted by
//! sources ([`demand`]: a command, a web address, a spool, a Redis, ..., or a closure), as often as `determine_every` says:
//!
//! ```no_run
//! # #[cfg(all(feature = "tokio", feature = "upcloud", feature = "demand", feature = "sqlite"))]
//! # mod example {
//! # use dynservers::{BoxError, Fleet, ServerType, Sqlite, UpCloud, upcloud};
//! # fn jobs_in_the_table() -> Result<u64, std::io::Error> { Ok(0) }
//! # async fn example(template: upcloud::Template) -> Result<(), BoxError> {
//! use dynservers::demand::Unknown;
//! use dynservers::{PolicyConfig, Rule, Signal};
//!
//! let policy = PolicyConfig { rule: Rule::JobsPerServer(10), ..PolicyConfig::default() };
//! let server_type = ServerType::new("default").max(20).template(template).policy(policy).source("table", || {
//!     let waiting = jobs_in_the_table().map_err(|error| Unknown::new(error.to_string()))?;
//!     Ok(Signal { waiting, ..Signal::default() })
//! });
//! let fleet = Fleet::builder("workers")
//!     .provider("upcloud", UpCloud::from_env()?)
//!     .server_type(server_type)
//!     .store(Sqlite::at("fleet.db")) // keeps the decisions
//!     .start()
//!     .await?;
//! for decision in fleet.decisions(5).await? {
//!     println!("{:?} since {:?}", decision.desired, decision.judgement.map(|judgement| judgement.clamps));
//! }
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! A program that has its numbers itself says [`measured`](crate::tokio::Fleet::measured) whenever they change, which
//! needs no feature. What the rules and the clamps do is in `docs/policies.md`.
//!
//! # Events
//!
//! Every event is told once, in order, after the record of it is durable. There are three ways to hear of them: a closure
//! ([`on_event`](crate::tokio::FleetBuilder::on_event)), which has a thread of its own; a stream, or an iterator in the
//! blocking colour ([`events`](crate::tokio::Fleet::events)); and from where a reader left off, over restarts too
//! ([`events_after`](crate::tokio::Fleet::events_after)). Nobody who is slow holds up the fleet: a reader that falls behind
//! catches up from the ledger, and what that does not have any more is told as [`Lagged`].
//!
//! ```no_run
//! # #[cfg(feature = "tokio")]
//! # async fn example(fleet: dynservers::Fleet) {
//! use dynservers::EventKind;
//!
//! let mut events = fleet.events();
//! while let Some(told) = events.next().await {
//!     match told {
//!         Ok(event) => match &event.kind {
//!             EventKind::Errored(server) => eprintln!("{} failed: {:?}", server.name, server.failure),
//!             kind => println!("{} {}", event.id, kind.name()),
//!         },
//!         Err(lagged) => eprintln!("{lagged}"),
//!     }
//! }
//! # }
//! ```
//!
//! # Overriding
//!
//! | to change | say | it is |
//! |---|---|---|
//! | what servers are called | [`naming`](crate::tokio::FleetBuilder::naming) | a closure, or a [`Naming`] |
//! | who goes first, and how workers finish | [`workers`](crate::tokio::FleetBuilder::workers) | [`Workers`]: score, drain, undrain |
//! | what happens before, after or instead of an effect | [`Provider::wrap`] | a [`Wrap`]; several compose |
//! | what does the effects | [`Provider::executor`], [`Provider::http`] | your own provider |
//!
//! ```
//! use dynservers::core::{Completion, Effect};
//! use dynservers::{Drained, BoxError, Subject, Time, Workers, Wrap};
//!
//! /// Counts what the provider refuses.
//! struct Counting(std::sync::atomic::AtomicU64);
//!
//! impl Wrap for Counting {
//!     fn after(&self, _: &Effect, completion: Completion) -> Completion {
//!         if completion.outcome.failure().is_some() {
//!             self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
//!         }
//!         completion
//!     }
//! }
//!
//! /// Asks each worker by its name how it is.
//! struct Crew;
//!
//! impl Workers for Crew {
//!     fn score(&self, server: &Subject) -> Result<Option<u64>, BoxError> {
//!         jobs_in_hand(&server.name).map(Some)
//!     }
//!
//!     fn drain(&self, server: &Subject, _deadline: Time) -> Result<Drained, BoxError> {
//!         Ok(if jobs_in_hand(&server.name)? == 0 { Drained::Yes } else { Drained::NotYet })
//!     }
//! }
//! # fn jobs_in_hand(_: &str) -> Result<u64, BoxError> { Ok(0) }
//! # fn example(provider: dynservers::Provider) {
//! let refused = std::sync::Arc::new(Counting(Default::default()));
//! let provider = provider.wrap(std::sync::Arc::clone(&refused)); // and read it elsewhere
//! # drop((provider, Crew));
//! # }
//! ```
//!
//! # Own providers
//!
//! A cloud with an HTTP API is two pure functions, [`dynservers_http::Provider`]; anything else is an
//! [`Executor`](crate::core::Executor) or an [`AsyncExecutor`](crate::core::AsyncExecutor): one effect in, what became of it
//! out. No sequence, retry or wait is yours to write. `PROVIDERS.md` is the way from nothing to a port in an hour, and the
//! conformance kit in `dynservers-sim` tells what is wrong with it.
//!
//! # Testing
//!
//! With the feature `simulation`, [`simulate`](crate::blocking::FleetBuilder::simulate) gives the real loop in virtual time
//! with a cloud in memory: no network, no waiting. A program on tokio is tested in tokio's paused time, against
//! [`SimulatedCloud`](crate::simulation::SimulatedCloud) as its provider. The example `test_your_app` does the former.
//!
//! # What a crash means
//!
//! A process may be killed, a runtime dropped, a future given up at any moment. Every intent is durable before it is carried
//! out, and every server bears the token of the attempt that made it, so that the next start finds what was under way:
//! nothing is made twice, nothing is forgotten, and servers run on meanwhile. What a crash costs is time: after a create
//! whose answer was lost, the provider's `list_lag` is waited for.
//!
//! - With a ledger, what was desired is remembered as well; without one, a fresh start keeps as many servers as it finds
//!   until it is told a number.
//! - A command whose future was dropped may have been recorded or not. `ensure` may simply be said again.
//! - Dropping the last handle changes nothing; `shutdown` ends the loop, and never the servers. To end those as well, say
//!   `ensure(0)` and wait until it is settled.
//! - Two programs that keep one fleet with one ledger cannot be: the second is refused. With a ledger each, the second
//!   one's servers are noticed, and held until somebody says [`take_over`](crate::tokio::Fleet::take_over).

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
mod audience;
#[cfg(feature = "blocking")]
pub mod blocking;
mod blueprint;
#[cfg(doctest)]
mod documents;
mod errors;
mod events;
mod face;
mod fleet;
mod ledger;
#[cfg(feature = "local")]
pub mod local;
mod measuring;
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
    Billing, Clamp, ClampKind, Combine, Decision, Event, EventId, EventKind, FailedPolicy, FleetView,
    Judgement, OrphanPolicy, OtherOwnerPolicy, PolicyConfig, Reading, Refusal, Rule, RuleStep, ScaleRate,
    ServerEvent, ServerId, Signal, Status, StopBeforeDelete, Subject, Time, Timing, Told, Trigger, TypeName,
};
#[cfg(feature = "demand")]
pub use dynservers_demand as demand;
pub use dynservers_host::{FleetClock, Snapshot as Metrics, Stopped, Wrap};
pub use dynservers_http as http;
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
