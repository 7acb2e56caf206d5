//! Fuzzes [`linkbait_fuzz::victim_file`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::victim_file(bytes));
