//! libFuzzer's entry to the target `config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dynservers_fuzz_targets::config(bytes));
