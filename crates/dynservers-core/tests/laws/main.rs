//! The laws, as far as one process can break them: scenarios and properties over the real machine in virtual time.

mod cloud;
mod commands;
mod life;
mod owners;
mod world;
