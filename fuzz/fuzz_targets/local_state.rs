//! libFuzzer's entry to the target `local_state`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dynservers_fuzz_targets::local_state(bytes));
