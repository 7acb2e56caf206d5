//! Fuzzes [`linkbait_fuzz::model_kernel`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::model_kernel(bytes));
