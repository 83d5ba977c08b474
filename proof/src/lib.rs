//! What shows that the laws hold: over many seeds of large worlds ([`sim`]), with the whole of UpCloud in them
//! ([`upcloud`]).

pub mod sim;
pub mod upcloud;
