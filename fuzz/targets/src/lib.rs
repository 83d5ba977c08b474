//! What is fuzzed, and what must hold whatever comes: each target is one function of bytes.
//!
//! libFuzzer calls these functions with bytes of its own (`cargo xtask fuzz`), and the tests of this package with every file
//! of `fuzz/corpus/`. To add a target: write its function, name it in [`TARGETS`], put inputs into `fuzz/corpus/NAME/`, and
//! give libFuzzer its entry, `fuzz/fuzz_targets/NAME.rs` with a `[[bin]]` in `fuzz/Cargo.toml`. The tests find what is
//! forgotten.

mod local_state;
mod reconciler;
mod stored_rows;
mod text;
mod upcloud_responses;

pub use dynservers_cli::fuzzing::{config, control_api};
pub use local_state::local_state;
pub use reconciler::reconciler;
pub use stored_rows::stored_rows;
pub use upcloud_responses::upcloud_responses;

/// Something that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its corpus and of libFuzzer's entry.
    pub name: &'static str,
    /// What is done with an input. Panics if anything does not hold that must.
    pub run: fn(&[u8]),
}

/// Everything that is fuzzed.
pub const TARGETS: &[Target] = &[
    Target { name: "config", run: config },
    Target { name: "control_api", run: control_api },
    Target { name: "local_state", run: local_state },
    Target { name: "reconciler", run: reconciler },
    Target { name: "stored_rows", run: stored_rows },
    Target { name: "upcloud_responses", run: upcloud_responses },
];
