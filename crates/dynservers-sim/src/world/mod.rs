//! Worlds: the real machine in virtual time, with clouds, stores, hosts and workers that do everything that is known to go
//! wrong.
//!
//! A [`Story`] is a [`Setup`] and a list of [`Step`]s. Told, it lets the steps happen to a [`World`], and after each of them
//! the laws are checked. Then the faults stop, and the world must come to rest within a stated time and be silent.
//! Everything follows from the seed, so that whatever broke a law breaks it again.
//!
//! ```
//! use dynservers_sim::world::{FakeCloud, Story};
//!
//! let telling = Story::from_seed(1).tell(FakeCloud::new, false);
//! assert_eq!(telling.verdict, Ok(()));
//! assert!(telling.millis > 7 * 3_600_000, "six hours to come to rest, and one of it");
//! ```

mod cloud;
mod draw;
mod evidence;
mod fake;
mod follow;
mod host;
mod law;
mod life;
mod peace;
mod run;
mod setup;
mod step;
mod store;
mod story;
mod take;
mod trace;
mod wire;
mod workers;

pub use cloud::{Cloud, Told, TrueServer};
pub use draw::Draw;
pub use evidence::{Evidence, SOMETIMES};
pub use fake::FakeCloud;
pub use follow::{Follow, Ruling, Work};
pub use law::{Law, Violation};
pub use peace::REST_WITHIN;
pub use run::World;
pub use setup::{Join, Orphans, Setup};
pub use step::{AskFate, Boot, Crash, Fate, Meddling, Net, Ops, Shape, Step, StoreTrouble, Stranger, Wish};
pub use story::{Story, Telling};
