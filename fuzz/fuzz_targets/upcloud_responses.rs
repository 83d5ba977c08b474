//! libFuzzer's entry to the target `upcloud_responses`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dynservers_fuzz_targets::upcloud_responses(bytes));
