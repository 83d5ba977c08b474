//! libFuzzer's entry to the target `reconciler`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dynservers_fuzz_targets::reconciler(bytes));
