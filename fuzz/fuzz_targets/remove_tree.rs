//! Fuzzes [`linkbait_fuzz::remove_tree`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::remove_tree(bytes));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let own = linkbait_fuzz::mutate_plans(&mut data[..max_size], size, linkbait_fuzz::REMOVE_TREE_HEAD, seed);
    own.unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, max_size))
});
