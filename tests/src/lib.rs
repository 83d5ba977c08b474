//! What the end-to-end tests share: an emulated cloud and a daemon, each a process of its own, over real sockets.
//!
//! Build the binary first: `cargo xtask test` does.

mod carrier;
mod cloud;
mod evidence;
mod figures;
mod fleet;
mod local;
mod process;
mod receiver;
mod snippets;
mod speak;
pub mod trials;
mod wait;

pub use carrier::Loop;
pub use cloud::Cloud;
pub use evidence::calls;
pub use figures::{Budget, Figure, Table, Unit, Verdict};
pub use fleet::{BIG_TYPE, Fleet, TIMING, Told, WATCHFUL};
pub use local::{WORKER, is_alive};
pub use process::{Process, binary};
pub use receiver::{Answered, Receiver, Request};
pub use snippets::{free_port, is_installed, snippets};
pub use wait::{PATIENCE, eventually};
