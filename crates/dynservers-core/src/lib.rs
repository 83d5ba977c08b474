//! Keeps the right number of cloud servers alive: the pure, sans-IO reconciler.
//!
//! [`Reconciler`] is a state machine that decides everything and touches nothing. It knows no clock, socket, file,
//! thread, environment or random source: it is told what happened ([`Input`]) and what time it is ([`Time`]), and says
//! what to do ([`Output`]). A host carries that out, in whatever runtime it likes.
//!
//! # The loop
//!
//! ```
//! use std::collections::{BTreeMap, VecDeque};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use dynservers_core::{
//!     Account, Action, Command, CommandId, Config, Effect, FailedPolicy, FleetName, Input, Ledger, NoStore,
//!     Op, Outcome, Output, Page, Prepared, ProviderConfig, ProviderName, Reconciler, Seam, Spec, Store,
//!     StoreError, Time, Timing, TypeConfig, TypeName,
//! };
//!
//! /// A provider that has nothing and refuses everything.
//! fn execute(effect: &Effect) -> Outcome {
//!     match effect.op {
//!         Op::Check | Op::Account => Outcome::Account(Account::default()),
//!         Op::Look | Op::Find(_) => {
//!             Outcome::Page(Page { servers: Vec::new(), total: Some(0), seam: Seam::Overlapping })
//!         }
//!         _ => Outcome::Lost(dynservers_core::Failure::new("nobody is there")),
//!     }
//! }
//!
//! /// Does everything that the machine wants by now. A store that fails ends the process: a restart is lawful.
//! fn drain(machine: &mut Reconciler, store: &mut dyn Store, now: Time) -> Result<(), StoreError> {
//!     let mut inbox = VecDeque::new();
//!     loop {
//!         while let Some(output) = machine.poll_output() {
//!             match output {
//!                 // One transaction. Everything that depends on it comes after `Persisted`.
//!                 Output::Persist(batch) => {
//!                     store.append(&batch)?;
//!                     inbox.push_back(Input::Persisted(batch.seq));
//!                 }
//!                 Output::Prepare(prepare) => {
//!                     let name = format!("worker-{}", prepare.server);
//!                     let spec = Arc::new(Spec::new(serde_json::json!({ "plan": "small" })));
//!                     let result = Ok(Prepared { name, spec });
//!                     inbox.push_back(Input::Prepared { server: prepare.server, result });
//!                 }
//!                 // A real host spawns this, and is told of its end later.
//!                 Output::Execute(effect) => {
//!                     let completion = execute(&effect).into();
//!                     inbox.push_back(Input::Completed { effect: effect.id, completion });
//!                 }
//!                 Output::Notify(event) => println!("{} {}", event.at, event.kind.name()),
//!                 Output::Reply { command, reply } => println!("{command}: {reply:?}"),
//!                 _ => {}
//!             }
//!         }
//!         match inbox.pop_front() {
//!             Some(input) => machine.handle_input(input, now),
//!             None => return Ok(()),
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (provider, server_type) = (ProviderName::new("cloud")?, TypeName::new("default")?);
//! let config = Config {
//!     fleet: FleetName::new("workers")?,
//!     timing: Timing::default(),
//!     providers: BTreeMap::from([(provider.clone(), ProviderConfig::default())]),
//!     server_types: BTreeMap::from([(server_type.clone(), TypeConfig::new(provider, 20))]),
//!     retired_types: Default::default(),
//!     shadow: false,
//! };
//! let mut store = NoStore::new(config.fleet.clone());
//! let ledger = Ledger::restore(store.load()?);
//! assert!(ledger.contradictions(&config).is_empty(), "a host refuses to start with any");
//! // The wall clock is read once; from then on only a monotonic clock counts. The seed is random in life.
//! let mut now = Time::from_millis(1_700_000_000_000);
//! let mut machine = Reconciler::new(config, ledger, 7, now);
//!
//! let action = Action::Ensure { server_type: server_type.clone(), count: 2 };
//! machine.handle_input(Input::Command(Command { id: CommandId::new("first")?, action }), now);
//! for _ in 0..10 {
//!     drain(&mut machine, &mut store, now)?;
//!     // A real host waits here for its inbox, at most until this moment.
//!     let Some(wakeup) = machine.poll_timeout() else { break };
//!     now = now.max(wakeup.at);
//!     machine.handle_timeout(now);
//! }
//! assert_eq!(machine.view(now).types[&server_type].desired, Some(2));
//! assert_eq!(machine.ledger().provisioned(&server_type), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # What is guaranteed
//!
//! - No effect that changes anything, no event and no answer is put out before the record of it is durable.
//! - A server that bears the fleet's labels is in the ledger, or is adopted, deleted or reported; whatever was lost,
//!   answered late, or forgotten by a crash between any two outputs.
//! - Nothing is created twice while listings are not later than [`ProviderConfig::list_lag`].
//! - No server counts as gone for want of an answer: only the provider's word for that very server, or two listings
//!   that lack what it agreed to delete.
//! - Equal seeds and equal inputs give equal outputs.
//!
//! # What the host must do
//!
//! - Refuse to start with what [`Ledger::contradictions`] finds, and let one process at a time hold a ledger.
//! - Write each [`Batch`] whole or not at all before it says [`Input::Persisted`]; end the process if that fails.
//! - Do each [`Effect`] at most once, never after its [`Effect::not_after`], and answer with exactly one
//!   [`Completion`]. What may have happened is [`Outcome::Lost`]; credentials or files that cannot be read are
//!   [`Outcome::Denied`], since nothing was sent and the server is not to blame.
//! - Call [`Reconciler::handle_timeout`] at [`Reconciler::poll_timeout`], with a clock that never goes back.
#![no_std]
extern crate alloc;
mod account;
mod adopt;
pub mod ask;
mod backoff;
mod clamp;
mod command;
mod completion;
pub mod config;
mod configure;
mod creation;
pub mod decision;
pub mod demand;
mod drain;
pub mod effect;
pub mod event;
mod gate;
mod glance;
pub mod ids;
mod index;
mod inflight;
pub mod input;
mod issue;
pub mod labels;
mod ledger;
mod life;
pub mod look;
mod measure;
mod missing;
pub mod names;
mod output;
mod pace;
mod plan;
pub mod policy;
pub mod ports;
mod provider;
pub mod reconciler;
pub mod record;
pub mod removal;
mod rng;
mod rule;
mod scale;
mod score;
mod server;
mod servers;
mod sight;
pub mod spec;
pub mod status;
pub mod tables;
mod text;
mod time;
mod touched;
mod types;
mod unsaved;
pub mod view;
pub mod why;

pub use ask::*;
pub use config::*;
pub use decision::*;
pub use demand::*;
pub use effect::*;
pub use event::*;
pub use ids::*;
pub use input::*;
pub use labels::{FoundLabels, Labels};
pub use ledger::Ledger;
pub use look::*;
pub use output::*;
pub use policy::*;
pub use ports::*;
pub use reconciler::*;
pub use record::*;
pub use removal::*;
pub use spec::*;
pub use status::*;
pub use time::*;
pub use view::*;
pub use why::*;

/// How many commands are remembered, so that a repeated one is answered and not done again.
pub const COMMANDS_KEPT: usize = 1000;

/// How many decisions about the number of a type are remembered: a week of one a minute.
pub const DECISIONS_KEPT: usize = 10_000;
