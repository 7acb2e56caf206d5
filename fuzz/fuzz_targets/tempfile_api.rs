//! Fuzzes [`linkbait_fuzz::tempfile_api`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::tempfile_api(bytes));
