//! Fuzzes [`linkbait_fuzz::names`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::names(bytes));
