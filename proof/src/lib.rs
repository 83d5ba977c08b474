//! What shows that the laws hold: over all runs of small worlds ([`exhaust`]), and over many seeds of large ones ([`sim`]),
//! of which one has the whole of UpCloud in it ([`upcloud`]).

pub mod exhaust;
pub mod sim;
pub mod upcloud;
