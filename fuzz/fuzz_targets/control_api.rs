//! libFuzzer's entry to the target `control_api`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dynservers_fuzz_targets::control_api(bytes));
