//! Fuzzes [`linkbait_fuzz::attack`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::attack(bytes));
