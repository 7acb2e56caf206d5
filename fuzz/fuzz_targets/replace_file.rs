//! Fuzzes [`linkbait_fuzz::replace_file`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::replace_file(bytes));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let own =
        linkbait_fuzz::mutate_plans(&mut data[..max_size], size, linkbait_fuzz::REPLACE_FILE_HEAD, seed);
    own.unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, max_size))
});
