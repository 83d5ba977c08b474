//! The snippets of `PROVIDERS.md`, which are compiled as doctests.

#[doc = include_str!("../../../PROVIDERS.md")]
struct ProvidersDocument;
