//! Every run of a small world, with the real machine in it.
//!
//! A [`World`] is the machine itself, a disk, a cloud that does what it is asked, what is on its way between them, and what
//! may still go wrong. A [`Step`] is one thing that happens. [`check`] lets `stateright` look at every state that can be
//! reached within a [`Bounds`] and demands the [`LAWS`]; [`explore`] walks the same graph and judges from every state whether
//! it settles. States are told apart by their canonical form (`canon`), which says why that is enough.

mod bounds;
mod canon;
mod cloud;
mod disk;
mod explore;
mod graph;
mod laws;
mod model;
mod settling;
mod step;
mod story;
mod world;

pub use bounds::{ALL, Bounds, Faults, KNOCKED_OUT, SMALL};
pub use explore::{Exploration, explore, first_broken};
pub use laws::{LAWS, Law, RARE};
pub use model::{Exhaust, Safety, check};
pub use step::Step;
pub use story::tell;
pub use world::{Rules, World};

/// The safeguards that can be left out of the core, each by `--cfg dynservers_knockout="NAME"`.
pub const KNOCKOUTS: &[&str] = &["intent", "token", "wait", "conviction"];

/// Gives the safeguard that was left out of this build.
#[must_use]
pub fn knocked_out() -> Option<&'static str> {
    let out = [
        cfg!(dynservers_knockout = "intent"),
        cfg!(dynservers_knockout = "token"),
        cfg!(dynservers_knockout = "wait"),
        cfg!(dynservers_knockout = "conviction"),
    ];
    out.iter().position(|out| *out).map(|place| KNOCKOUTS[place])
}

#[cfg(test)]
mod tests;
