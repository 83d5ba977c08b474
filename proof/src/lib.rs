//! What shows that the laws hold: over all runs of small worlds ([`exhaust`]).

pub mod exhaust;
