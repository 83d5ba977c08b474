#![no_std]
#![doc = "The machine."]
extern crate alloc;
mod adopt;
mod backoff;
mod command;
mod completion;
pub mod config;
pub mod decision;
pub mod effect;
pub mod event;
mod gate;
pub mod ids;
mod inflight;
pub mod input;
mod issue;
pub mod labels;
mod ledger;
mod life;
pub mod look;
pub mod output;
mod pace;
mod plan;
pub mod ports;
mod provider;
pub mod reconciler;
pub mod record;
mod rng;
mod scale;
mod server;
mod sight;
pub mod spec;
pub mod status;
pub mod time;
mod types;
pub mod view;

pub use config::*;
pub use decision::*;
pub use effect::*;
pub use event::*;
pub use ids::*;
pub use input::*;
pub use labels::{FoundLabels, Labels};
pub use ledger::Ledger;
pub use look::*;
pub use output::*;
pub use ports::*;
pub use reconciler::*;
pub use record::*;
pub use spec::*;
pub use status::*;
pub use time::*;
pub use view::*;

/// How many commands are remembered, so that a repeated one is answered and not done again.
pub const COMMANDS_KEPT: usize = 1000;
