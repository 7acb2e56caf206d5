//! Fuzzes [`settings_fuzz::save`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| settings_fuzz::save(bytes));
