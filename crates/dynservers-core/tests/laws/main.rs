//! The laws, as far as one process can break them: scenarios and properties over the real machine in virtual time.

mod cloud;
mod commands;
mod crashes;
mod failing;
mod faults;
mod life;
mod missing;
mod ownership;
mod room;
mod sameness;
mod world;
