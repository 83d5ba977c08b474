//! `demo`: the claim, shown.

pub(crate) mod upcloud;
