//! Fuzzes [`linkbait_fuzz::timeline_text`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::timeline_text(bytes));
