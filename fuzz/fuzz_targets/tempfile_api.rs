//! Fuzzes [`linkbait_fuzz::tempfile_api`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::tempfile_api(bytes));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let own = linkbait_fuzz::mutate_tempfile_api(&mut data[..max_size], size, seed);
    own.unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, max_size))
});
