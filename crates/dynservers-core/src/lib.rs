#![no_std]
#![doc = "The machine."]
extern crate alloc;
pub mod config;
pub mod decision;
pub mod effect;
pub mod event;
pub mod ids;
pub mod input;
pub mod labels;
pub mod look;
pub mod output;
pub mod ports;
pub mod reconciler;
pub mod record;
pub mod spec;
pub mod status;
pub mod time;
pub mod view;

pub use config::*;
pub use decision::*;
pub use effect::*;
pub use event::*;
pub use ids::*;
pub use input::*;
pub use labels::{FoundLabels, Labels};
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
