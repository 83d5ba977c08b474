//! libFuzzer's entry to the target `stored_rows`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dynservers_fuzz_targets::stored_rows(bytes));
